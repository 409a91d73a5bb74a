"""One running program: started with its death signal, watched through its log, ended in order."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from backend.stack.launch import before_exec
from backend.stack.logfile import LogFile, is_loud
from backend.stack.ports import HOST
from backend.stack.services import Ready, Service

# Loopback only: a proxy of the user's environment must not see these requests.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Process:
    """A started service. Start it from the main thread: the death signal follows the thread."""

    def __init__(
        self,
        service: Service,
        log: LogFile,
        environment: Mapping[str, str],
        directory: Path,
        argv: tuple[str, ...] = (),
    ) -> None:
        self.service = service
        self.started_at = time.monotonic()
        self._log = log
        self._ready = service.ready is None and not service.once
        output = log.open()
        try:
            self._child = subprocess.Popen(
                argv or service.argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=directory,
                # Its own group: Ctrl-C at the terminal reaches the supervisor alone.
                start_new_session=True,
                preexec_fn=before_exec(service.death_signal, service.own_namespace),
            )
        finally:
            os.close(output)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def age(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started_at

    def exit_code(self) -> int | None:
        """None while it runs; afterwards its status, once its group is cleared of leftovers."""
        if self._child.returncode is None and self._child.poll() is not None:
            self._kill_group()  # once: later the number may be somebody else's
        return self._child.returncode

    def is_ready(self) -> bool:
        """Whether it has shown itself ready; once ready it stays so."""
        ready = self.service.ready
        if not self._ready and ready is not None and ready.kind != "log":
            self._ready = _answers(ready)
        return self._ready

    def read_log(self) -> list[str]:
        """The loud lines written since the last call; notices the line that means ready."""
        lines = self._log.new_lines()
        ready = self.service.ready
        if ready is not None and ready.kind == "log":
            self._ready = self._ready or any(ready.target in line for line in lines)
        self._log.rotate()
        return [line for line in lines if is_loud(line)]

    def wait_until_ready(self, timeout: float) -> bool:
        """Block until ready; False when it exits or the time is over before that."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self._child.poll() is None:
            self.read_log()
            if self.is_ready():
                return True
            time.sleep(0.02)
        return False

    def ask_to_stop(self) -> None:
        """Signal the main process only: it knows how to let its children finish."""
        with contextlib.suppress(ProcessLookupError):
            self._child.send_signal(self.service.stop_signal)

    def kill(self) -> None:
        """End it and whatever is left of its group at once, and reap it."""
        if self._child.returncode is None:
            self._kill_group()
            self._child.wait()

    def stop(self) -> int:
        """Ask, wait for the grace, then kill the group. Returns the exit status."""
        self.ask_to_stop()
        deadline = time.monotonic() + self.service.grace
        while self.exit_code() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        self.kill()
        return self._child.returncode

    def _kill_group(self) -> None:
        # start_new_session made the child the leader of a group with its own number.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)


def _answers(ready: Ready) -> bool:
    try:
        if ready.kind == "port":
            with socket.create_connection((HOST, int(ready.target)), timeout=0.5):
                return True
        with _DIRECT.open(ready.target, timeout=2) as response:
            return bool(response.status == 200)
    except (OSError, ValueError):
        return False
