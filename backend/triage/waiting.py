"""The waiting room: callers wait for an answer and hold no thread.

A view that is asked to wait answers at once with what is known and leaves a `Wish` in the slot that
the front (`backend.asgi`) put into the WSGI environment. The front keeps that first response; the
room tells it when the request has changed, with the status, headers and body to send instead, or
that the time is over and the first response still holds. A server without that front gives the
first response: a wait is an upper bound, never a promise.

One thread a process does the looking, on one connection: LISTEN (a notification names no request),
one SELECT for each few hundred who wait, again after a second in case a notification was lost, and
in the moment when a waited-for request is due, for then it is answered from its stored rules.
"""

import contextlib
import os
import select
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import psycopg
import structlog
from django.conf import settings
from django.db import Error, connection
from rest_framework.request import Request

from backend.logs import failure
from backend.triage import events, lifecycle, queries
from backend.triage.events import Event
from backend.triage.schemas import TriageResource

log = structlog.get_logger()

# The key of the WSGI environment under which the front offers to wait.
SLOT: Final = "triage.waiting"
RECHECK_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 0.5
# Read and told together; no more than one statement answers (`lifecycle.answer_now`).
_SLICE: Final = 256


@dataclass(frozen=True, slots=True)
class Reply:
    """What replaces the first response; its other headers stay as they are. Of a stream: its next
    piece, and the wish for the one after that."""

    status: int
    headers: dict[str, str]
    body: bytes
    then: "Wish | None" = None


@dataclass(frozen=True, slots=True)
class News:
    """What a wish is rendered from. `events` are read for streams only."""

    resource: TriageResource
    settled: bool
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """To be told when `request_id` has gone beyond `seen`, within `seconds`.

    `settle`: where the time is over first, or there is no place to wait in, the stored rules
    answer; the first response is never sent. `stream`: the first response is the beginning of a
    stream, which goes on with every event until nothing more can happen.
    """

    client_id: int
    request_id: UUID
    seen: queries.Progress
    seconds: float
    render: Callable[[News], Reply]
    settle: bool = False
    stream: bool = False


@dataclass(slots=True)
class Slot:
    """Where a view leaves its wish."""

    wish: Wish | None = None


@dataclass(eq=False, slots=True)
class Waiter:
    """One wish that is waited for. `tell` is called once, from the room's thread: a reply, or None
    where the first response still holds."""

    wish: Wish
    tell: Callable[[Reply | None], None]
    until: float = field(init=False)
    fresh: bool = True

    def __post_init__(self) -> None:
        self.until = time.monotonic() + self.wish.seconds


def ask(request: Request, wish: Wish) -> bool:
    """Ask the front to wait; False where there is none."""
    slot = request.META.get(SLOT)
    if not isinstance(slot, Slot):
        return False
    slot.wish = wish
    return True


def settle(wish: Wish) -> Reply:
    """Answer now from the stored rules, if nobody has answered yet. Raises `django.db.Error`."""
    lifecycle.answer_now([wish.request_id])
    resource = queries.get_many(wish.client_id, [wish.request_id])[wish.request_id]
    return wish.render(News(resource, settled=False))


class WaitingRoom:
    """Everybody who waits in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiters: set[Waiter] = set()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._bell_out, self._bell_in = os.pipe()
        os.set_blocking(self._bell_out, False)
        os.set_blocking(self._bell_in, False)

    def __len__(self) -> int:
        return len(self._waiters)

    def enter(self, wish: Wish, tell: Callable[[Reply | None], None]) -> Waiter | None:
        """Begin to wait. None where the room is full or closes: the first response holds."""
        waiter = Waiter(wish, tell)
        with self._lock:
            if self._closed or len(self._waiters) >= settings.MAX_WAITERS:
                return None
            self._waiters.add(waiter)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="waiting", daemon=True)
                self._thread.start()
        self._ring()
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """The caller is gone, or waits no longer."""
        with self._lock:
            self._waiters.discard(waiter)

    def close(self) -> None:
        """Nobody enters any more; who waits is told at once what is known. For a process that is
        asked to stop."""
        with self._lock:
            self._closed = True
        self._ring()

    def _ring(self) -> None:
        # A full pipe rings already.
        with contextlib.suppress(BlockingIOError):
            os.write(self._bell_in, b"\0")

    def _serve(self) -> None:
        """Until nobody waits; the next waiter starts a new thread."""
        while True:
            try:
                self._listen()
                return
            except (Error, psycopg.Error) as error:
                # The waiters stay: a restarted server finds them here.
                log.warning("waiting.listener_lost", **failure(error))
            except Exception as error:  # a fault of ours must not leave callers behind
                log.error("waiting.failed", **failure(error))
            finally:
                connection.close()
            time.sleep(_RETRY_SECONDS)

    def _listen(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {queries.ANSWERED_CHANNEL}")
        recheck_at = 0.0
        while True:
            with self._lock:
                waiters = list(self._waiters)
                closed = self._closed
                if not waiters:
                    self._thread = None
                    return
            now = time.monotonic()
            everybody = bool(_notified()) or closed or now >= recheck_at
            chosen = [one for one in waiters if everybody or one.fresh or one.until <= now]
            if chosen:
                due_in = self._look(chosen, now, closed)
                if everybody:
                    recheck_at = now + min(RECHECK_SECONDS, max(due_in, 0.01))
                else:
                    recheck_at = min(recheck_at, now + max(due_in, 0.01))
                continue
            self._sleep(min([recheck_at, *(one.until for one in waiters)]) - now)

    def _sleep(self, seconds: float) -> None:
        """Until a notification, a ring, or the time is over."""
        listened = connection.connection.fileno()
        # Not `select`, which knows no descriptor above 1023: callers hold thousands.
        ears = select.poll()
        ears.register(listened, select.POLLIN)
        ears.register(self._bell_out, select.POLLIN)
        ready = ears.poll(max(seconds, 0) * 1_000)
        if any(heard == self._bell_out for heard, _ in ready):
            with contextlib.suppress(BlockingIOError):
                os.read(self._bell_out, 4_096)

    def _look(self, chosen: list[Waiter], now: float, closed: bool) -> float:
        """Tell whoever has news or no time left, slice by slice: nobody waits until everybody was
        read. Returns seconds until the next one is due."""
        slices = [chosen[at : at + _SLICE] for at in range(0, len(chosen), _SLICE)]
        return min(self._look_at(one, now, closed) for one in slices)

    def _look_at(self, chosen: list[Waiter], now: float, closed: bool) -> float:
        over = {one for one in chosen if closed or one.until <= now}
        settled = [one.wish.request_id for one in over if one.wish.settle]
        if settled:
            lifecycle.answer_now(settled)
        found = queries.states({one.wish.request_id for one in chosen})
        shown = _news([one for one in chosen if _has_news(one, found)], found)
        for waiter in chosen:
            waiter.fresh = False
            news = shown.get(waiter.wish.request_id) if _has_news(waiter, found) else None
            if waiter in over or news is not None:
                self._tell(waiter, news)
        pending = [one.due_in for one in found.values() if one.progress is queries.Progress.OPEN]
        return min((due_in for due_in in pending if due_in > 0), default=RECHECK_SECONDS)

    def _tell(self, waiter: Waiter, news: News | None) -> None:
        self.leave(waiter)
        reply = None
        if news is not None:
            try:
                reply = waiter.wish.render(news)
            except Exception as error:  # one caller's fault is no other's
                log.error("waiting.failed", **failure(error))
        waiter.tell(reply)


def _notified() -> list[Any]:
    """The notifications that have come since the last call, also those that came during a query."""
    return list(connection.connection.notifies(timeout=0))


def _has_news(waiter: Waiter, found: dict[UUID, queries.State]) -> bool:
    wish, state = waiter.wish, found.get(waiter.wish.request_id)
    if state is None:
        return False
    overdue = state.progress is queries.Progress.OPEN and state.due_in <= 0
    return state.progress != wish.seen or overdue or (wish.stream and state.settled)


def _news(waiters: list[Waiter], found: dict[UUID, queries.State]) -> dict[UUID, News]:
    """What these waiters are told, each request read as its own client. Overdue ones are answered
    by the reading."""
    of_client: dict[int, set[UUID]] = {}
    for waiter in waiters:
        of_client.setdefault(waiter.wish.client_id, set()).add(waiter.wish.request_id)
    resources: dict[UUID, TriageResource] = {}
    for client_id, ids in of_client.items():
        resources |= queries.get_many(client_id, list(ids))
    streamed = {one.wish.request_id for one in waiters if one.wish.stream}
    written = events.of(streamed) if streamed else {}
    return {
        row: News(resource, found[row].settled, tuple(written.get(row, ())))
        for row, resource in resources.items()
    }


room = WaitingRoom()
