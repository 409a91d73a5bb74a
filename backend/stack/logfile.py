"""The log file of one process: appended by it, read along and kept small by the supervisor."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

LIMIT_BYTES = 10_000_000

# What deserves a line on the terminal: level names of Python's and PostgreSQL's logs, as text or as
# JSON. Kept to words that stand alone, so that a task called "warning_digest" is not an alarm.
_LOUD = re.compile(r'\b(ERROR|CRITICAL|FATAL|PANIC)\b|"level": ?"(error|critical)"')


class LogFile:
    """Children write to the file itself, not into a pipe.

    A supervisor that is stopped, slow, or whose terminal is held with Ctrl-S can therefore never
    block a process that writes to its log; a pipe would.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_to = path.stat().st_size if path.exists() else 0

    def open(self) -> int:
        """A descriptor for a child's output; appending, so that truncation does not tear it."""
        return os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def new_lines(self) -> list[str]:
        """Whole lines written since the last call (at most 256 kB of them)."""
        size = self.path.stat().st_size if self.path.exists() else 0
        if size == self._read_to:
            return []
        if size < self._read_to:
            self._read_to = 0  # somebody else truncated it
        with self.path.open("rb") as file:
            file.seek(self._read_to)
            chunk = file.read(262_144)
        # An unfinished line waits for its end, unless it alone fills the chunk.
        end = chunk.rfind(b"\n") + 1 or (len(chunk) if len(chunk) == 262_144 else 0)
        self._read_to += end
        return chunk[:end].decode("utf-8", "replace").splitlines()

    def rotate(self) -> None:
        """Keep one old file: copy, then truncate, because the child keeps its descriptor.

        Lines written between the two are lost; that is accepted for a log of this size.
        """
        if self.path.exists() and self.path.stat().st_size > LIMIT_BYTES:
            shutil.copyfile(self.path, self.path.with_suffix(".log.1"))
            os.truncate(self.path, 0)
            self._read_to = 0

    def last_lines(self, count: int) -> list[str]:
        """The end of the log, for a message about why a process died."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 8_192))
            return file.read().decode("utf-8", "replace").splitlines()[-count:]


def is_loud(line: str) -> bool:
    """Whether a log line should also appear on the terminal."""
    return _LOUD.search(line) is not None
