"""How many connections a process holds, and who goes where there is no room.

A flood takes the place of nobody who has asked something: it displaces itself.
"""

import asyncio
import resource
from typing import Final, Protocol

import structlog
from django.conf import settings

log = structlog.get_logger()

_SWEEP_SECONDS: Final = 1.0
# Descriptors that are not callers': the database, logs, the broker, libraries.
_OTHER_FILES: Final = 200


class Connected(Protocol):
    """One caller's connection."""

    @property
    def is_reading(self) -> bool:
        """Whether it has not asked anything yet."""

    def is_late(self, now: float) -> bool:
        """Whether it has been reading for longer than it may; asked once a second."""

    def cut(self) -> None:
        """Close without an answer, at once."""


class Doorkeeper:
    """The connections of one process, the oldest first."""

    def __init__(self, loop: asyncio.AbstractEventLoop, most: int) -> None:
        self._loop, self._most = loop, most
        self._open: dict[Connected, None] = {}
        self._cut = self._refused = 0

    def opened(self, connection: Connected) -> None:
        """Where there is no room, the oldest that has not asked anything goes; if all have, the
        new one does."""
        self._open[connection] = None
        if len(self._open) > self._most:
            last = next((one for one in self._open if one.is_reading), connection)
            self._drop(last)

    def closed(self, connection: Connected) -> None:
        self._open.pop(connection, None)

    def refused(self) -> None:
        """Something that was said is no request."""
        self._refused += 1

    def sweep(self) -> None:
        """Close who is late, and tell how many were closed; once a second."""
        self._loop.call_later(_SWEEP_SECONDS, self.sweep)
        now = self._loop.time()
        for late in [one for one in self._open if one.is_late(now)]:
            self._drop(late)
        if self._cut:
            log.warning("http.cut_off", count=self._cut)
        if self._refused:
            log.warning("http.malformed", count=self._refused)
        self._cut = self._refused = 0

    def _drop(self, connection: Connected) -> None:
        self._cut += 1
        del self._open[connection]
        connection.cut()


def room_for_connections() -> int:
    """How many connections this process may hold: `MAX_CONNECTIONS`, or as many as the machine
    allows files, of which it then opens more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.MAX_CONNECTIONS + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    most = wanted if soft == resource.RLIM_INFINITY else min(wanted, soft)
    return max(1, most - _OTHER_FILES)
