"""Counts of requests for people who watch: who waits, how many were answered, how fast."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from backend.triage.statements import PATIENTS_ONLY
from ml.schema import LEVELS

WINDOW_MINUTES: Final = 60
BIN_MINUTES: Final = 5

_OPEN: Final = """
SELECT priority, count(*), extract(epoch FROM now() - min(accepted_at))::float8
FROM triage_triagerequest WHERE answer = 'open' AND client_id = ANY(%s) GROUP BY priority"""

_REVIEW: Final = """
SELECT count(*) FROM triage_triagerequest AS r JOIN triage_triageanswer AS a ON a.request_id = r.id
WHERE r.client_id = ANY(%s) AND r.accepted_at > now() - interval '24 hours' AND a.needs_review
    AND NOT EXISTS (SELECT FROM triage_clinicianlabel AS l WHERE l.request_id = r.id)"""

# First answers of what was accepted within the window, in bins of whole minutes of the clock.
_ANSWERED: Final = """
SELECT date_bin(make_interval(mins => %(bin)s), r.accepted_at, 'epoch'::timestamptz) AS bin,
    a.level, a.method, a.fallback, count(*),
    array_agg(extract(epoch FROM a.answered_at - r.accepted_at)::float8)
FROM triage_triagerequest AS r
JOIN triage_triageanswer AS a ON a.request_id = r.id AND a.sequence = 1
WHERE r.client_id = ANY(%(clients)s)
    AND r.accepted_at > now() - make_interval(mins => %(window)s)
GROUP BY 1, 2, 3, 4"""

_BINS: Final = """
SELECT generate_series(
    date_bin(make_interval(mins => %(bin)s), now(), 'epoch'::timestamptz)
        - make_interval(mins => %(window)s - %(bin)s),
    now(), make_interval(mins => %(bin)s))"""


# What a model said of requests that clinicians labelled lately, in tenths of its confidence.
_CONFIDENCE: Final = f"""
SELECT avg(log.confidence), avg((log.level = newest.level)::int)::float8, count(*)
FROM (SELECT DISTINCT ON (request_id) request_id, level FROM triage_clinicianlabel
      WHERE created_at > now() - make_interval(days => %(days)s)
      ORDER BY request_id, created_at DESC, id DESC) AS newest
JOIN triage_predictionlog AS log ON log.request_id = newest.request_id AND log.digest = %(digest)s
JOIN triage_triagerequest AS r ON r.id = newest.request_id
WHERE r.{PATIENTS_ONLY}
GROUP BY least(floor(log.confidence * 10), 9) ORDER BY 1"""  # noqa: S608  (constants)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Open requests by level (the rules' opinion), and the age of the oldest in seconds."""

    by_level: dict[str, int]
    oldest_seconds: float | None

    @property
    def total(self) -> int:
        return sum(self.by_level.values())


@dataclass(frozen=True, slots=True)
class Hour:
    """First answers of the last hour. `bins` are (start, count by level), the oldest first;
    `median_seconds` and `slow_seconds` (95 of 100) from acceptance to answer, None without any."""

    bins: list[tuple[dt.datetime, dict[str, int]]]
    by_level: dict[str, int]
    by_method: dict[str, int]
    fallbacks: int
    median_seconds: float | None
    slow_seconds: float | None

    @property
    def total(self) -> int:
        return sum(self.by_level.values())


def waiting(clients: Sequence[int]) -> Waiting:
    """Who waits for an answer now."""
    rows = _rows(_OPEN, [list(clients)])
    by_level = dict.fromkeys(LEVELS, 0) | {LEVELS[level]: count for level, count, _ in rows}
    return Waiting(by_level, max((age for _, _, age in rows), default=None))


def to_review(clients: Sequence[int]) -> int:
    """Answers of the last day that ask for a person and have no label."""
    return int(_rows(_REVIEW, [list(clients)])[0][0])


def last_hour(clients: Sequence[int]) -> Hour:
    """What was answered of the last hour's requests."""
    parameters: dict[str, Any] = {
        "clients": list(clients),
        "window": WINDOW_MINUTES,
        "bin": BIN_MINUTES,
    }
    bins = {start: dict.fromkeys(LEVELS, 0) for (start,) in _rows(_BINS, parameters)}
    by_level, by_method = dict.fromkeys(LEVELS, 0), dict[str, int]()
    fallbacks, seconds = 0, list[float]()
    for start, number, method, fallback, count, waits in _rows(_ANSWERED, parameters):
        level = LEVELS[number]
        bins.setdefault(start, dict.fromkeys(LEVELS, 0))[level] += count
        by_level[level] += count
        by_method[method] = by_method.get(method, 0) + count
        fallbacks += count if fallback else 0
        seconds += waits
    seconds.sort()
    return Hour(
        sorted(bins.items()),
        by_level,
        by_method,
        fallbacks,
        _quantile(seconds, 0.5),
        _quantile(seconds, 0.95),
    )


def confidence(digest: str, days: int = 30) -> list[tuple[float, float, int]]:
    """How right a model was where it was so sure: (mean confidence, share that agreed with the
    clinician, labelled requests) of each tenth of confidence, over every client."""
    rows = _rows(_CONFIDENCE, {"digest": digest, "days": days})
    return [(float(sure), float(right), int(n)) for sure, right, n in rows]


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def _rows(statement: str, parameters: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
