"""Accepted to committed, callers arriving at a steady rate whatever the service does."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import load, rows, worker
from benchmarks.accept import NAIVE, OURS, key
from benchmarks.report import Report, quantile
from benchmarks.system import System

RATES = (20, 80, 300)
ROUNDS = 2
# Callers that this process sends so much later than planned are a fault of the measurement.
_MOST_BEHIND_SECONDS = 1.0
_DRAIN_SECONDS = 10
_WARM_UP_SECONDS = 2.0

# Both are seen from outside: when the transaction began that made the row, and when the one was
# committed that wrote what the model said.
_OURS = """
SELECT extract(epoch FROM pg_xact_commit_timestamp(l.xmin) - r.accepted_at)
FROM triage_triagerequest AS r JOIN triage_predictionlog AS l ON l.request_id = r.id
JOIN triage_triageanswer AS a ON a.request_id = r.id AND a.sequence = 1
WHERE l.predictor = 'model' AND a.xmin = l.xmin"""
_NAIVE = """
SELECT extract(epoch FROM pg_xact_commit_timestamp(l.xmin) - r.created_at)
FROM naive_request AS r JOIN naive_log AS l ON l.request_id = r.id"""


@dataclass(frozen=True, slots=True)
class Waits:
    """Milliseconds of every row that was answered; how many were sent."""

    milliseconds: list[float]
    sent: int


def measure(system: System, scale: float) -> Report:
    report = Report("latency", "accepted to committed, open loop, web and worker on this machine")
    seconds = max(2.0, 6.0 * scale)
    bodies = rows.encoded(int(max(RATES) * seconds))
    ours: dict[int, list[Waits]] = {rate: [] for rate in RATES}
    naive: dict[int, list[Waits]] = {rate: [] for rate in RATES}
    for _ in range(ROUNDS):
        with system.web() as (_, port), system.worker():
            requests = [load.post(port, OURS, one, key(system)) for one in bodies]
            _warm_up(port, requests, lambda: not rows.ours_unfinished())
            for rate in RATES:
                rows.empty()
                ours[rate].append(_waits(port, requests[: int(rate * seconds)], rate, _OURS))
        with system.naive_web() as (_, port), system.naive_worker(keeps_connections=True):
            requests = [load.post(port, NAIVE, one, {}) for one in bodies]
            _warm_up(port, requests, rows.naive_is_finished)
            for rate in RATES:
                system.broker().delete("naive")
                time.sleep(0.5)
                rows.empty()
                naive[rate].append(_waits(port, requests[: int(rate * seconds)], rate, _NAIVE))
        system.broker().delete("naive")
    for rate in RATES:
        _tell(report, rate, ours[rate], naive[rate])
    return report


def _warm_up(port: int, requests: Sequence[bytes], done: Callable[[], bool]) -> None:
    """Every process has served, and none waits: a first request loads what later ones find."""
    load.closed_loop(port, requests, 8, _WARM_UP_SECONDS)
    worker.wait(done)


def _tell(report: Report, rate: int, ours: list[Waits], naive: list[Waits]) -> None:
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        a, b = (
            [quantile(one.milliseconds, share) for one in runs if one.milliseconds]
            for runs in (ours, naive)
        )
        if len(a) == len(b):
            bar = 2.0 if (rate, name) == (20, "p50") else None
            report.compare(f"{rate}/s {name}", "ms", a, b, cost=True, at_least=bar)
        if (rate, name) == (300, "p99"):
            report.tell(f"{rate}/s {name}, on an idle machine", "ms", a, at_most=20)
    lost = sum(one.sent - len(one.milliseconds) for one in naive)
    if lost > 0:
        total = sum(one.sent for one in naive)
        report.notes.append(
            f"{rate}/s: naive had not answered {lost} of {total} after {_DRAIN_SECONDS} s more."
        )


def _waits(port: int, requests: Sequence[bytes], rate: float, statement: str) -> Waits:
    found = load.open_loop(port, requests, rate).only(201, 202)
    if found.behind > _MOST_BEHIND_SECONDS:
        raise RuntimeError("this machine cannot send at that rate")
    until = time.monotonic() + _DRAIN_SECONDS
    answered = rows.execute(statement)
    # Red flags and the arms without a model are answered in other ways: wait until no more come.
    while time.monotonic() < until:
        time.sleep(0.3)
        before, answered = len(answered), rows.execute(statement)
        if len(answered) == before and not _unfinished():
            break
    return Waits([float(row[0]) * 1e3 for row in answered], len(requests))


def _unfinished() -> bool:
    return rows.ours_unfinished() or not rows.naive_is_finished()
