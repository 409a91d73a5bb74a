"""What Prometheus reads at `/metrics`: the processes' own counters and what the rows say.

The rows are the same whichever web process is asked, so they are gauges to be taken once (`max`).
They are read at most every `FRESH_SECONDS`, by one thread, in one short transaction; scrapes in
between get the last reading, and a scrape while PostgreSQL is away still shows the counters, with
`triage_database_up 0`. See `docs/metrics.md` for each name.
"""

import datetime as dt
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

import structlog
from django.db import Error, connection, transaction
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from backend.logs import failure
from backend.monitoring import alerts, presence, registry, shared_counters
from backend.monitoring.models import AccuracyReport
from backend.triage import backlog, canary
from backend.triage.queue import broker_answers

log = structlog.get_logger()

FRESH_SECONDS: Final = 5.0
# Less than the server's own bound: a scrape gives up long before a patient's request would.
_STATEMENT_MS: Final = 1_000


class _System(Collector):
    """The gauges that are read from rows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._gauges: list[Metric] = []

    def collect(self) -> Iterable[Metric]:
        # Whoever comes while they are being read gets the last ones: no scrape queues for another.
        stale = time.monotonic() - self._read_at > FRESH_SECONDS
        if stale and self._lock.acquire(blocking=not self._gauges):
            try:
                if time.monotonic() - self._read_at > FRESH_SECONDS:
                    self._gauges = self._read()
                    self._read_at = time.monotonic()
            finally:
                self._lock.release()
        return self._gauges

    def _read(self) -> list[Metric]:
        answers = float(broker_answers())
        gauges: list[Metric] = [_gauge("triage_broker_up", "The broker can be reached", answers)]
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = {_STATEMENT_MS}")
                gauges += [*_requests(), *_model(), *_processes(), *_alarms()]
            up = 1.0
        except Error as error:
            log.warning("metrics.database", **failure(error))
            connection.close()
            up = 0.0
        return [*gauges, _gauge("triage_database_up", "PostgreSQL answered this scrape", up)]


def _requests() -> Iterator[Metric]:
    now = backlog.read()
    count = _gauge("triage_open_requests", "Patients' open requests by the rules' level", "level")
    age = _gauge("triage_oldest_open_seconds", "Age of the oldest open request", "level")
    overdue = _gauge("triage_overdue_requests", "Open requests past their deadline", "level")
    for one in now.waiting:
        count.add_metric([one.level], one.count)
        age.add_metric([one.level], one.oldest_seconds)
        overdue.add_metric([one.level], one.overdue)
    work = _gauge("triage_unworked_rows", "Rows that workers still have to look at", "state")
    for state, rows in sorted(now.unworked.items()):
        work.add_metric([state], rows)
    labelled = "Requests that clinicians labelled in the last 24 hours"
    yield from (count, age, overdue, work)
    yield _gauge("triage_labelled_last_day", labelled, now.labelled_last_day)


def _model() -> Iterator[Metric]:
    stages = _gauge("triage_model_stage", "Registered versions by stage", "version", "stage")
    roles = registry.roles()
    for stage, entry in (("serving", roles.serving), ("shadow", roles.shadow)):
        if entry is not None:
            stages.add_metric([entry.version, stage], 1)
    yield stages
    labels = _gauge("triage_accuracy_labels", "Labels in the last daily check", "version")
    state = _gauge("triage_accuracy_state", "State of the last daily check", "version", "state")
    day = _gauge("triage_accuracy_day_timestamp_seconds", "Day of the last daily check", "version")
    share = _gauge(
        "triage_accuracy", "Agreement with clinicians, with interval", "version", "bound"
    )
    coverage = _gauge("triage_label_coverage", "Share of a day's answers with a label", "version")
    for report in _last_reports():
        version = report.model_version
        labels.add_metric([version], report.labels)
        state.add_metric([version, report.state], 1)
        midnight = dt.datetime.combine(report.day, dt.time(), dt.UTC)
        day.add_metric([version], midnight.timestamp())
        covered = report.measures.get("service", {}).get("label_coverage")
        if covered is not None:
            coverage.add_metric([version], covered)
        for bound, value in _accuracy(report):
            share.add_metric([version, bound], value)
    yield from (labels, state, day, share, coverage)


def _last_reports() -> list[AccuracyReport]:
    """Of the last day that has any, one a model; fewer than are ever worth a series."""
    newest = AccuracyReport.objects.order_by("-day")[:1].values("day")
    return list(AccuracyReport.objects.filter(day__in=newest).order_by("-id")[:10])


def _accuracy(report: AccuracyReport) -> Iterator[tuple[str, float]]:
    if report.accuracy is not None:
        yield "point", report.accuracy
        day = report.measures.get("windows", {}).get("day", {})
        interval = day.get("weighted" if day.get("basis") == "sampled" else "accuracy") or {}
        yield from (
            (bound, interval[bound]) for bound in ("low", "high") if interval.get(bound) is not None
        )


def _processes() -> Iterator[Metric]:
    alive: dict[tuple[str, ...], int] = {}
    loaded: dict[tuple[str, ...], int] = {}
    for one in presence.alive():
        kind = (one["kind"], one["state"])
        alive[kind] = alive.get(kind, 0) + 1
        if one["model_digest"]:
            model = (one["model_version"], one["model_digest"])
            loaded[model] = loaded.get(model, 0) + 1
    processes = _gauge("triage_processes", "Processes that reported of late", "kind", "state")
    for labels, count in alive.items():
        processes.add_metric(labels, count)
    models = _gauge("triage_model_loaded", "Worker children by loaded model", "version", "digest")
    for labels, count in loaded.items():
        models.add_metric(labels, count)
    silent = len(presence.silent())
    yield from (processes, models)
    yield _gauge("triage_silent_processes", "Processes that fell silent without an end", silent)
    last = canary.last()
    yield _gauge("triage_canary_ok", "The last synthetic request was answered", float(last.ok))


def _alarms() -> Iterator[Metric]:
    open_now = _gauge("triage_alerts_open", "Open alarms", "kind")
    kinds: dict[str, int] = {}
    for one in alerts.open_alerts():
        kinds[one["kind"]] = kinds.get(one["kind"], 0) + 1
    for kind, count in sorted(kinds.items()):
        open_now.add_metric([kind], count)
    yield open_now


def _gauge(name: str, text: str, *rest: Any) -> GaugeMetricFamily:
    """A gauge with a value, or with the names of its labels."""
    if rest and isinstance(rest[0], str):
        return GaugeMetricFamily(name, text, labels=rest)
    return GaugeMetricFamily(name, text, value=rest[0])


_system = _System()


def exposition(*, system: bool) -> bytes:
    """The text that Prometheus reads; with `system` the gauges of the rows, too."""
    found = CollectorRegistry()
    shared_counters.register(found)
    if system:
        found.register(_system)
    return generate_latest(found)
