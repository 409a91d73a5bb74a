"""The daily checks: which days are missing, report, alarm.

The report of UTC day D covers the labels that clinicians gave in D. It is made after D ends, once
per day and model, and missed days are caught up; who rings, and how often, does not matter: what
is reported already is not measured again.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Final

import structlog
from django.conf import settings
from django.db import transaction

from backend.monitoring import alerts, presence, reports
from backend.monitoring.reports import Drift, Kind, Report
from backend.triage import outcomes, queries

log = structlog.get_logger()

LOW_ACCURACY: Final = "low_accuracy"
ACCURACY_WARNING: Final = "accuracy_warning"
ACCURACY_DROP: Final = "accuracy_drop"
URGENCY_UNDERESTIMATED: Final = "urgency_underestimated"
LOW_EMERGENCY_RECALL: Final = "low_emergency_recall"
INSUFFICIENT_LABELS: Final = "insufficient_labels"
INPUT_DRIFT: Final = "input_drift"

ABOUT_A_MODEL: Final = frozenset(
    {
        *(LOW_ACCURACY, ACCURACY_WARNING, ACCURACY_DROP, URGENCY_UNDERESTIMATED),
        *(LOW_EMERGENCY_RECALL, INSUFFICIENT_LABELS, INPUT_DRIFT),
    }
)

# Labels still arrive for the answers of so many days.
COHORT_DAYS: Final = 30
_DAY: Final = dt.timedelta(days=1)

Model = tuple[str, str]


def check_accuracy(as_of: dt.datetime | None = None) -> dict[str, int]:
    """Make the accuracy reports that are missing as of `as_of` (default, and at the latest,
    PostgreSQL's clock); counts new ones."""
    today = _today(as_of)
    made = 0
    for day, (version, digest) in _missing("accuracy", today):
        # Imported here: the parent of the triage children must not load a numeric library.
        from workers import accuracy

        before = reports.last_before(day, digest)
        report = accuracy.assess(day, version, digest, before)
        # Together: a report that is stored is never announced again.
        with transaction.atomic():
            if reports.store(report):
                made += 1
                _announce(report)
    if made:
        _follow_cohorts(today)
        _forget_withdrawn(today)
    alerts.send_unsent()
    return {"reports": made}


def check_drift(as_of: dt.datetime | None = None) -> dict[str, int]:
    """Make the drift reports that are missing as of `as_of` (default, and at the latest,
    PostgreSQL's clock); counts new ones."""
    made = 0
    for day, (version, digest) in _missing("drift", _today(as_of)):
        if not digest:
            continue  # nothing was served: there is nothing to compare with
        from workers import drift

        found = drift.compare_day(day, version, digest)
        with transaction.atomic():
            if reports.store_drift(found):
                made += 1
                _announce_drift(found)
    alerts.send_unsent()
    return {"reports": made}


def pulse() -> None:
    """What a live background worker does three times a minute."""
    presence.report("background", "ready")
    alerts.send_unsent()


def _today(as_of: dt.datetime | None) -> dt.date:
    """The day that has not ended: a clock that runs ahead, or a wrong `as_of`, reports no day
    whose labels still come."""
    now = queries.clock()
    return min(as_of or now, now).astimezone(dt.UTC).date()


def _missing(kind: Kind, today: dt.date) -> Iterator[tuple[dt.date, Model]]:
    """Days that have ended and models that have no report for them, oldest first."""
    first = queries.first_accepted_at()
    if first is None:
        return
    oldest = max(first.date(), today - settings.ACCURACY_CATCH_UP_DAYS * _DAY)
    done = reports.reported(kind, oldest, today)
    for number in range((today - oldest).days):
        day = oldest + number * _DAY
        for model in _models(day):
            if model[1] not in done.get(day, set()):
                yield day, model


def _models(day: dt.date) -> list[Model]:
    """Who answered on the day, and whose answers were labelled on it. The serving model is reported
    on even when nobody asked it anything: that too is a finding."""
    start = dt.datetime.combine(day, dt.time(), dt.UTC)
    found = set(outcomes.answered_by(start, start + _DAY))
    found |= set(outcomes.labelled_models(start, start + _DAY))
    return sorted(found) or [presence.serving_model() or ("none", "")]


def _follow_cohorts(today: dt.date) -> None:
    """Write again what is known of the answers of the last days: labels come late."""
    from workers import accuracy

    known = dt.datetime.combine(today, dt.time(), dt.UTC)
    for number in range(1, COHORT_DAYS + 1):
        day = today - number * _DAY
        start = known - number * _DAY
        for version, digest in outcomes.answered_by(start, start + _DAY):
            reports.store_cohort(accuracy.cohort(day, version, digest, known))


def _forget_withdrawn(today: dt.date) -> None:
    """Close the alarms about models that answer nobody any more: no report would ever do it."""
    answering = {version for version, _ in _models(today - _DAY)}
    serving = presence.serving_model()
    if serving is not None:
        answering.add(serving[0])
    for one in alerts.open_alerts():
        if one["kind"] in ABOUT_A_MODEL and one["subject"] not in answering:
            alerts.resolve(one["kind"], one["subject"])


def _announce(report: Report) -> None:
    log.info("accuracy.reported", day=str(report.day), state=report.state, count=report.labels)
    reasons: list[str] = report.measures["reasons"]
    measured = report.measures["windows"]
    charts = report.measures["cumulative"]
    about = f"{report.day}, model {report.model_version}"

    def windows(measure: str) -> list[str]:
        return [name for name in measured if f"{measure}_breach_{name}" in reasons]

    def shares(names: list[str], measure: str) -> str:
        found = [measured[n][measure] if measure != "share" else measured[n] for n in names]
        return "; ".join(
            f"{name} {one['share']:.1%} of {one.get('labels', one.get('n'))}"
            for name, one in zip(names, found, strict=True)
        )

    low, recall = windows("accuracy"), windows("recall")
    _say(
        LOW_ACCURACY,
        report,
        bool(low),
        f"{about}: agreement with clinicians is under the floor of {settings.ACCURACY_FLOOR:.0%}, "
        f"beyond chance: {shares(low, 'share')} labels.",
    )
    _say(
        LOW_EMERGENCY_RECALL,
        report,
        bool(recall),
        f"{about}: true emergencies answered as such are under the floor of "
        f"{settings.EMERGENCY_RECALL_FLOOR:.0%}, beyond chance: "
        f"{shares(recall, 'emergency_recall')}.",
    )
    if report.state != INSUFFICIENT_LABELS:
        under = "accuracy_warning_day" in reasons
        text = f"{about}: {shares(['day'], 'share')} labels agreed, under the floor of "
        text += f"{settings.ACCURACY_FLOOR:.0%}; chance alone may do that."
        _say(ACCURACY_WARNING, report, under, text)
    _say(
        ACCURACY_DROP,
        report,
        charts["accuracy"]["alarm"],
        f"{about}: labels of the last days add up to evidence that the model is less often right "
        "than on the held-out data of its training.",
    )
    _say(
        URGENCY_UNDERESTIMATED,
        report,
        charts["urgency"]["alarm"],
        f"{about}: labels of the last days add up to evidence that patients are more urgent than "
        "the model's probabilities say.",
    )
    _say(
        INSUFFICIENT_LABELS,
        report,
        report.state == INSUFFICIENT_LABELS,
        f"{about}: {report.labels} clinicians' labels; {settings.ACCURACY_MINIMUM_LABELS} are "
        "needed to say how accurate it is.",
    )


def _announce_drift(found: Drift) -> None:
    log.info("drift.reported", day=str(found.day), state=found.state, count=found.requests)
    if found.state not in {"stable", "moderate", "large"}:
        return
    moved = [one["field"] for one in found.measures["shifts"] if one["state"] == "large"]
    text = f"{found.day}, model {found.model_version}: the patients of the day are far from those "
    text += f"it was trained on: {', '.join(dict.fromkeys(moved))}."
    if found.state == "large":
        alerts.raise_alert(INPUT_DRIFT, found.model_version, text)
    else:
        alerts.resolve(INPUT_DRIFT, found.model_version)


def _say(kind: str, report: Report, bad: bool, text: str) -> None:
    if bad:
        alerts.raise_alert(kind, report.model_version, text)
    else:
        alerts.resolve(kind, report.model_version)
