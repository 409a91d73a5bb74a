"""How long a caller may take to say what it wants, and how many connections a process holds.

gunicorn's ASGI worker bounds neither: a head may go on for ever, a body may come byte by byte, and
`worker_connections` is not read. So its protocol is replaced by one that knows what it is still
reading. A caller whose request is complete is never cut off here, however long it waits.
"""

import resource
from typing import Any, Final

import structlog
from django.conf import settings
from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.workers import gasgi

log = structlog.get_logger()

_SWEEP_SECONDS: Final = 1.0
# A long body may take as long as a line of this speed needs for it.
_BYTES_A_SECOND: Final = 64 * 1024
# Descriptors that are not callers': the database, logs, the broker, libraries.
_OTHER_FILES: Final = 200


class Connection(ASGIProtocol):  # type: ignore[misc]  # gunicorn carries no types
    """One caller's connection."""

    guard: "Guard"
    # While a request is incomplete: since when, and how many bytes of it have come.
    _reading_since: float | None = None
    _received = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._reading_since = self.worker.loop.time()
        self.guard.opened(self)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        super().data_received(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.guard.closed(self)
        super().connection_lost(error)

    @property
    def is_reading(self) -> bool:
        """Whether the head or the body of a request is not complete."""
        body = self._body_receiver
        return not self._request_ready.is_set() or (body is not None and not body._complete)

    def is_late(self, now: float) -> bool:
        """Whether it has been reading for longer than it may."""
        if not self.is_reading:
            self._reading_since, self._received = None, 0
        elif self._reading_since is None:
            self._reading_since = now
        else:
            allowed = settings.REQUEST_SECONDS + self._received / _BYTES_A_SECOND
            return now - self._reading_since > allowed
        return False

    def cut(self) -> None:
        """Close without an answer: nobody asked anything."""
        self.transport.abort()


class Guard:
    """The connections of one process, the oldest first."""

    def __init__(self, loop: Any, most: int) -> None:
        self._loop, self._most = loop, most
        self._open: dict[Connection, None] = {}
        self._cut = 0

    def opened(self, connection: Connection) -> None:
        """Where there is no room, the oldest that has not asked anything goes; if all have, the
        new one does."""
        self._open[connection] = None
        if len(self._open) > self._most:
            last = next((one for one in self._open if one.is_reading), connection)
            self._drop(last)

    def closed(self, connection: Connection) -> None:
        self._open.pop(connection, None)

    def sweep(self) -> None:
        """Close who is late; once a second."""
        self._loop.call_later(_SWEEP_SECONDS, self.sweep)
        now = self._loop.time()
        for late in [one for one in self._open if one.is_late(now)]:
            self._drop(late)
        if self._cut:
            log.warning("http.cut_off", count=self._cut)
            self._cut = 0

    def _drop(self, connection: Connection) -> None:
        self._cut += 1
        del self._open[connection]
        connection.cut()


def install(worker: Any) -> None:
    """Guard the connections of this worker process from now on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.MAX_CONNECTIONS + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    most = wanted if soft == resource.RLIM_INFINITY else min(wanted, soft)
    guard = Guard(worker.loop, max(1, most - _OTHER_FILES))
    # The worker makes each connection of what it finds under this name; there is no setting.
    gasgi.ASGIProtocol = type("Connection", (Connection,), {"guard": guard})
    guard.sweep()
