"""One complete service on private stores, whose every process a drill may freeze and kill.

Two web processes, two triage workers with two children each, two keepers, a background worker and
beat, as `make run` starts them (the workers through `faulty_worker`, which adds inputs that kill
or freeze). Everything is a child of this process and ends with it; processes are signalled by
their own ids only.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Self

import httpx
import psycopg
import redis

from backend.stack import ports
from backend.stack.logfile import LogFile
from backend.stack.ports import HOST
from backend.stack.process import Process
from backend.stack.services import Ready, Service, Stage
from backend.stack.stores import PostgreSQL, Valkey, clean_environment
from tests.eventually import eventually

ROOT: Final = Path(__file__).resolve().parents[2]
PASSWORD: Final = "for-tests-only"
START_SECONDS: Final = 90
TRIAGE: Final = "/api/v1/triage/"
WEBS: Final = ("web1", "web2")
WORKERS: Final = ("triage1", "triage2")
KEEPERS: Final = ("keeper1", "keeper2")
OTHERS: Final = ("background", "beat")
STORES: Final = ("postgres", "valkey")


class System:
    """The processes by name. Use it as a context; `start` begins everything."""

    def __init__(self, directory: Path, models_dir: Path, **environment: str) -> None:
        self.directory = directory
        chosen = ports.choose({}, {})
        more = ports.choose({}, {})
        # Durable: a drill that kills the database must not lose what a real one would keep.
        self._stores: dict[str, PostgreSQL | Valkey] = {
            "postgres": PostgreSQL(directory / "postgres", chosen["postgres"], PASSWORD),
            "valkey": Valkey(directory / "valkey", chosen["redis"], PASSWORD),
        }
        self.web_ports = {"web1": chosen["web"], "web2": more["web"]}
        self.environment = os.environ | {
            "DATABASE_URL": self._stores["postgres"].url,
            "REDIS_URL": self._stores["valkey"].url,
            "STATE_DIR": str(directory / "state"),
            "TRIAGE_MODELS_DIR": str(models_dir),
            "ALLOWED_HOSTS": f"localhost,{HOST}",
            "DRILL_SLEEP_FILE": str(directory / "wake"),
            # Both arms meet every fault.
            "EXPERIMENT_ML_SHARE": "0.8",
            "CANARY_SECONDS": "0",
            **environment,
        }
        self.processes: dict[str, Process] = {}
        self._changed: dict[str, dict[str, str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.thaw()
        for name in reversed(list(self.processes)):
            if name in STORES:
                self.processes[name].stop()
            else:
                self.processes[name].kill()

    # --- start -------------------------------------------------------------------------------

    def start(self) -> None:
        """Stores, tables, a client, then all the others at once."""
        self.begin(*STORES)
        key_file = self.directory / "key"
        self.run("manage.py", "migrate", "--noinput", DATABASE_BOUNDED="false")
        self.run("manage.py", "create_client", "drill", "--key-file", str(key_file))
        self.key = key_file.read_text().strip()
        self.begin(*WORKERS, *WEBS, *KEEPERS, *OTHERS)

    def begin(self, *names: str, **environment: str) -> None:
        """Start these processes and wait until each is ready."""
        for name in names:
            self.launch(name, **environment)
        for name in names:
            ready = self.processes[name].wait_until_ready(START_SECONDS)
            assert ready, f"{name} did not start: {self.log(name)[-2000:]}"

    def launch(self, name: str, **environment: str) -> None:
        """Start one process without waiting. Extra variables stay with the name."""
        if environment:
            self._changed[name] = environment
        service = self._stores[name].prepare() if name in STORES else self._service(name)
        variables = clean_environment()
        if name not in STORES:
            variables = self.environment | self._changed.get(name, {})
        log = LogFile(self.directory / f"{name}.log")
        self.processes[name] = Process(service, log, variables, ROOT)

    def _service(self, name: str) -> Service:
        celery = (sys.executable, "-m", "celery", "-A", "tests.drills.faulty_worker")
        quiet = ("--without-gossip", "--without-mingle", "--loglevel=INFO", "-E")
        kind = name.rstrip("0123456789")
        if kind == "web":
            port = self.web_ports[name]
            argv: tuple[str, ...] = (sys.executable, "-m", "gunicorn", "backend.asgi:application")
            argv += ("-c", "backend/gunicorn.py", "--no-control-socket")
            argv += ("--bind", f"{HOST}:{port}", "--workers", "1")
            ready: Ready | None = Ready("http", f"http://{HOST}:{port}/readyz")
        elif kind == "keeper":
            argv, ready = (sys.executable, "manage.py", "keeper"), Ready("log", "keeper.started")
        elif kind == "beat":
            argv, ready = (*celery, "beat", "--loglevel=INFO"), None
        else:
            size = "2" if kind == "triage" else "1"
            argv = (*celery, "worker", "-Q", kind, "-n", f"{name}@%h", "-c", size, *quiet)
            ready = Ready("log", " ready.")
        return Service(name, argv, Stage.SERVE, ready=ready, grace=20)

    def run(self, *arguments: str, **environment: str) -> str:
        """One command to its end; its output."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def restart(self, *names: str, **environment: str) -> None:
        """The orderly end and a new start, with these variables instead of earlier ones."""
        self.stop(*(name for name in names if self.processes[name].exit_code() is None))
        for name in names:
            self._changed.pop(name, None)
        self.begin(*names, **environment)

    # --- faults ------------------------------------------------------------------------------

    def kill(self, *names: str) -> None:
        """SIGKILL to the main process only; its children end as the kernel and it arranged."""
        for name in names:
            process = self.processes[name]
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGCONT)
                os.kill(process.pid, signal.SIGKILL)
            eventually(lambda one=process: one.exit_code() is not None, 10, what=f"{name} is dead")

    def stop(self, *names: str) -> None:
        """The orderly end."""
        for name in names:
            self.processes[name].ask_to_stop()
        for name in names:
            self.processes[name].stop()

    def freeze(self, *pids: int) -> None:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)

    def thaw(self, *pids: int) -> None:
        """Wake these, or everything that is ours."""
        for pid in pids or [one for name in self.processes for one in self.family(name)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def heal(self) -> None:
        """Wake what is frozen, start what is dead, and wait until all of it serves."""
        self.thaw()
        dead = [name for name, one in self.processes.items() if one.exit_code() is not None]
        changed = [name for name in self._changed if name not in dead]
        self._changed.clear()
        self.stop(*changed)
        dead += changed
        stores = [name for name in STORES if name in dead]
        if stores:
            self.begin(*stores)
        self.begin(*(name for name in dead if name not in STORES))
        # A web whose child was killed is not dead: what waits for the next child is served first.
        for name in WEBS:
            with self.client(name, START_SECONDS) as web:
                eventually(lambda one=web: _is_ready(one), START_SECONDS, what=f"{name} serves")

    def pid(self, name: str) -> int:
        return self.processes[name].pid

    def family(self, name: str) -> list[int]:
        """A process and its descendants, parents first."""
        return family(self.pid(name)) if self.processes[name].exit_code() is None else []

    def children(self, *names: str) -> list[int]:
        return [pid for name in names for pid in self.family(name)[1:]]

    # --- looking -----------------------------------------------------------------------------

    def sql(self, statement: str, *parameters: Any) -> list[Any]:
        """One statement as an operator with psql would run it."""
        with psycopg.connect(
            self._stores["postgres"].url, autocommit=True, connect_timeout=5
        ) as connection:
            cursor = connection.execute(statement, parameters or None)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def connect(self) -> psycopg.Connection[Any]:
        """A session of the caller's own, for locks."""
        return psycopg.connect(self._stores["postgres"].url, connect_timeout=5)

    def broker(self) -> Any:
        return redis.Redis.from_url(self._stores["valkey"].url, socket_timeout=5)

    @property
    def broker_port(self) -> int:
        return self._stores["valkey"].port

    def client(self, name: str = "web1", timeout: float = 15) -> httpx.Client:
        """An HTTP client of one web process, carrying the key. Close it."""
        return httpx.Client(
            base_url=f"http://{HOST}:{self.web_ports[name]}",
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=timeout,
        )

    def log(self, *names: str) -> str:
        found = [self.directory / f"{name}.log" for name in names or self.processes]
        return "".join(one.read_text(errors="replace") for one in found if one.exists())

    def unfinished(self) -> int:
        """Rows that are open, or that a worker still has to see."""
        return int(
            self.sql(
                "SELECT count(*) FROM triage_triagerequest"
                " WHERE answer = 'open' OR work IN ('due', 'leased')"
            )[0][0]
        )

    def wait_for_quiet(self, seconds: float = 60) -> None:
        """Until every row is answered and worked on."""
        eventually(lambda: self.unfinished() == 0, seconds, 0.1, what="all work is done")

    def model_children(self, state: str = "ready", within: float = 40) -> set[int]:
        """Pids of triage children that said so lately."""
        rows = self.sql(
            "SELECT pid FROM monitoring_workerstate WHERE kind = 'triage' AND state = %s"
            " AND seen_at > now() - make_interval(secs => %s)",
            state,
            within,
        )
        return {row[0] for row in rows}


def _is_ready(web: httpx.Client) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return web.get("/readyz").status_code == 200
    return False


def family(pid: int) -> list[int]:
    """A process and its descendants, parents first."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(one) for t in tasks for one in (t / "children").read_text().split()]
    except FileNotFoundError:
        return []
    return [pid, *(one for child in children for one in family(child))]


def alive(pids: Iterable[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}/exe").exists()]
