"""The worker at saturation: a backlog of accepted rows to committed answers and logs."""

import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from backend.stack.process import Process
from benchmarks import rows
from benchmarks.report import Report
from benchmarks.system import WORKER_CHILDREN, System, frozen, seconds_of

ROUNDS = 3
_GIVE_UP_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Run:
    """Rows a second, and processor milliseconds a row of worker and PostgreSQL together."""

    per_second: float
    milliseconds: float
    database_milliseconds: float


def measure(system: System, scale: float) -> Report:
    report = Report("worker", f"backlog to committed, {WORKER_CHILDREN} children, one host")
    backlog = rows.Backlog(max(2_000, int(20_000 * scale)))
    few = max(200, int(600 * scale))
    ours, first, second, alone = [], [], [], []
    prepared = _prepared(backlog)
    for _ in range(ROUNDS):
        ours.append(_ours(system, backlog))
        first.append(_naive(system, backlog, few, keeps_connections=False))
        second.append(_naive(system, backlog, few * 2, keeps_connections=True))
        alone.append(_database_alone(backlog, prepared))
    rate, cost = [run.per_second for run in ours], [run.milliseconds for run in ours]
    for name, runs, bar in (("Celery's defaults", first, 40), ("connections kept", second, 20)):
        per_second = [run.per_second for run in runs]
        report.compare(f"rows a second, {name}", "rows/s", rate, per_second, at_least=bar)
    for name, runs in (("Celery's defaults", first), ("connections kept", second)):
        spent = [run.milliseconds for run in runs]
        report.compare(f"processor time, {name}", "ms/row", cost, spent, cost=True, at_least=40)
    report.tell("of it PostgreSQL", "ms/row", [run.database_milliseconds for run in ours])
    report.tell("the same statements fed from memory", "rows/s", alone)
    share = [one / other for one, other in zip(rate, alone, strict=True)]
    report.tell("share of what PostgreSQL alone can do", "", share, at_least=0.5)
    report.notes.append(f"{backlog.count:,} rows of ours a round; naive {few} and {few * 2}.")
    return report


def ours_per_second(system: System, backlog: rows.Backlog, children: int) -> float:
    """Rows a second of our worker with so many children, once."""
    return _ours(system, backlog, children).per_second


def _ours(system: System, backlog: rows.Backlog, children: int = WORKER_CHILDREN) -> Run:
    from backend.triage import lifecycle

    # No task may be under way when the worker is frozen: its time limit goes on meanwhile.
    rows.empty()
    system.broker().flushdb()
    with system.worker(children) as worker:
        time.sleep(1)
        with frozen(worker):
            backlog.lay_ours()
            sent = system.messages_sent()
            lifecycle.ring_for_due()
            wait(lambda: system.messages_sent() > sent)
            begin = _begin(system, worker)
        wait(lambda: not rows.ours_unfinished())
        return _run(system, worker, begin, backlog.count)


def _naive(system: System, backlog: rows.Backlog, count: int, *, keeps_connections: bool) -> Run:
    with system.naive_worker(keeps_connections=keeps_connections) as worker:
        # Each child loads the model with its first task: not part of the measurement.
        _send(system, backlog.lay_naive(16))
        wait(lambda: rows.naive_finished() == 16)
        with frozen(worker):
            _send(system, backlog.lay_naive(count))
            begin = _begin(system, worker)
        wait(lambda: rows.naive_finished() == count)
        return _run(system, worker, begin, count)


def _send(system: System, ids: list[str]) -> None:
    """The messages of these rows, as `delay()` would have sent them."""
    from celery import Celery

    with Celery(broker=system.environment["REDIS_URL"]) as app:
        for one in ids:
            app.send_task("naive.predict", args=[one], queue="naive")


def _begin(system: System, worker: Process) -> tuple[float, float, float]:
    return time.perf_counter(), seconds_of(worker), system.postgres_seconds()


def _run(system: System, worker: Process, begin: tuple[float, float, float], count: int) -> Run:
    wall = time.perf_counter() - begin[0]
    worker_seconds = seconds_of(worker) - begin[1]
    database = system.postgres_seconds() - begin[2]
    each = 1_000 / count
    return Run(count / wall, (worker_seconds + database) * each, database * each)


def wait(done: Callable[[], bool]) -> None:
    """Raises TimeoutError: a worker that stands still must not look like a slow one."""
    until = time.monotonic() + _GIVE_UP_SECONDS
    while not done():
        if time.monotonic() > until:
            raise TimeoutError("the backlog was not worked off in time")
        time.sleep(0.02)


def _database_alone(backlog: rows.Backlog, prepared: dict[uuid.UUID, str]) -> float:
    """Rows a second of the same claim and finish statements with everything prepared in memory,
    on as many connections as the worker has children."""
    from django.conf import settings
    from django.db import connections

    backlog.lay_ours()

    def drain(_: int) -> None:
        try:
            while _claim_and_finish(settings.BATCH_ROWS, prepared):
                pass
        finally:
            connections.close_all()

    started = time.perf_counter()
    with ThreadPoolExecutor(WORKER_CHILDREN) as pool:
        list(pool.map(drain, range(WORKER_CHILDREN)))
    return backlog.count / (time.perf_counter() - started)


def _claim_and_finish(limit: int, prepared: dict[uuid.UUID, str]) -> int:
    from django.conf import settings

    from backend.postgres.base import planned_cursor
    from backend.triage import statements

    token = uuid.uuid4()
    parameters: dict[str, Any] = {
        "attempts": settings.MAX_ATTEMPTS,
        "token": token,
        "lease": settings.LEASE_SECONDS,
    }
    with planned_cursor() as cursor:
        cursor.execute(statements.CLAIM.format(limit=limit), parameters)
        ids = [row[1] for row in cursor.fetchall() if row[1]]
    if ids:
        text = f"[{','.join([prepared[one] for one in ids])}]"
        with planned_cursor() as cursor:
            cursor.execute(statements.FINISH, {"rows": text, "token": token})
            if cursor.fetchone()[2] != len(ids):
                raise RuntimeError("a batch was not finished")
    return len(ids)


def _prepared(backlog: rows.Backlog) -> dict[uuid.UUID, str]:
    """What our worker would write for each row, as JSON text."""
    from backend.triage import lifecycle
    from ml.bundle import load_latest

    backlog.lay_ours()
    bundle = load_latest()
    found: dict[uuid.UUID, str] = {}
    for row in lifecycle.written(_all_finished(bundle)):
        found[uuid.UUID(row["id"])] = json.dumps(row)
    return found


def _all_finished(bundle: Any) -> list[Any]:
    from backend.triage import lifecycle
    from backend.triage.values import Finished
    from ml.decision import decide

    claimed = lifecycle.claim(1_000_000).rows
    readable = [(row.case, row.rules) for row in claimed if row.case is not None]
    opinions = bundle.predictor.predict_many(readable)
    return [
        Finished(
            row.id, decide(row.rules, one, row.arm, bundle.policy), row.rules, one,
            bundle.version, bundle.digest, 100,
        )
        for row, one in zip(claimed, opinions, strict=True)
    ]  # fmt: skip
