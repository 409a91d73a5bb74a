"""Accepting requests: single POSTs, batches of 100, and with the worker beside on one machine."""

import json
import time
from collections.abc import Sequence
from typing import Any

from backend.stack.process import Process
from benchmarks import load, rows, worker
from benchmarks.load import Load
from benchmarks.report import Report, quantile
from benchmarks.system import WEB_PROCESSES, System, seconds_of

ROUNDS = 3
CONNECTIONS = 16
BATCH = 100
OURS = "/api/v1/triage/"
NAIVE = "/requests/"
_WARM = 16


def measure(system: System, scale: float) -> Report:
    report = Report("accept", f"POST on {WEB_PROCESSES} web processes, {CONNECTIONS} callers")
    seconds = max(1.0, 4.0 * scale)
    _single(system, seconds, report)
    _end_to_end(system, seconds * 1.5, report)
    _back_pressure(system, seconds * 1.5, report)
    return report


def _single(system: System, seconds: float, report: Report) -> None:
    bodies = rows.encoded(2_000)
    batches = [
        json.dumps({"requests": rows.bodies(BATCH, seed)}).encode() for seed in range(100, 110)
    ]
    ours: list[Load] = []
    naive: list[Load] = []
    batch: list[Load] = []
    cost: dict[str, list[float]] = {"ours": [], "naive": [], "batch": []}
    with system.web() as (web, port), system.naive_web() as (naive_web, naive_port):
        single = [load.post(port, OURS, one, key(system)) for one in bodies]
        many = [load.post(port, f"{OURS}batch/", one, key(system)) for one in batches]
        plain = [load.post(naive_port, NAIVE, one, {}) for one in bodies]
        for number in range(ROUNDS + 1):
            counted = number > 0  # the first round warms both up
            for name, process, at, requests, into in (
                ("ours", web, port, single, ours),
                ("naive", naive_web, naive_port, plain, naive),
                ("batch", web, port, many, batch),
            ):
                found, spent = _timed(
                    system, process, at, requests, seconds if counted else seconds / 4
                )
                rows.empty()
                system.broker().delete("naive")
                if counted:
                    into.append(found)
                    cost[name].append(spent / len(found.seconds) * 1e3)
    _tell_single(report, ours, naive, cost)
    items = [one.per_second * BATCH for one in batch]
    report.compare(
        f"batch of {BATCH}, items a second", "items/s", items,
        [one.per_second for one in naive], at_least=15,
    )  # fmt: skip
    report.tell("processor time, batch", "ms/item", [one / BATCH for one in cost["batch"]])


def _tell_single(
    report: Report, ours: list[Load], naive: list[Load], cost: dict[str, list[float]]
) -> None:
    rate, other = [one.per_second for one in ours], [one.per_second for one in naive]
    report.compare("single POSTs", "requests/s", rate, other, at_least=2.5)
    for share, name, bar in ((0.5, "p50", None), (0.99, "p99", 1.0)):
        a = [quantile(one.seconds, share) * 1e3 for one in ours]
        b = [quantile(one.seconds, share) * 1e3 for one in naive]
        report.compare(f"time to the answer {name}", "ms", a, b, cost=True, at_least=bar)
    report.compare(
        "processor time, web and database", "ms/request", cost["ours"], cost["naive"], cost=True
    )


def _timed(
    system: System, process: Process, port: int, requests: Sequence[bytes], seconds: float
) -> tuple[Load, float]:
    """The load, and the processor seconds that web and PostgreSQL spent on it."""
    before = seconds_of(process) + system.postgres_seconds()
    found = load.closed_loop(port, requests, CONNECTIONS, seconds).only(201, 202)
    return found, seconds_of(process) + system.postgres_seconds() - before


def _end_to_end(system: System, seconds: float, report: Report) -> None:
    """Committed answers a second, web and worker sharing the machine, callers at saturation."""
    bodies = rows.encoded(2_000)
    ours, naive = [], []
    for _ in range(ROUNDS):
        with system.web() as (_, port), system.worker():
            requests = [load.post(port, OURS, one, key(system)) for one in bodies]
            load.closed_loop(port, requests, CONNECTIONS, seconds / 4)
            before = _answered()
            started = time.perf_counter()
            load.closed_loop(port, requests, CONNECTIONS, seconds).only(202)
            ours.append((_answered() - before) / (time.perf_counter() - started))
        rows.empty()
        with system.naive_web() as (_, port), system.naive_worker(keeps_connections=True):
            requests = [load.post(port, NAIVE, one, {}) for one in bodies]
            load.closed_loop(port, requests, CONNECTIONS, seconds / 4)
            # Its children load the model with their first tasks: not part of the measurement.
            worker.wait(lambda: rows.naive_finished() >= _WARM)
            before = rows.naive_finished()
            started = time.perf_counter()
            load.closed_loop(port, requests, CONNECTIONS, seconds).only(201)
            naive.append((rows.naive_finished() - before) / (time.perf_counter() - started))
        rows.empty()
        system.broker().delete("naive")
    report.compare("end to end, web and worker together", "answers/s", ours, naive, at_least=12)


def _back_pressure(system: System, seconds: float, report: Report) -> None:
    """The default limits, the acceptor at saturation: how long until each row is answered."""
    bodies = rows.encoded(2_000)
    with system.web(limited=True) as (_, port), system.worker():
        requests = [load.post(port, OURS, one, key(system)) for one in bodies]
        load.closed_loop(port, requests, CONNECTIONS * 2, seconds).only(202, 503)
        until = time.monotonic() + 30
        while rows.ours_unfinished() and time.monotonic() < until:
            time.sleep(0.05)
    waits = [float(one[0]) for one in rows.execute(_WAITS)]
    report.tell(
        "acceptor at saturation: accepted to committed p95", "s", [quantile(waits, 0.95)],
        at_most=20,
    )  # fmt: skip
    rows.empty()


_WAITS = """
SELECT extract(epoch FROM pg_xact_commit_timestamp(a.xmin) - r.accepted_at)
FROM triage_triagerequest AS r JOIN triage_triageanswer AS a ON a.request_id = r.id
WHERE a.sequence = 1"""


def _answered() -> int:
    # Red flags are answered by the web itself; what counts here is the worker's log.
    return int(
        rows.execute("SELECT count(*) FROM triage_predictionlog WHERE predictor = 'model'")[0][0]
    )


def key(system: System) -> dict[str, Any]:
    return {"Authorization": f"Bearer {system.key}"}
