"""Raising, acknowledging and resolving alarms. The row comes first, the notices after it: a mail
server that is down delays a mail and loses no alarm. No alarm holds clinical text."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from backend.monitoring import delivery
from backend.monitoring.models import Alert

log = structlog.get_logger()

Severity = Alert.Severity
# Patients are answered without a model, late, or wrongly in the dangerous direction. Everything
# else is a warning unless whoever raises it says otherwise.
CRITICAL_KINDS: Final = frozenset(
    {
        "accuracy_check_missing",
        "canary_failed",
        "experiment_rolled_back",
        "low_accuracy",
        "low_emergency_recall",
        "no_model",
        "payload_unreadable",
        "rules_failed",
        "silent_process",
        "urgency_underestimated",
    }
)
LISTED: Final = 200

_RAISE: Final = """
INSERT INTO monitoring_alert (kind, subject, severity, summary, repeats)
VALUES (%s, %s, %s, %s, 0)
ON CONFLICT (kind, subject) WHERE resolved_at IS NULL
DO UPDATE SET last_at = now(), repeats = monitoring_alert.repeats + 1,
    severity = CASE WHEN excluded.severity = 'critical' THEN excluded.severity
        ELSE monitoring_alert.severity END
RETURNING id, repeats"""


class AlreadyResolved(Exception):
    """The alarm is over; there is nothing to acknowledge."""


@dataclass(frozen=True, slots=True)
class AlertRecord:
    """One alarm as it is shown; times are UTC."""

    id: int
    kind: str
    subject: str
    severity: str
    summary: str
    raised_at: datetime
    last_at: datetime
    repeats: int
    acknowledged_at: datetime | None
    acknowledged_by: str
    resolved_at: datetime | None
    deliveries: tuple[delivery.Delivered, ...]

    @property
    def runbook(self) -> str:
        """Where it is written what to do."""
        return runbook(self.kind)


def raise_alert(kind: str, subject: str, summary: str, severity: str | None = None) -> None:
    """Open an alarm, or count it again if it is open. Only an opened one is announced."""
    found = severity or (Severity.CRITICAL if kind in CRITICAL_KINDS else Severity.WARNING)
    with connection.cursor() as cursor:
        cursor.execute(_RAISE, [kind, subject[:120], found, summary[:300]])
        alert_id, repeats = cursor.fetchone()
    if repeats == 0:
        log.error("alert.raised", kind=kind, alert_id=alert_id)


def resolve(kind: str, subject: str) -> None:
    """Close the open alarm of this kind and subject, if there is one; who was told that it was
    raised is told that it is over."""
    Alert.objects.filter(kind=kind, subject=subject, resolved_at=None).update(resolved_at=Now())


def acknowledge(alert_id: int, by: str) -> AlertRecord | None:
    """Somebody takes care of it: it stays open, and nobody else is called. The first who says so
    is kept. None for an unknown alarm; raises `AlreadyResolved`."""
    waiting = Alert.objects.filter(pk=alert_id, resolved_at=None, acknowledged_at=None)
    if waiting.update(acknowledged_at=Now(), acknowledged_by=by[:150]):
        log.info("alert.acknowledged", alert_id=alert_id)
    found = find(alert_id)
    if found is not None and found.resolved_at is not None and found.acknowledged_at is None:
        raise AlreadyResolved
    return found


def find(alert_id: int) -> AlertRecord | None:
    row = Alert.objects.filter(pk=alert_id).prefetch_related("deliveries").first()
    return None if row is None else _record(row)


def listed(state: str = "open", limit: int = LISTED) -> list[AlertRecord]:
    """The newest alarms; `state` is `open`, `resolved` or `all`."""
    rows = Alert.objects.order_by("-raised_at", "-id").prefetch_related("deliveries")
    if state != "all":
        rows = rows.filter(resolved_at__isnull=state == "open")
    return [_record(row) for row in rows[:limit]]


def open_alerts() -> list[dict[str, Any]]:
    """What `/statusz` shows."""
    fields = ("id", "kind", "subject", "severity", "summary", "raised_at", "repeats")
    rows = Alert.objects.filter(resolved_at=None).order_by("-raised_at")
    found: list[Any] = list(rows.values(*fields, "acknowledged_at")[:100])
    return found


def send_unsent() -> int:
    """Tell everybody what they have not been told; returns how many notices went out. For
    background processes: it talks to mail servers and web services."""
    return delivery.deliver()


def runbook(kind: str) -> str:
    return f"{settings.RUNBOOK_URL}#{kind}"


def _record(row: Alert) -> AlertRecord:
    notices = sorted(row.deliveries.all(), key=lambda one: one.pk)
    return AlertRecord(
        id=row.pk,
        kind=row.kind,
        subject=row.subject,
        severity=row.severity,
        summary=row.summary,
        raised_at=row.raised_at,
        last_at=row.last_at,
        repeats=row.repeats,
        acknowledged_at=row.acknowledged_at,
        acknowledged_by=row.acknowledged_by,
        resolved_at=row.resolved_at,
        deliveries=tuple(delivery.delivered(one) for one in notices),
    )
