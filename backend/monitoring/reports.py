"""What the daily checks stored: one report a UTC day and model, however often they are rung."""

import datetime as dt
import json
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from django.db import connection
from django.db.models import QuerySet

from backend.monitoring.models import AccuracyCohort, AccuracyReport, DriftReport
from backend.triage.statements import PATIENTS_ONLY

Kind = Literal["accuracy", "drift"]
KINDS: Final[tuple[Kind, ...]] = ("accuracy", "drift")
MOST_LISTED: Final = 100

_STORE_ACCURACY = """
INSERT INTO monitoring_accuracyreport (day, model_digest, model_version, state, labels, accuracy,
    measures)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (day, model_digest) DO NOTHING"""

_STORE_DRIFT = """
INSERT INTO monitoring_driftreport (day, model_digest, model_version, state, requests, measures)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (day, model_digest) DO NOTHING"""

_STORE_COHORT = """
INSERT INTO monitoring_accuracycohort (day, model_digest, model_version, labels, accuracy, measures)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (day, model_digest) DO UPDATE SET labels = excluded.labels,
    accuracy = excluded.accuracy, measures = excluded.measures, updated_at = now()
WHERE monitoring_accuracycohort.labels <= excluded.labels"""


# The check rings every hour from midnight on: two hours later a day without a report was not
# checked. A system that was younger than that day owes none.
_CHECK_MISSED = f"""
WITH clock AS (SELECT coalesce(%(as_of)s::timestamptz, now()) AT TIME ZONE 'UTC' AS utc)
SELECT utc::date - 1 FROM clock
WHERE utc::time >= '02:00'
    AND NOT EXISTS (SELECT FROM monitoring_accuracyreport WHERE day = utc::date - 1)
    AND EXISTS (SELECT FROM triage_triagerequest
        WHERE accepted_at < utc::date::timestamp AT TIME ZONE 'UTC' AND {PATIENTS_ONLY})"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Report:
    """One day's finding; `accuracy` is a share 0–1, None without labels."""

    day: dt.date
    model_version: str
    model_digest: str
    state: str
    labels: int
    accuracy: float | None
    measures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Drift:
    """One day's patients against a model's training data."""

    day: dt.date
    model_version: str
    model_digest: str
    state: str
    requests: int
    measures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cohort:
    """What is known by now of the answers that a model gave on a day."""

    day: dt.date
    model_version: str
    model_digest: str
    labels: int
    accuracy: float | None
    measures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listed:
    """A report as it is shown; `count` is labels or requests, `accuracy` None for drift."""

    id: str
    kind: Kind
    day: dt.date
    model_version: str
    model_digest: str
    state: str
    count: int
    accuracy: float | None
    created_at: dt.datetime
    measures: dict[str, Any]


def store(report: Report) -> bool:
    """Keep the report. False when this day and model have one already: that one stands."""
    return _insert(
        _STORE_ACCURACY,
        report.day,
        report.model_digest,
        report.model_version,
        report.state,
        report.labels,
        report.accuracy,
        json.dumps(report.measures),
    )


def store_drift(drift: Drift) -> bool:
    """Keep the comparison. False when this day and model have one already: that one stands."""
    return _insert(
        _STORE_DRIFT,
        drift.day,
        drift.model_digest,
        drift.model_version,
        drift.state,
        drift.requests,
        json.dumps(drift.measures),
    )


def store_cohort(cohort: Cohort) -> bool:
    """Write what is known now over what was known; False if more is known already."""
    return _insert(
        _STORE_COHORT,
        cohort.day,
        cohort.model_digest,
        cohort.model_version,
        cohort.labels,
        cohort.accuracy,
        json.dumps(cohort.measures),
    )


def reported(kind: Kind, start: dt.date, end: dt.date) -> dict[dt.date, set[str]]:
    """The models' digests that have a report, by day of [start, end)."""
    rows = _rows(kind).filter(day__gte=start, day__lt=end).values_list("day", "model_digest")
    found: dict[dt.date, set[str]] = {}
    for day, digest in rows:
        found.setdefault(day, set()).add(digest)
    return found


def last_before(day: dt.date, digest: str) -> Report | None:
    """The newest accuracy report of this model for an earlier day."""
    fields = ("day", "model_version", "model_digest", "state", "labels", "accuracy", "measures")
    rows = AccuracyReport.objects.filter(model_digest=digest, day__lt=day).order_by("-day")
    found = rows.values_list(*fields).first()
    return None if found is None else Report(*found)


def newest() -> dict[str, Any] | None:
    """The newest accuracy report without its measures."""
    fields = ("day", "model_version", "state", "labels", "accuracy", "created_at")
    found: dict[str, Any] | None = (
        AccuracyReport.objects.order_by("-day", "-id").values(*fields).first()
    )
    return found


def missed_check(as_of: dt.datetime | None = None) -> dt.date | None:
    """Yesterday (UTC), if its accuracy report should be here as of `as_of` (default PostgreSQL's
    clock) and is not."""
    with connection.cursor() as cursor:
        cursor.execute(_CHECK_MISSED, {"as_of": as_of})
        row = cursor.fetchone()
    return None if row is None else row[0]


def listed(
    kind: Kind, *, before: str | None = None, version: str | None = None, limit: int = 30
) -> list[Listed]:
    """Reports, the newest first; `before` is the id of the last one that was seen."""
    rows = _rows(kind)
    if version is not None:
        rows = rows.filter(model_version=version)
    if before is not None:
        last = find(before)
        if last is None or last.kind != kind:
            return []
        number = int(before.partition("-")[2])
        rows = rows.filter(day__lte=last.day).exclude(day=last.day, id__gte=number)
    newest_first = rows.order_by("-day", "-id")[: min(limit, MOST_LISTED)]
    return [_listed(kind, row) for row in newest_first]


def find(report_id: str) -> Listed | None:
    """One report by its id (`accuracy-12`, `drift-3`); None where there is none."""
    kind, _, number = report_id.partition("-")
    if kind not in KINDS or not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    row = _rows(kind).filter(pk=int(number)).first()
    return None if row is None else _listed(kind, row)


def cohorts(digest: str, start: dt.date, end: dt.date) -> list[Cohort]:
    """What is known of a model's answers, by the day they were given, in [start, end)."""
    fields = ("day", "model_version", "model_digest", "labels", "accuracy", "measures")
    rows = AccuracyCohort.objects.filter(model_digest=digest, day__gte=start, day__lt=end)
    return [Cohort(*row) for row in rows.order_by("day").values_list(*fields)]


def _rows(kind: Kind) -> "QuerySet[Any]":
    return AccuracyReport.objects.all() if kind == "accuracy" else DriftReport.objects.all()


def _listed(kind: Kind, row: Any) -> Listed:
    return Listed(
        id=f"{kind}-{row.pk}",
        kind=kind,
        day=row.day,
        model_version=row.model_version,
        model_digest=row.model_digest,
        state=row.state,
        count=row.labels if kind == "accuracy" else row.requests,
        accuracy=row.accuracy if kind == "accuracy" else None,
        created_at=row.created_at,
        measures=row.measures,
    )


def _insert(statement: str, *values: Any) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return bool(cursor.rowcount)
