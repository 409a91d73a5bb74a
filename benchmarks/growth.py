"""As it grows: children, a table full of finished rows, and the day of many hospitals."""

import csv
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from backend.stack.checkout import ROOT
from benchmarks import load, machine, rows, worker
from benchmarks.accept import OURS, key
from benchmarks.report import Report
from benchmarks.system import System, seconds_of

# Arrivals of one hospital by weekday and hour, where this machine has them.
PROFILE: Final = ROOT.parent / "shared" / "data" / "ed_arrivals_profile.csv"
SITES: Final = 500
COUNTRY: Final = 5_000
_SMALL: Final = 10_000
_LARGE: Final = 1_000_000
_CHUNK: Final = 100_000
_TRIES: Final = 41
# Seconds that an hour of the day takes here, and requests a second on average.
_HOUR_SECONDS: Final = 1.0
_MEAN_RATE: Final = 120.0


def measure(system: System, scale: float) -> Report:
    report = Report("growth", "children, finished rows, a day of many hospitals")
    _children(system, max(2_000, int(10_000 * scale)), report)
    _tables(max(50_000, int(_LARGE * scale)), report)
    _retention(max(1_000, int(4_000 * scale)), report)
    if PROFILE.exists():
        _day(system, scale, report)
    else:
        report.notes.append("No arrivals profile here: the day of many hospitals was left out.")
    return report


def _children(system: System, count: int, report: Report) -> None:
    backlog = rows.Backlog(count)
    found: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(2):
        for children in found:
            found[children].append(worker.ours_per_second(system, backlog, children))
    for children, rate in found.items():
        report.tell(f"worker, {children} of {machine.cores()} cores", "rows/s", rate)
    rows.empty()


def _tables(large: int, report: Report) -> None:
    """The same statements among few finished rows and among many; 1,000 open ones each time."""
    took: dict[str, list[float]] = {}
    for total in (_SMALL, large):
        rows.fill_finished(total, _CHUNK)
        for name, seconds in _statements().items():
            took.setdefault(name, []).append(seconds * 1e3)
    for name, (few, many) in took.items():
        report.tell(f"{name} among {_SMALL:,} finished rows", "ms", [few])
        report.tell(
            f"{name} among {large:,}", "ms", [many], at_most=round(max(2 * few, few + 1), 1)
        )
    rows.empty()


def _statements() -> dict[str, float]:
    """Median seconds of each statement; what one changed is undone."""
    from django.db import transaction

    from backend.triage import lifecycle, queries

    open_ids = [row[0] for row in rows.execute(_OPEN)]
    client = rows.execute("SELECT id FROM clients_client WHERE name = 'bench'")[0][0]
    tried: dict[str, Callable[[], Any]] = {
        "claim 256": lambda: lifecycle.claim(256),
        "poll": lambda: queries.get(client, random.choice(open_ids)),  # noqa: S311
        "list newest 50": lambda: rows.execute(_NEWEST, client),
        "sweep": lambda: (lifecycle.enforce_deadlines(), lifecycle.abandon_exhausted()),
        "admission count": lambda: rows.execute(_COUNT),
    }
    found = {}
    for name, work in tried.items():
        seconds = []
        for _ in range(_TRIES):
            with transaction.atomic():
                started = time.perf_counter()
                work()
                seconds.append(time.perf_counter() - started)
                transaction.set_rollback(True)
        found[name] = statistics.median(seconds)
    return found


_OPEN: Final = "SELECT id FROM triage_triagerequest WHERE answer = 'open' LIMIT 500"
_COUNT: Final = (
    "SELECT count(*) FROM (SELECT FROM triage_triagerequest WHERE answer = 'open' LIMIT 20000) AS c"
)
_NEWEST: Final = (
    "SELECT id, answer, accepted_at FROM triage_triagerequest WHERE client_id = %s"
    " ORDER BY accepted_at DESC, id DESC LIMIT 50"
)


def _retention(count: int, report: Report) -> None:
    from backend.triage import lifecycle

    rows.Backlog(count).lay_ours()
    client = rows.execute("SELECT client_id FROM triage_triagerequest LIMIT 1")[0][0]
    started = time.perf_counter()
    deleted = lifecycle.delete_older(client, 0)
    report.tell("retention deletes", "rows/s", [deleted / (time.perf_counter() - started)])


def _day(system: System, scale: float, report: Report) -> None:
    """One day in compressed time, thinned so that this machine also has room to send it."""
    means = hourly_means(PROFILE)
    arrivals = sum(means) * SITES
    hour = _HOUR_SECONDS * max(0.25, scale)
    thinned = _MEAN_RATE * hour * 24 / arrivals
    bodies = rows.encoded(2_000)
    with system.web() as (web, port), system.worker() as children:
        requests = [load.post(port, OURS, one, key(system)) for one in bodies]
        load.closed_loop(port, requests, 4, 0.5)
        before = seconds_of(web), seconds_of(children), system.postgres_seconds()
        sent = 0
        for mean in means:
            count = round(mean * SITES * thinned)
            load.open_loop(port, requests[:count], count / hour).only(202)
            sent += count
        worker.wait(lambda: not rows.ours_unfinished())
        after = seconds_of(web), seconds_of(children), system.postgres_seconds()
    spent = [(b - a) / sent * 1e3 for a, b in zip(before, after, strict=True)]
    for name, each in zip(("web", "worker", "PostgreSQL"), spent, strict=True):
        report.tell(f"processor time of {name} in that day", "ms/request", [each])
    cores = machine.cores()
    share = sum(spent) / 1e3 * arrivals / (86_400 * cores)
    peak = max(means) * SITES / 3_600 * sum(spent) / 1e3 / cores
    report.tell(f"{SITES} sites: requests a day", "", [arrivals])
    report.tell(f"{SITES} sites: share of this machine, whole day", "%", [share * 100])
    report.tell(f"{SITES} sites: share of this machine, busiest hour", "%", [peak * 100])
    hosts = peak * COUNTRY / SITES / 0.5
    report.tell(f"{COUNTRY:,} sites: hosts like this, half used at the peak", "", [hosts])
    rows.empty()


def hourly_means(profile: Path) -> list[float]:
    """Mean arrivals of one hospital in each hour of its busiest weekday."""
    by_day: dict[str, list[tuple[float, float]]] = {}
    with profile.open(newline="") as file:
        for row in csv.DictReader(file):
            by_day.setdefault(row["Weekday"], []).append((float(row["Hour"]), float(row["mean"])))
    days = [[mean for _, mean in sorted(day)] for day in by_day.values()]
    return max(days, key=sum)
