"""What only a running process knows, counted for Prometheus: see `docs/metrics.md`.

Where `PROMETHEUS_MULTIPROC_DIR` is set, every process of the machine or container keeps its numbers
in files of that directory and any of them can show the sum (`backend.monitoring.metrics`). Without
it (a command at a terminal) they live and die with the process. Whatever PostgreSQL knows is read
from there instead. No label is made of what a patient or a caller sent, and a counter that cannot
be written fails nothing: it is logged once and the request goes on.
"""

import os
from bisect import bisect_left
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final, ParamSpec

import structlog

_DIRECTORY: Final = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
if _DIRECTORY:  # must be there before the first counter is made
    Path(_DIRECTORY).mkdir(mode=0o700, parents=True, exist_ok=True)

from prometheus_client import Counter, Histogram  # noqa: E402

from backend.logs import failure  # noqa: E402

log = structlog.get_logger()
P = ParamSpec("P")

# Seconds. Fine where the work is (milliseconds), coarse up to the deadline.
_WORK: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_WAIT: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60, 300)

_requests = Counter("triage_http_requests", "HTTP requests", ("method", "route", "status"))
_request_seconds = Histogram(
    "triage_http_request_seconds",
    "Seconds until the response was known, without any waiting for a result",
    ("route",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_wait_seconds = Histogram(
    "triage_wait_seconds", "Seconds that a caller waited for a result", ("ended",), buckets=_WAIT
)
_accepted = Counter("triage_accepted", "Patients' requests that were committed")
_answers = Counter(
    "triage_answers",
    "Patients' requests answered first; by: accept, worker, deadline, attempts, caller",
    ("level", "method", "fallback", "by"),
)
_answer_seconds = Histogram(
    "triage_answer_seconds", "Seconds from acceptance to a worker's commit", buckets=_WAIT
)
_amendments = Counter("triage_amendments", "Answers that a late model's opinion raised")
_stale = Counter("triage_stale_results", "Rows whose lease was gone when a worker committed")
_claims = Counter("triage_claims", "Rows claimed, by attempt: first or again", ("attempt",))
_batch_rows = Histogram(
    "triage_batch_rows", "Rows of one batch", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)
_stages = Histogram(
    "triage_batch_seconds", "Seconds of one batch in a stage", ("stage",), buckets=_WORK
)
_drain_failures = Counter("triage_drain_failures", "Drains that ended early, by an error")
_sweeps = Counter("triage_sweeps", "Rounds of the keeper", ("result",))
_rung_again = Counter("triage_rung_again", "Due rows that the keeper rang for")
_hints = Counter("triage_hints", "Messages sent to the workers", ("result",))
_dropped = Counter("triage_messages_dropped", "Unreadable messages", ("reason",))

_complained = False


def _harmless(count: Callable[P, None]) -> Callable[P, None]:
    """A full disk or a directory that is gone costs the number, never the patient's request."""

    def counted(*args: P.args, **kwargs: P.kwargs) -> None:
        global _complained
        try:
            count(*args, **kwargs)
        except (OSError, ValueError) as error:
            if not _complained:
                _complained = True
                log.error("metrics.not_counted", **failure(error))

    return counted


@_harmless
def served(method: str, route: str, status: int, seconds: float) -> None:
    """One HTTP response. `route` is the pattern, never the path that was asked for."""
    count, duration = _series_of(method, route, status)
    count.inc()
    duration.observe(seconds)


@lru_cache(maxsize=1_000)
def _series_of(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return _requests.labels(method, route, str(status)), _request_seconds.labels(route)


@_harmless
def waited(ended: str, seconds: float) -> None:
    """One caller waited: `told`, `nothing_new` (the time was over), `no_place`, `left`, or
    `silence` (nobody could look)."""
    _wait_seconds.labels(ended).observe(seconds)


@_harmless
def accepted(count: int) -> None:
    """So many patients' requests are committed."""
    _accepted.inc(count)


@_harmless
def answered(kinds: Iterable[tuple[str, str, bool, int]], by: str) -> None:
    """First answers as (level, method, fallback, how many); `by` says at which moment."""
    for level, method, fallback, count in kinds:
        _answers.labels(level, method, str(fallback).lower(), by).inc(count)


@_harmless
def finished(waits: Iterable[float], amended: int, stale: int) -> None:
    """One batch is committed; `waits` are the seconds since acceptance of what it answered."""
    _observe(_answer_seconds, waits)
    _amendments.inc(amended)
    _stale.inc(stale)


@_harmless
def claimed(count: int, *, again: bool) -> None:
    """One batch is claimed."""
    _claims.labels("again" if again else "first").inc(count)
    _batch_rows.observe(count)


@_harmless
def stage(name: str, seconds: float) -> None:
    """One batch spent so long in `predict`, `shadow` or `commit`."""
    _stages.labels(name).observe(seconds)


@_harmless
def drain_failed() -> None:
    _drain_failures.inc()


@_harmless
def swept(*, ok: bool) -> None:
    """One round of the keeper; not ok when PostgreSQL failed it."""
    _sweeps.labels("ok" if ok else "failed").inc()


@_harmless
def rung_again(count: int) -> None:
    _rung_again.inc(count)


@_harmless
def hinted(result: str) -> None:
    """`sent`, `enough` (the queue held several already) or `failed`."""
    _hints.labels(result).inc()


@_harmless
def dropped(reason: str) -> None:
    _dropped.labels(reason).inc()


def _observe(histogram: Histogram, values: Iterable[float]) -> None:
    """Many values at once: one write a bucket instead of two a value, which would cost a batch of
    256 rows a tenth of its time. Does what `Histogram.observe` does; a test compares the two."""
    bounds = histogram._upper_bounds
    counts = [0] * len(bounds)
    total = 0.0
    for value in values:
        counts[bisect_left(bounds, value)] += 1
        total += value
    if total or any(counts):
        histogram._sum.inc(total)
        for bucket, count in zip(histogram._buckets, counts, strict=True):
            if count:
                bucket.inc(count)
