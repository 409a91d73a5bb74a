"""Whether there is room: more than can be answered by a model in time is not promised one.

Counted in PostgreSQL, so every web process sees the same backlog, and at most twice a second.
Beyond the soft limit requests that are less than urgent get their rules' answer at once and leave
the queue to the urgent ones (a model may still raise it later). Beyond the hard limit nothing is
accepted: 503 with `Retry-After`, before anything is stored.
"""

import threading
import time
from typing import Final

from django.conf import settings
from django.db import connection
from rest_framework import status
from rest_framework.exceptions import APIException

# Counted no further than it matters.
_OPEN_COUNT: Final = """
SELECT count(*) FROM (SELECT FROM triage_triagerequest WHERE answer = 'open'
    ORDER BY deadline_at LIMIT %(most)s) AS counted"""

_FRESH_SECONDS: Final = 0.5
_STALE_SECONDS: Final = 10.0


class Overloaded(APIException):
    """Nothing was accepted; `wait` seconds later there may be room."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "overloaded"
    default_detail = "Too many requests are open; try again."
    wait = 5


class Admission:
    """One process's view of the backlog."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted_at = float("-inf")
        self._open = 0

    def check(self) -> bool:
        """True where requests that are not urgent must be answered at once by their rules.

        Raises `Overloaded` beyond the hard limit.
        """
        count = self._count()
        if count >= settings.OPEN_HARD_LIMIT:
            raise Overloaded
        return count >= settings.OPEN_SOFT_LIMIT

    def retry_after(self) -> int:
        """Whole seconds after which asking again is worth it: one child's time for what is open, by
        the bound of its batches, and no later than the deadline. Costs no query: what `check` saw
        lately, and 1 where nothing is submitted here."""
        if time.monotonic() - self._counted_at > _STALE_SECONDS:
            return 1
        before = self._open * settings.BATCH_SECONDS / settings.BATCH_ROWS
        return min(1 + int(before), settings.DEADLINE_SECONDS)

    def _count(self) -> int:
        # Callers that find the count being taken use the old one: nobody queues for it.
        if time.monotonic() - self._counted_at > _FRESH_SECONDS and self._lock.acquire(False):
            try:
                with connection.cursor() as cursor:
                    cursor.execute(_OPEN_COUNT, {"most": settings.OPEN_HARD_LIMIT})
                    self._open = int(cursor.fetchone()[0])
                self._counted_at = time.monotonic()
            finally:
                self._lock.release()
        return self._open


admission = Admission()
