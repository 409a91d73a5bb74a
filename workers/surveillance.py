"""The daily accuracy check: window, statistics, report, alarm.

The report of UTC day D covers the labels that clinicians gave in D. It is made after D ends, once
per day and model, and missed days are caught up; who rings, and how often, does not matter.
"""

import datetime as dt
from collections import defaultdict
from typing import Final

import structlog
from django.conf import settings

from backend.monitoring import alerts, presence, reports
from backend.monitoring.reports import Report
from backend.triage import queries
from backend.triage.queries import ServedLabel

log = structlog.get_logger()

LOW_ACCURACY: Final = "low_accuracy"
INSUFFICIENT_LABELS: Final = "insufficient_labels"


def check_accuracy(as_of: dt.datetime | None = None) -> dict[str, int]:
    """Make the reports that are missing as of `as_of` (UTC, default now); counts new ones."""
    now = as_of or dt.datetime.now(dt.UTC)
    first = queries.first_accepted_at()
    if first is None:
        return {"reports": 0}
    today = now.astimezone(dt.UTC).date()
    oldest = max(first.date(), today - dt.timedelta(days=settings.ACCURACY_CATCH_UP_DAYS))
    made = sum(_check_day(day) for day in _days(oldest, today))
    alerts.send_unsent()
    return {"reports": made}


def pulse() -> None:
    """What a live background worker does three times a minute."""
    presence.report("background", "ready")
    alerts.send_unsent()


def _days(start: dt.date, end: dt.date) -> list[dt.date]:
    """The days of [start, end), oldest first."""
    return [start + dt.timedelta(days=n) for n in range((end - start).days)]


def _check_day(day: dt.date) -> int:
    start = dt.datetime.combine(day, dt.time(), dt.UTC)
    by_model: dict[tuple[str, str], list[ServedLabel]] = defaultdict(list)
    for label in queries.served_labels(start, start + dt.timedelta(days=1)):
        by_model[label.model_version, label.model_digest].append(label)
    # The serving model is reported on even when nobody labelled anything: that too is a finding.
    by_model.setdefault(presence.serving_model() or ("none", ""), [])
    made = 0
    for (version, digest), labels in by_model.items():
        report = assess_day(day, version, digest, labels)
        if reports.store(report):
            made += 1
            _announce(report)
    return made


def assess_day(day: dt.date, version: str, digest: str, labels: list[ServedLabel]) -> Report:
    """Accuracy of the answers that this model gave to the requests labelled on `day`."""
    if not labels:
        return Report(day, version, digest, "insufficient_labels", 0, None)
    # Imported here: the parent of the triage children must not load a numeric library.
    from ml.evaluation import score

    scores = score([one.labelled for one in labels], [one.answered for one in labels])
    accuracy = scores.accuracy.share
    if len(labels) < settings.ACCURACY_MINIMUM_LABELS:
        state = "insufficient_labels"
    else:
        state = "breach" if accuracy < settings.ACCURACY_FLOOR else "healthy"
    return Report(day, version, digest, state, len(labels), accuracy, scores.to_json())


def _announce(report: Report) -> None:
    log.info("accuracy.reported", day=str(report.day), state=report.state, count=report.labels)
    subject = report.model_version
    if report.state == "breach":
        assert report.accuracy is not None
        text = (
            f"On {report.day} the model {subject} agreed with clinicians on "
            f"{report.accuracy:.1%} of {report.labels} labelled requests; the floor is "
            f"{settings.ACCURACY_FLOOR:.0%}."
        )
        alerts.raise_alert(LOW_ACCURACY, subject, text)
    elif report.state == "healthy":
        alerts.resolve(LOW_ACCURACY, subject)
        alerts.resolve(INSUFFICIENT_LABELS, subject)
    else:
        text = (
            f"On {report.day} there were {report.labels} clinicians' labels for the model "
            f"{subject}; {settings.ACCURACY_MINIMUM_LABELS} are needed to say how accurate it is."
        )
        alerts.raise_alert(INSUFFICIENT_LABELS, subject, text)
