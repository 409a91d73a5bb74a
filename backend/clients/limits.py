"""How often somebody may ask: a token bucket in each process, its share of the limit agreed in
PostgreSQL beside the requests, never in their way.

Every second a thread writes how much was asked of this process and reads how much was asked of the
others; a process gets the part of the limit that is in proportion to its demand. The shares add up
to the limit, so more processes do not multiply it. Without PostgreSQL the last shares stay.
"""

import json
import os
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from django.conf import settings
from django.db import Error, connection

from backend.logs import failure

log = structlog.get_logger()

RECONCILE_SECONDS: Final = 1.0
# So much of a limit may come at once, unless said otherwise.
BURST_SECONDS: Final = 5.0
# What a process is counted with that was not asked at all, as a part of the limit: enough that
# its first requests are not refused.
_LEAST_DEMAND: Final = 0.1
# A process that has not written for so long takes no share any more.
_GONE_SECONDS: Final = 5
_FORGET_SECONDS: Final = 60
# Subjects that one process tells apart; who comes later shares one bucket with the others.
_MOST_SUBJECTS: Final = 10_000
_CROWD: Final = "crowd"

# What was asked of us goes in, what was asked of the others comes out; who is gone is forgotten.
_EXCHANGE: Final = """
WITH given AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS given(
        subject text, demand double precision)),
written AS (
    INSERT INTO clients_throttleusage (process, subject, demand, seen_at)
    SELECT %(process)s, subject, demand, now() FROM given ORDER BY subject
    ON CONFLICT (process, subject) DO UPDATE SET demand = excluded.demand, seen_at = now()),
forgotten AS (
    DELETE FROM clients_throttleusage WHERE id IN (
        SELECT id FROM clients_throttleusage
        WHERE seen_at < now() - make_interval(secs => %(forget)s)
        LIMIT 500 FOR UPDATE SKIP LOCKED))
SELECT given.subject, coalesce(sum(other.demand), 0), count(other.id)
FROM given LEFT JOIN clients_throttleusage AS other ON other.subject = given.subject
    AND other.process <> %(process)s
    AND other.seen_at >= now() - make_interval(secs => %(gone)s)
GROUP BY given.subject"""


@dataclass(slots=True)
class _Bucket:
    per_second: float
    share: float
    burst_seconds: float
    tokens: float
    filled_at: float
    asked: int = 0
    # Requests a second, smoothed: what the share follows.
    demand: float = 0.0

    @property
    def rate(self) -> float:
        return self.per_second * self.share

    def fill(self, now: float) -> None:
        most = max(1.0, self.rate * self.burst_seconds)
        self.tokens = min(most, self.tokens + (now - self.filled_at) * self.rate)
        self.filled_at = now


class Limiter:
    """One process's view of who has asked how often."""

    def __init__(self, processes: int) -> None:
        """`processes` are expected to share a limit until they have heard of each other."""
        self._first_share = 1 / processes
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}
        self._process = uuid.uuid4()
        self._started_in = 0
        self._reconciled_at = time.monotonic()

    def take(self, subject: str, per_minute: int, burst_seconds: float = BURST_SECONDS) -> float:
        """One more request of `subject`: 0.0 when it is granted, else seconds until one will be."""
        now = time.monotonic()
        with self._lock:
            bucket = self._bucket(subject, per_minute / 60, burst_seconds, now)
            bucket.asked += 1
            bucket.fill(now)
            if bucket.tokens >= 1:
                bucket.tokens -= 1
                return 0.0
            return min(60.0, (1 - bucket.tokens) / bucket.rate)

    def spent(self, subject: str) -> float:
        """Seconds until `subject` would be granted a request; asks for none."""
        with self._lock:
            bucket = self._buckets.get(subject)
            if bucket is None:
                return 0.0
            bucket.fill(time.monotonic())
            return 0.0 if bucket.tokens >= 1 else min(60.0, (1 - bucket.tokens) / bucket.rate)

    def _bucket(self, subject: str, per_second: float, burst_seconds: float, now: float) -> _Bucket:
        if subject not in self._buckets and len(self._buckets) >= _MOST_SUBJECTS:
            subject = _CROWD
        found = self._buckets.get(subject)
        if found is None:
            found = _Bucket(per_second, self._first_share, burst_seconds, 0.0, now - burst_seconds)
            self._buckets[subject] = found
        found.per_second = per_second
        return found

    def reconcile(self) -> None:
        """Say what was asked of us and take our share. Raises the database's errors."""
        now = time.monotonic()
        with self._lock:
            seconds, self._reconciled_at = max(now - self._reconciled_at, 0.001), now
            idle = [s for s, b in self._buckets.items() if now - b.filled_at > _FORGET_SECONDS]
            for subject in idle:
                del self._buckets[subject]
            for bucket in self._buckets.values():
                bucket.demand = (bucket.demand + bucket.asked / seconds) / 2
                bucket.asked = 0
            mine = {subject: bucket.demand for subject, bucket in self._buckets.items()}
        if not mine:
            return
        heard = self._exchange(mine)
        with self._lock:
            for subject, (demand, processes) in heard.items():
                if ours := self._buckets.get(subject):
                    ours.fill(time.monotonic())
                    least = _LEAST_DEMAND * ours.per_second
                    all_of_it = ours.demand + demand + (processes + 1) * least
                    ours.share = (ours.demand + least) / all_of_it

    def _exchange(self, mine: Mapping[str, float]) -> dict[str, tuple[float, int]]:
        rows = [{"subject": subject, "demand": demand} for subject, demand in mine.items()]
        parameters: dict[str, Any] = {
            "rows": json.dumps(rows),
            "process": self._process,
            "gone": _GONE_SECONDS,
            "forget": _FORGET_SECONDS,
        }
        with connection.cursor() as cursor:
            cursor.execute(_EXCHANGE, parameters)
            return {subject: (demand, count) for subject, demand, count in cursor.fetchall()}

    def start(self) -> None:
        """Reconcile in the background from now on; a forked process starts its own."""
        if self._started_in == os.getpid():
            return
        with self._lock:
            if self._started_in == os.getpid():
                return
            self._started_in, self._process = os.getpid(), uuid.uuid4()
        threading.Thread(target=self._run, name="limits", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(RECONCILE_SECONDS)
            try:
                self.reconcile()
            except Error as error:
                log.warning("limits.not_reconciled", **failure(error))
                connection.close()


limiter = Limiter(settings.WEB_CONCURRENCY)
