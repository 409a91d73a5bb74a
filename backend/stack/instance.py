"""One running instance per checkout: who holds it, where it listens, how it is asked to stop."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from backend.stack.checkout import write_private


class Instance:
    """The claim on one state directory: a lock that the kernel frees with its holder.

    `stack.lock` holds the pid of the holder, `stack.json` what it last said about itself. The
    file outlives the run: the next start takes its ports from there.
    """

    def __init__(self, state: Path) -> None:
        self._lock_path = state / "stack.lock"
        self._said_path = state / "stack.json"
        self._lock: TextIO | None = None

    def claim(self) -> bool:
        """Become the running instance; False when another process is it."""
        lock = self._lock_path.open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock  # kept open: closing it gives the claim up
        return True

    def release(self) -> None:
        """Give the claim up; the kernel does it for a process that dies."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def say(self, facts: Mapping[str, Any]) -> None:
        """Record what others may know: ports, addresses, state. Nothing secret."""
        write_private(self._said_path, json.dumps(facts, indent=2) + "\n")

    def said(self) -> dict[str, Any]:
        """What this or the last instance said; empty when there was none or it is unreadable."""
        try:
            facts = json.loads(self._said_path.read_text())
        except (OSError, ValueError):
            return {}
        return facts if isinstance(facts, dict) else {}

    def previous_ports(self) -> dict[str, int]:
        ports = self.said().get("ports")
        if not isinstance(ports, dict):
            return {}
        return {str(name): port for name, port in ports.items() if isinstance(port, int)}

    def holder(self) -> int | None:
        """The pid of the running instance, None when nothing runs."""
        try:
            with self._lock_path.open() as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    text = lock.read()
                    return int(text) if text.isdecimal() else None
        except FileNotFoundError:
            pass
        return None

    def stop(self, timeout: float) -> bool:
        """Ask the running instance to stop and wait up to `timeout` seconds for its end.

        Returns whether nothing runs any more.
        """
        asked: int | None = None
        deadline = time.monotonic() + timeout
        while (pid := self.holder()) is not None:
            if pid != asked:
                # Once only: a second signal would mean "hurry".
                try:
                    os.kill(pid, signal.SIGTERM)
                except ProcessLookupError:
                    continue
                asked = pid
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True
