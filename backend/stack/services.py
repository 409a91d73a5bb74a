"""The table of services: what runs, in which order, how it is ready, how it ends.

docker-compose.yml runs the same commands; a test compares the two.
"""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

PYTHON = sys.executable
FLOWER_USER = "operator"
CONSOLE_USER = "demo"


class Stage(IntEnum):
    """Services of one stage start together; the next stage waits until all are ready."""

    STORES = 0
    PREPARE = 1
    SERVE = 2
    # Started once the sample patient is answered: they would only fight for the processor.
    AFTERWARDS = 3


@dataclass(frozen=True)
class Ready:
    """How a service shows that it is ready.

    `log`: a line containing `target`; `http`: GET `target` answers 200; `port`: a connection to
    loopback port `target` is accepted.
    """

    kind: Literal["log", "http", "port"]
    target: str


@dataclass(frozen=True)
class Service:
    """One program. `once`: it must exit 0 before the next stage, and is not restarted.

    `unless`: a check; exit 0 means the program need not run. `essential`: without it the start is
    given up (a `once` that fails, a store that will not start); any other is tried again for ever.
    Stopping sends `stop_signal` to the main process only and waits `grace` seconds.
    """

    name: str
    argv: tuple[str, ...]
    stage: Stage
    ready: Ready | None = None
    once: bool = False
    unless: tuple[str, ...] = ()
    essential: bool = False
    start_timeout: float = 60
    grace: float = 10
    stop_signal: signal.Signals = signal.SIGTERM
    # A supervisor that was killed cannot wait for anybody: no orphan is worth more than a grace,
    # and every row survives a kill -9 by design. Stores have their own, orderly signal.
    death_signal: signal.Signals = signal.SIGKILL
    own_namespace: bool = False
    quiet: bool = False


@dataclass(frozen=True)
class Sizes:
    """What differs between two installations of the same table."""

    web: str = "127.0.0.1:8000"
    flower: str = "127.0.0.1:5555"
    web_processes: int = 2
    triage_processes: int = 2
    demo_key: str = "var/secrets/demo_api_key"
    demo_login: str = "var/secrets/console_password"


def _celery(*arguments: str) -> tuple[str, ...]:
    return (PYTHON, "-m", "celery", "-A", "workers.app", *arguments)


def _worker(name: str, processes: int) -> tuple[str, ...]:
    # Gossip and mingle make workers talk to each other at start-up; nothing here uses what they
    # learn, and a frozen neighbour would delay the start.
    quiet = ("--without-gossip", "--without-mingle", "--loglevel=INFO")
    return _celery(
        "worker", "-Q", name, "-n", f"{name}@%h", "--concurrency", str(processes), "-E", *quiet
    )


def _web(sizes: Sizes) -> tuple[str, ...]:
    size = ("--workers", str(sizes.web_processes))
    # Its control socket would lie in the user's home: not ours to write, shared between checkouts.
    settings = ("-c", "backend/gunicorn.py", "--no-control-socket")
    application = "backend.asgi:application"
    return (PYTHON, "-m", "gunicorn", application, "--bind", sizes.web, *size, *settings)


def services(sizes: Sizes) -> tuple[Service, ...]:
    """All but the stores, in the order in which they start; they stop in the reverse."""
    manage = (PYTHON, "manage.py")
    dashboard_host, _, dashboard_port = sizes.flower.rpartition(":")
    dashboard = (f"--address={dashboard_host}", f"--port={dashboard_port}", "--read_only")
    return (
        Service(
            name="migrate",
            argv=(*manage, "migrate", "--noinput"),
            stage=Stage.PREPARE,
            once=True,
            essential=True,
            start_timeout=300,
        ),
        Service(
            # Without a model the workers answer by rules and say so: not essential.
            name="model",
            argv=(PYTHON, "-m", "ml", "train"),
            unless=(PYTHON, "-m", "ml", "verify"),
            stage=Stage.PREPARE,
            once=True,
            start_timeout=1_800,
        ),
        Service(
            name="client",
            argv=(*manage, "create_client", "demo", "--key-file", sizes.demo_key),
            stage=Stage.SERVE,
            once=True,
            essential=True,
        ),
        Service(
            # Nobody can look at anything without it, but everything is answered: not essential.
            name="person",
            argv=(
                *(*manage, "create_person", CONSOLE_USER, "--client", "demo"),
                *("--role", "operator", "--password-file", sizes.demo_login),
            ),
            stage=Stage.AFTERWARDS,
            once=True,
        ),
        Service(name="keeper", argv=(*manage, "keeper"), stage=Stage.AFTERWARDS),
        Service(
            name="triage",
            argv=_worker("triage", sizes.triage_processes),
            stage=Stage.SERVE,
            ready=Ready("log", " ready."),
            grace=20,
        ),
        Service(name="background", argv=_worker("background", 1), stage=Stage.AFTERWARDS, grace=30),
        Service(
            name="beat",
            # Its scheduler is in the app's settings: one named here would take its place.
            argv=_celery("beat", "--loglevel=INFO"),
            stage=Stage.AFTERWARDS,
            grace=5,
        ),
        Service(
            name="flower",
            argv=_celery("flower", *dashboard, "--conf=backend/stack/flowerconfig.py"),
            stage=Stage.AFTERWARDS,
            grace=5,
        ),
        Service(
            # Last, so that it stops first: nothing new comes in while the others finish.
            name="web",
            argv=_web(sizes),
            stage=Stage.SERVE,
            ready=Ready("http", f"http://{sizes.web}/readyz"),
            grace=25,
        ),
    )
