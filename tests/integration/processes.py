"""Real web, worker and keeper processes on the test database, each ended by its id."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Self
from urllib.parse import quote

import httpx
from django.db import connection

from backend.stack import ports
from backend.stack.launch import before_exec
from backend.stack.ports import HOST
from tests.eventually import eventually

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60


class Processes:
    def __init__(self, directory: Path, models_dir: Path) -> None:
        self._directory = directory
        self._started: list[subprocess.Popen[bytes]] = []
        self._clients: list[httpx.Client] = []
        self.environment = os.environ | {
            "DATABASE_URL": _test_database_url(),
            "TRIAGE_MODELS_DIR": str(models_dir),
            "STATE_DIR": str(directory / "state"),
            "SECRETS_DIR": os.environ["SECRETS_DIR"],
            "PROMETHEUS_MULTIPROC_DIR": str(directory / "metrics"),
            # Tests count rows; the test of canaries asks for them.
            "CANARY_SECONDS": "0",
            # A machine may stand still for longer than patients may wait; where a deadline is the
            # matter, its test moves it.
            "TRIAGE_DEADLINE_SECONDS": "300",
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.close()
        for process in self._started:
            self.kill(process)

    def web(self, key: str, *beside: Callable[[], object]) -> httpx.Client:
        """A gunicorn of two processes; returns a client that carries the key. While it starts,
        `beside` may start others."""
        port = ports.choose({}, {})["web"]
        arguments = ["-m", "gunicorn", "backend.asgi:application", "-c", "backend/gunicorn.py"]
        arguments += ["--bind", f"{HOST}:{port}", "--workers", "2"]
        arguments += ["--no-control-socket"]
        self._web = self._start(*arguments)
        for starting in beside:
            starting()
        client = httpx.Client(
            base_url=f"http://{HOST}:{port}",
            headers={"Authorization": f"Bearer {key}"},
            timeout=15,
        )
        self._clients.append(client)
        eventually(lambda: _answers(client), START_SECONDS, what="web is ready")
        return client

    def web_and_worker(
        self, key: str, children: int = 1, **environment: str
    ) -> tuple[httpx.Client, subprocess.Popen[bytes]]:
        """Both, started side by side."""
        started: list[subprocess.Popen[bytes]] = []
        web = self.web(key, lambda: started.append(self.worker(children=children, **environment)))
        return web, started[0]

    def worker(
        self, queue: str = "triage", children: int = 1, **environment: str
    ) -> subprocess.Popen[bytes]:
        arguments = ["-m", "celery", "-A", "workers.app", "worker", "-Q", queue]
        arguments += ["-n", f"{queue}{len(self._started)}@%h", "--concurrency", str(children)]
        arguments += ["-E", "--without-gossip", "--without-mingle"]
        process = self._start(*arguments, **environment)
        log = self.log_of(process)
        eventually(lambda: " ready." in log.read_text(), START_SECONDS, what="worker is ready")
        return process

    def keeper(self) -> subprocess.Popen[bytes]:
        process = self._start("manage.py", "keeper")
        log = self.log_of(process)
        eventually(lambda: "keeper.started" in log.read_text(), START_SECONDS, what="keeper")
        return process

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """One command to its end."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        return self._start(*arguments, **environment)

    def pid_of_web(self) -> int:
        return self._web.pid

    def log_of_web(self) -> str:
        return self.log_of(self._web).read_text()

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """SIGKILL to the process and its children, as a machine that dies would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def log_of(self, process: subprocess.Popen[bytes]) -> Path:
        return self._directory / f"{self._started.index(process)}.log"

    def logs(self) -> str:
        """Everything that any process wrote."""
        return "".join(
            (self._directory / f"{number}.log").read_text(errors="replace")
            for number in range(len(self._started))
        )

    def start_program(self, *command: str) -> subprocess.Popen[bytes]:
        """A program that is not ours, e.g. Prometheus."""
        return self._spawn(command, self.environment)

    def _start(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        return self._spawn((sys.executable, *arguments), self.environment | environment)

    def _spawn(
        self, command: tuple[str, ...], environment: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        with (self._directory / f"{len(self._started)}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # A process of tests that is killed leaves nothing behind.
                preexec_fn=before_exec(signal.SIGKILL, own_namespace=False),
            )
        self._started.append(process)
        return process


def _test_database_url() -> str:
    found = connection.settings_dict
    user, password = found["USER"], quote(str(found["PASSWORD"]), safe="")
    return f"postgres://{user}:{password}@{found['HOST']}:{found['PORT']}/{found['NAME']}"


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False
