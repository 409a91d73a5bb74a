"""A supervisor in a process of its own, with a table of tiny programs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

_MAIN = """
import os, signal, sys, textwrap
from pathlib import Path
from backend.stack.errors import StackError
from backend.stack.services import Ready, Service, Stage
from backend.stack.supervisor import Supervisor

def sh(name, script, stage=Stage.SERVE, **options):
    return Service(name, ("/bin/sh", "-c", script), stage, **options)

def py(name, script, stage=Stage.SERVE, **options):
    return Service(name, (sys.executable, "-c", textwrap.dedent(script)), stage, **options)

here = Path(sys.argv[1])
table = [
{table}
]
supervisor = Supervisor(
    table, os.environ, here, here, lambda name, text: print(f"{{name}}: {{text}}", flush=True)
)
supervisor.listen_for_signals()
status = 0
try:
    supervisor.start()
    print("STARTED", flush=True)
    supervisor.watch()
except StackError as error:
    print(f"GAVE UP {{error}}", flush=True)
    status = 1
finally:
    supervisor.stop()
sys.exit(status)
"""


class Supervised:
    """The supervisor's process and what it printed."""

    def __init__(self, table: str, directory: Path) -> None:
        self.directory = directory
        self._output = directory / "output"
        main = _MAIN.format(table=textwrap.indent(textwrap.dedent(table), "    "))
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", main, str(directory)],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    @property
    def printed(self) -> str:
        return self._output.read_text()

    def wait_for(self, text: str, seconds: float = 20) -> None:
        wait_until(lambda: text in self.printed, seconds, lambda: f"{text!r} in {self.printed}")

    def pid_in(self, name: str) -> int:
        """The number a child wrote into a file of its directory."""
        file = self.directory / name
        wait_until(lambda: file.exists() and file.read_text().strip().isdecimal(), 20)
        return int(file.read_text())

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        return self.process.wait(30)


def wait_until(
    true: Callable[[], bool], seconds: float, what: Callable[[], str] = lambda: "condition"
) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what()}"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] not in {"Z", "X"}


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Callable[[str], Supervised]]:
    started: list[Supervised] = []

    def start(table: str) -> Supervised:
        started.append(Supervised(table, tmp_path))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.terminate()
            one.process.wait(30)


@pytest.fixture
def alive() -> Callable[[int], bool]:
    return is_alive


@pytest.fixture
def until() -> Callable[..., None]:
    return wait_until
