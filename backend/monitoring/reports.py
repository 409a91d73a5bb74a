"""The stored accuracy reports: one a UTC day and model, however often the check is rung."""

import datetime as dt
import json
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from backend.monitoring.models import AccuracyReport

_STORE = """
INSERT INTO monitoring_accuracyreport (day, model_digest, model_version, state, labels, accuracy,
    measures)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (day, model_digest) DO NOTHING"""


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


def store(report: Report) -> bool:
    """Keep the report. False when this day and model have one already: that one stands."""
    with connection.cursor() as cursor:
        cursor.execute(
            _STORE,
            [
                report.day,
                report.model_digest,
                report.model_version,
                report.state,
                report.labels,
                report.accuracy,
                json.dumps(report.measures),
            ],
        )
        return bool(cursor.rowcount)


def newest() -> dict[str, Any] | None:
    fields = ("day", "model_version", "state", "labels", "accuracy", "created_at")
    found: dict[str, Any] | None = (
        AccuracyReport.objects.order_by("-day", "-id").values(*fields).first()
    )
    return found
