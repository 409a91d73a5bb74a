"""Who comes in, how many connections a process holds, and who goes where there is no room.

A flood takes the place of nobody who has asked something: it displaces itself.
"""

import asyncio
import errno
import resource
import socket
from collections.abc import Callable
from itertools import chain
from typing import Any, Final, Protocol

import structlog
from django.conf import settings

from backend.logs import failure

log = structlog.get_logger()

_SWEEP_SECONDS: Final = 1.0
# The next caller is left to the other processes for so long.
_TURN_SECONDS: Final = 0.001
# In a flood, one turn after the other, a turn is for more of them.
_IN_A_ROW_SECONDS: Final = 0.05
_TURNS_FOR_ONE_MORE: Final = 64
_MOST_AT_ONCE: Final = 64
# Where there are no more files, or no memory for one, who waits outside is let in a little later.
_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_NO_ROOM_SECONDS: Final = 1.0
# Descriptors that are not callers': the database, logs, the broker, libraries.
_OTHER_FILES: Final = 200


class Connected(Protocol):
    """One caller's connection."""

    @property
    def is_reading(self) -> bool:
        """Whether it has not asked anything yet."""

    @property
    def is_unread(self) -> bool:
        """Whether its caller has not taken all that was answered."""

    def is_late(self, now: float) -> bool:
        """Whether it, or its caller, has been reading for longer than it may; asked once a
        second."""

    def cut(self) -> None:
        """Close without an answer, at once."""


class Doorkeeper:
    """The connections of one process, the oldest first."""

    def __init__(self, loop: asyncio.AbstractEventLoop, most: int) -> None:
        self._loop, self._most = loop, most
        self._open: dict[Connected, None] = {}
        self._cut = self._refused = 0

    def opened(self, connection: Connected) -> None:
        """Where there is no room, the oldest that has not asked anything goes, or the oldest that
        does not read its answer; if none is, the new one does."""
        self._open[connection] = None
        if len(self._open) > self._most:
            asks_nothing = (one for one in self._open if one.is_reading and one is not connection)
            reads_nothing = (one for one in self._open if one.is_unread)
            self._drop(next(chain(asks_nothing, reads_nothing), connection))

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


class Door:
    """A listening socket that processes share, from which they take callers in turn.

    asyncio's own servers take all that have come: of sixteen callers who come together one process
    would often have them all, for as long as they stay, and the others none. Closed like an asyncio
    server.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listening: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
    ) -> None:
        self._loop, self._listening, self._protocol = loop, listening, protocol
        self._entering: set[asyncio.Task[Any]] = set()
        self._turns = 0
        self._last_turn = float("-inf")
        self._is_open = True
        listening.setblocking(False)
        loop.add_reader(listening, self._take_turn)

    def _take_turn(self) -> None:
        """Let one in; more, where turn after turn others have been left outside."""
        pause, now = _TURN_SECONDS, self._loop.time()
        self._turns = self._turns + 1 if now - self._last_turn < _IN_A_ROW_SECONDS else 0
        self._last_turn = now
        try:
            for _ in range(min(1 + self._turns // _TURNS_FOR_ONE_MORE, _MOST_AT_ONCE)):
                self._let_in()
        except BlockingIOError:  # nobody is left outside
            self._turns = 0
        except OSError as error:
            if error.errno in _NO_ROOM:  # otherwise the caller has gone again
                log.error("http.nobody_let_in", **failure(error))
                pause = _NO_ROOM_SECONDS
        self._loop.remove_reader(self._listening)
        self._loop.call_later(pause, self._open_again)

    def _let_in(self) -> None:
        caller, _ = self._listening.accept()
        entering = self._loop.create_task(self._enter(caller))
        self._entering.add(entering)
        entering.add_done_callback(self._entering.discard)

    async def _enter(self, caller: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, caller)
        except OSError:  # it has gone again
            caller.close()

    def _open_again(self) -> None:
        if self._is_open:
            self._loop.add_reader(self._listening, self._take_turn)

    def close(self) -> None:
        """Let in nobody more."""
        self._is_open = False
        self._loop.remove_reader(self._listening)

    async def wait_closed(self) -> None:
        """Until who was let in is inside."""
        await asyncio.gather(*self._entering, return_exceptions=True)


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
