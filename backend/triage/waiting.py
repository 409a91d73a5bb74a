"""Waiting for an answer without asking again and again.

One thread a process listens to PostgreSQL; a notification names no request, so one SELECT finds
which of the waited-for requests are answered. A lost notification costs a second: the listener
rechecks by itself. No more than `MAX_WAITERS` threads wait at once; who finds no place is
answered with what is known now.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import structlog
from django.conf import settings
from django.db import Error, connection

from backend.logs import failure
from backend.triage import queries

log = structlog.get_logger()

RECHECK_SECONDS = 1.0
CHANNEL = "triage_answered"


class WaitingRoom:
    """The requests that threads of this process wait for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waited: dict[UUID, list[threading.Event]] = {}
        self._listening = False
        self._places = threading.BoundedSemaphore(settings.MAX_WAITERS)

    def wait(self, request_id: UUID, seconds: float) -> None:
        """Return when the request is answered, the time is over, or there is no place."""
        if seconds <= 0 or not self._places.acquire(blocking=False):
            return
        try:
            with self._waiter(request_id) as answered:
                # Registered first, then looked: an answer in between is not missed.
                if not queries.answered_among([request_id]):
                    answered.wait(seconds)
        finally:
            self._places.release()

    @contextmanager
    def _waiter(self, request_id: UUID) -> Iterator[threading.Event]:
        event = threading.Event()
        with self._lock:
            self._waited.setdefault(request_id, []).append(event)
            if not self._listening:
                self._listening = True
                threading.Thread(target=self._listen, name="waiting", daemon=True).start()
        try:
            yield event
        finally:
            with self._lock:
                events = self._waited[request_id]
                events.remove(event)
                if not events:
                    del self._waited[request_id]

    def _listen(self) -> None:
        """Serve until nobody waits; the next waiter starts a new listener."""
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
            while True:
                with self._lock:
                    waited = list(self._waited)
                    if not waited:
                        self._listening = False
                        return
                self._wake(queries.answered_among(waited))
                for _ in connection.connection.notifies(timeout=RECHECK_SECONDS, stop_after=1):
                    pass
        except Error as error:
            # The waiters time out by themselves and read the row; the next one tries again.
            log.warning("waiting.listener_lost", **failure(error))
            with self._lock:
                self._listening = False
        finally:
            connection.close()

    def _wake(self, answered: list[UUID]) -> None:
        with self._lock:
            for request_id in answered:
                for event in self._waited.get(request_id, ()):
                    event.set()


room = WaitingRoom()
