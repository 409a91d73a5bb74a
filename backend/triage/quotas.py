"""How much of the service a client may use: requests a UTC day, and requests in flight.

The rows themselves are counted, by PostgreSQL's clock: nothing is lost in a crash, every process
counts the same, and Redis plays no part. A process grants from its last count without a query: for
half a second, and no more than its part of the room that the count left. After that, and before it
refuses anybody, it counts again. So a client far from its quotas costs two small queries a second
and process, and one without quotas none.

Overshoot: none within a process. Of several, each may have granted its part (room / processes) from
a count that is up to half a second old: together less than the room that was left at that count.
Only requests that are counted in several processes at the same moment can pass beyond that.
"""

import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import connection
from rest_framework import status
from rest_framework.exceptions import APIException

from backend.clients.keys import Caller
from backend.triage import statements
from backend.triage.admission import admission
from backend.triage.values import Submission

_FRESH_SECONDS: Final = 0.5
# Clients that one process remembers; one that was forgotten is counted anew.
_MOST_CLIENTS: Final = 10_000
# What was accepted so long ago is committed or never will be (statements end after 2 s, an idle
# transaction after 10 s): it is counted once, and not again at each count of a long day.
_SETTLED_SECONDS: Final = 30

# Of the day: what settled after `since`, and what has not settled yet. An open request past its
# deadline has its answer for whoever reads it.
_COUNT: Final = """
WITH times AS MATERIALIZED (
    SELECT day, greatest(day, now() - make_interval(secs => %(settled)s)) AS settled
    FROM date_trunc('day', now(), 'UTC') AS day),
of_day AS (
    SELECT accepted_at < settled AS is_settled FROM times, triage_triagerequest
    WHERE client_id = %(client)s AND accepted_at >= greatest(day, %(since)s::timestamptz)
    LIMIT %(per_day)s),
in_flight AS (
    SELECT FROM triage_triagerequest
    WHERE client_id = %(client)s AND answer = 'open' AND deadline_at > now()
    LIMIT %(in_flight)s)
SELECT day, settled, extract(epoch FROM day + interval '1 day' - now())::float8,
    (SELECT count(*) FROM of_day WHERE is_settled),
    (SELECT count(*) FROM of_day WHERE NOT is_settled),
    (SELECT count(*) FROM in_flight)
FROM times"""


class QuotaExceeded(APIException):
    """Nothing was accepted; after `wait` seconds there may be room."""

    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "quota_exceeded"

    def __init__(self, detail: str, wait: float) -> None:
        super().__init__(detail)
        self.wait = max(1, math.ceil(wait))


@dataclass(frozen=True, slots=True)
class Quota:
    """What a client may use; 0: as much as it likes."""

    per_day: int
    in_flight: int

    @classmethod
    def of(cls, caller: Caller) -> "Quota":
        """The client's own, and where it has none the service's."""
        per_day, in_flight = caller.requests_per_day, caller.open_requests
        return cls(
            settings.CLIENT_REQUESTS_PER_DAY if per_day is None else per_day,
            settings.CLIENT_OPEN_REQUESTS if in_flight is None else in_flight,
        )

    def __bool__(self) -> bool:
        return bool(self.per_day or self.in_flight)


@dataclass(slots=True)
class _Settled:
    """What need not be counted again, as long as the day and the quota are the same."""

    day: datetime | None = None
    until: datetime | None = None
    count: int = 0
    quota: Quota | None = None


@dataclass(slots=True)
class _Usage:
    """What one process knows of one client."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    settled: _Settled = field(default_factory=_Settled)
    counted_at: float = float("-inf")
    day_left: float = 0.0
    # Granted here, ever; of those, stored or failed; and the first number at the last count.
    granted: int = 0
    ended: int = 0
    granted_before: int = 0
    # Used at the last count, less what of it was granted here before: `granted` is added again.
    of_day: int = 0
    in_flight: int = 0
    # What may be granted from that count.
    part: int = 0

    def known_to_fit(self, number: int) -> bool:
        fresh = time.monotonic() - self.counted_at < _FRESH_SECONDS
        return fresh and self.granted - self.granted_before + number <= self.part

    def room(self, quota: Quota) -> float:
        """How many more requests fit."""
        day = quota.per_day - self.of_day - self.granted if quota.per_day else math.inf
        flying = quota.in_flight - self.in_flight - self.granted if quota.in_flight else math.inf
        return max(0, min(day, flying))

    def exceeded(self, quota: Quota, number: int) -> QuotaExceeded | None:
        """What refuses so many more requests, by name."""
        left = quota.per_day - self.of_day - self.granted
        if quota.per_day and number > left:
            most = f"requests_per_day: at most {quota.per_day} a UTC day"
            return QuotaExceeded(f"{most}; {max(0, left)} are left.", self.day_left)
        left = quota.in_flight - self.in_flight - self.granted
        if quota.in_flight and number > left:
            most = f"open_requests: at most {quota.in_flight} that are not answered yet"
            return QuotaExceeded(
                f"{most}; there is room for {max(0, left)}.", admission.retry_after()
            )
        return None


class Quotas:
    """One process's view of what its callers use."""

    def __init__(self, processes: int) -> None:
        """`processes` share the room that a count leaves."""
        self._processes = processes
        self._lock = threading.Lock()
        self._usage: dict[int, _Usage] = {}

    @contextmanager
    def held(self, caller: Caller, submissions: Sequence[Submission]) -> Iterator[None]:
        """Submit inside of it: the requests count from its beginning on. All of them or none.

        Repeats of what is stored pass: they make no row. Raises `QuotaExceeded` (429) and the
        database's errors.
        """
        quota, number = Quota.of(caller), len(submissions)
        if not quota:
            yield
            return
        usage = self._usage_of(caller.client_id)
        with usage.lock:
            granted = usage.known_to_fit(number)
            usage.granted += number if granted else 0
        if not granted:
            self._grant(usage, caller.client_id, quota, submissions)
        try:
            yield
        finally:
            with usage.lock:
                usage.ended += number

    def _grant(
        self, usage: _Usage, client_id: int, quota: Quota, submissions: Sequence[Submission]
    ) -> None:
        """Count, then grant or raise. The lock is not held while PostgreSQL is asked: if it stands
        still, nobody waits longer than for an own question."""
        number = len(submissions)
        self._count(usage, client_id, quota)
        with usage.lock:
            refused = usage.exceeded(quota, number)
            if refused is None:
                usage.granted += number
                return
        new = number - _stored(client_id, submissions)
        with usage.lock:
            if new and (new == number or usage.exceeded(quota, new)):
                raise refused
            usage.granted += number

    def _count(self, usage: _Usage, client_id: int, quota: Quota) -> None:
        started = time.monotonic()
        with usage.lock:
            # What was granted here and had not ended by now may be in the count or not: it is
            # counted as used either way.
            ended, settled = usage.ended, usage.settled
        since = settled.until if settled.quota == quota else None
        asked = {
            "client": client_id,
            "since": since,
            "settled": _SETTLED_SECONDS,
            "per_day": quota.per_day,
            "in_flight": quota.in_flight,
        }
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, asked)
            day, until, day_left, newly, unsettled, in_flight = cursor.fetchone()
        before = settled.count if since is not None and settled.day == day else 0
        with usage.lock:
            if started < usage.counted_at:
                return  # another thread has counted since
            usage.settled = _Settled(day, until, before + newly, quota)
            usage.counted_at, usage.day_left = started, day_left
            usage.of_day = before + newly + unsettled - ended
            usage.in_flight = in_flight - ended
            usage.granted_before = usage.granted
            usage.part = int(usage.room(quota)) // self._processes

    def _usage_of(self, client_id: int) -> _Usage:
        with self._lock:
            found = self._usage.get(client_id)
            if found is None:
                while len(self._usage) >= _MOST_CLIENTS:
                    del self._usage[next(iter(self._usage))]
                found = self._usage[client_id] = _Usage()
            return found


def _stored(client_id: int, submissions: Sequence[Submission]) -> int:
    """How many of them were submitted before, under the same key."""
    keys = [one.idempotency_key for one in submissions if one.idempotency_key]
    if not keys:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(statements.SAME_KEY, {"client": client_id, "keys": keys})
        return len(cursor.fetchall())


quotas = Quotas(settings.WEB_CONCURRENCY)
