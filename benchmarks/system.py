"""Both services on one private, durable PostgreSQL and one Valkey.

Ours is started with the very commands of `make run` (`backend.stack.services`); the naive one
with gunicorn threads and a prefork pool of the same size. Everything is a child of this process
and ends with it.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self

from backend.stack import environment, ports, secrets
from backend.stack.checkout import ROOT, Checkout
from backend.stack.logfile import LogFile
from backend.stack.ports import HOST
from backend.stack.process import Process
from backend.stack.services import Ready, Service, Sizes, Stage, services
from backend.stack.stores import PostgreSQL, Valkey, clean_environment
from benchmarks import machine
from ml import signing
from ml.bundle_files import default_models_dir

WEB_PROCESSES: Final = 2
WORKER_CHILDREN: Final = 2
_PASSWORD: Final = "for-benchmarks-only"  # noqa: S105
_NO_LIMIT: Final = "10000000"


class System:
    """The stores, and whatever is running beside them at the moment."""

    def __init__(self) -> None:
        self._place = tempfile.TemporaryDirectory(prefix="triage-bench-")
        self.directory = Path(self._place.name)
        chosen = ports.choose({}, {})
        self._postgres = PostgreSQL(self.directory / "postgres", chosen["postgres"], _PASSWORD)
        self._valkey = Valkey(self.directory / "valkey", chosen["redis"], _PASSWORD)
        self._stores: list[Process] = []
        checkout = Checkout.of({"STATE_DIR": str(self.directory / "state")})
        checkout.make_state()
        secrets.create_missing(checkout.secrets)
        # The model that this checkout serves, not one of the private state's.
        kept = {
            "TRIAGE_MODELS_DIR": str(default_models_dir()),
            "TRIAGE_MODEL_SIGNING_KEY": str(signing.signing_key_path()),
            "TRIAGE_MODEL_VERIFY_KEY": str(signing.verify_key_path()),
        }
        self.environment = (
            environment.for_processes(os.environ, checkout, self._postgres.url, self._valkey.url)
            | kept
            | {
                "CANARY_SECONDS": "0",
                "CLIENT_REQUESTS_PER_MINUTE": "100000000",
                "DJANGO_SETTINGS_MODULE": "backend.settings",
            }
        )

    def __enter__(self) -> Self:
        self._start_stores()
        os.environ.update(self.environment | _BENCH)
        self.run("manage.py", "migrate", "--run-syncdb", "--noinput")
        key_file = self.directory / "key"
        self.run("manage.py", "create_client", "bench", "--key-file", str(key_file))
        self.key = key_file.read_text().strip()
        return self

    def __exit__(self, *_: object) -> None:
        from django.db import connections

        connections.close_all()
        for store in reversed(self._stores):
            store.stop()
        self._place.cleanup()

    def _start_stores(self) -> None:
        for store in (self._valkey, self._postgres):
            service = store.prepare()
            if store is self._postgres:
                # When each row was committed, exactly and from outside both services.
                service = replace(service, argv=(*service.argv, "-c", "track_commit_timestamp=on"))
            self._stores.append(self._process(service, clean_environment()))

    def run(self, *arguments: str) -> None:
        """One command of ours to its end. Raises CalledProcessError."""
        variables = self.environment | _BENCH
        subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT, env=variables, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    # --- the two services --------------------------------------------------------------------

    @contextmanager
    def worker(self, children: int = WORKER_CHILDREN) -> Iterator[Process]:
        """Our triage worker, every child of it with a proven model."""
        service = _named("triage", Sizes(triage_processes=children))
        with self._running(service) as process:
            until = time.monotonic() + service.start_timeout
            while _children_with_model(process) < children:
                if time.monotonic() > until:
                    raise TimeoutError("the worker's children have no model")
                time.sleep(0.1)
            yield process

    @contextmanager
    def web(
        self, processes: int = WEB_PROCESSES, *, limited: bool = False
    ) -> Iterator[tuple[Process, int]]:
        """Our web and its port; unless `limited`, the backlog has no limit."""
        port = ports.choose({}, {})["web"]
        service = _named("web", Sizes(web=f"{HOST}:{port}", web_processes=processes))
        none = {} if limited else {"OPEN_SOFT_LIMIT": _NO_LIMIT, "OPEN_HARD_LIMIT": _NO_LIMIT}
        with self._running(service, none) as process:
            yield process, port

    @contextmanager
    def naive_worker(
        self, *, keeps_connections: bool, children: int = WORKER_CHILDREN
    ) -> Iterator[Process]:
        variables = _NAIVE | ({"NAIVE_KEEPS_CONNECTIONS": "1"} if keeps_connections else {})
        argv = (sys.executable, "-m", "celery", "-A", "benchmarks.naive.celery", "worker")
        argv += ("-Q", "naive", "-n", "naive@%h", "--concurrency", str(children))
        argv += ("--loglevel=INFO",)
        service = Service("naive-worker", argv, Stage.SERVE, ready=Ready("log", " ready."))
        with self._running(service, variables) as process:
            yield process

    @contextmanager
    def naive_web(self, processes: int = WEB_PROCESSES) -> Iterator[tuple[Process, int]]:
        port = ports.choose({}, {})["web"]
        argv = (sys.executable, "-m", "gunicorn", "benchmarks.naive.wsgi:application")
        argv += ("--bind", f"{HOST}:{port}", "--workers", str(processes), "--threads", "8")
        argv += ("--worker-class", "gthread", "--keep-alive", "30", "--no-control-socket")
        service = Service("naive-web", argv, Stage.SERVE, ready=Ready("port", str(port)))
        with self._running(service, _NAIVE) as process:
            yield process, port

    @contextmanager
    def _running(
        self, service: Service, variables: dict[str, str] | None = None
    ) -> Iterator[Process]:
        process = self._process(service, self.environment | (variables or {}))
        try:
            yield process
        finally:
            process.stop()

    def _process(self, service: Service, variables: dict[str, str]) -> Process:
        log = LogFile(self.directory / f"{service.name}.log")
        process = Process(service, log, variables, ROOT)
        if not process.wait_until_ready(service.start_timeout):
            process.kill()
            raise RuntimeError(f"{service.name} did not start: {log.last_lines(20)}")
        return process

    # --- looking -----------------------------------------------------------------------------

    def postgres_seconds(self) -> float:
        """Processor time of the database with all its backends, ended ones included."""
        return machine.processor_seconds(machine.family(self._stores[-1].pid))

    def broker(self) -> Any:
        import redis

        return redis.Redis.from_url(self._valkey.url)

    def messages_sent(self) -> int:
        """How many messages the broker was ever given. The length of a queue does not tell: one
        goes at once to a consumer that waits for it, a frozen one too."""
        return int(self.broker().info("commandstats").get("cmdstat_lpush", {}).get("calls", 0))


def seconds_of(process: Process) -> float:
    """Processor time of a process and its descendants."""
    return machine.processor_seconds(machine.family(process.pid))


@contextmanager
def frozen(process: Process) -> Iterator[None]:
    """Nothing of this service runs inside the block: a backlog can be laid before it."""
    pids = machine.family(process.pid)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def _children_with_model(process: Process) -> int:
    from benchmarks.rows import execute

    found = execute(
        "SELECT count(*) FROM monitoring_workerstate WHERE state = 'ready' AND pid = ANY(%s)",
        machine.family(process.pid),
    )
    return int(found[0][0])


def _named(name: str, sizes: Sizes) -> Service:
    return next(one for one in services(sizes) if one.name == name)


# Of this process, not of the services. Laying a million rows takes longer than a patient should
# wait, and nobody reads a line for each row that is laid.
_BENCH: Final = {
    "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
    "DATABASE_BOUNDED": "false",
    "LOG_LEVEL": "ERROR",
}
_NAIVE: Final = {"DJANGO_SETTINGS_MODULE": "benchmarks.naive.settings"}
