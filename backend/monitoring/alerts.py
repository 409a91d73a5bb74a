"""Raising and resolving alarms. The row comes first, the mail after it: a mail server that is
down delays a mail and loses no alarm. No alarm holds clinical text."""

from typing import Any

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import connection
from django.db.models.functions import Now

from backend.logs import failure
from backend.monitoring.models import Alert

log = structlog.get_logger()

_RAISE = """
INSERT INTO monitoring_alert (kind, subject, summary, repeats) VALUES (%s, %s, %s, 0)
ON CONFLICT (kind, subject) WHERE resolved_at IS NULL
DO UPDATE SET last_at = now(), repeats = monitoring_alert.repeats + 1
RETURNING id, repeats"""


def raise_alert(kind: str, subject: str, summary: str) -> None:
    """Open an alarm, or count it again if it is open. Only an opened one is mailed."""
    with connection.cursor() as cursor:
        cursor.execute(_RAISE, [kind, subject[:120], summary[:300]])
        alert_id, repeats = cursor.fetchone()
    if repeats == 0:
        log.error("alert.raised", kind=kind, alert_id=alert_id)


def resolve(kind: str, subject: str) -> None:
    """Close the open alarm of this kind and subject, if there is one."""
    Alert.objects.filter(kind=kind, subject=subject, resolved_at=None).update(resolved_at=Now())


def send_unsent() -> int:
    """Mail what has not been mailed; a failure is logged and tried again at the next call.

    Returns how many mails went out.
    """
    sent = 0
    for alert in Alert.objects.filter(sent_at=None, resolved_at=None).order_by("id")[:50]:
        try:
            send_mail(
                f"[clinical-triage] {alert.kind}: {alert.subject}",
                f"{alert.summary}\n\nRaised {alert.raised_at:%Y-%m-%d %H:%M:%S} UTC.\n"
                "What to do: docs/operations.md.\n",
                None,
                settings.ALERT_EMAILS,
            )
        except OSError as error:  # every SMTP and socket error is one
            log.error("alert.mail_failed", alert_id=alert.pk, **failure(error))
            break
        Alert.objects.filter(pk=alert.pk).update(sent_at=Now())
        sent += 1
    return sent


def open_alerts() -> list[dict[str, Any]]:
    rows = Alert.objects.filter(resolved_at=None).order_by("-raised_at")
    found: list[Any] = list(
        rows.values("id", "kind", "subject", "summary", "raised_at", "repeats")[:100]
    )
    return found
