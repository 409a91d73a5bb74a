"""Telling people about alarms: planned as rows, tried with back-off, kept with what became of it.

1. an open alarm that nobody was told of gets a row a channel, unless the same alarm was announced
   a short while ago; 2. who was told gets another row when it is resolved; 3. rows that are due
are sent one by one. Several processes may do this at once: a row is taken before it is sent.
"""

import time
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from django.conf import settings
from django.db import connection

from backend.monitoring import channels
from backend.monitoring.channels import Channel, NotSent
from backend.monitoring.models import Alert, AlertDelivery

log = structlog.get_logger()

RAISED: Final = "raised"
RESOLVED: Final = "resolved"
# The first repetition comes after a minute, the later ones at most an hour apart.
FIRST_RETRY_SECONDS: Final = 60
LONGEST_RETRY_SECONDS: Final = 3_600
# Nobody wants a notice of last week.
KEPT_DAYS: Final = 7
# A channel that failed so often is shown as broken.
FAILING_ATTEMPTS: Final = 3
# One call ends after so long, so that a slow channel does not hold the worker.
_CALL_SECONDS: Final = 60

_TO_ANNOUNCE: Final = """
SELECT a.id, a.severity FROM monitoring_alert AS a
WHERE a.resolved_at IS NULL AND a.acknowledged_at IS NULL AND a.sent_at IS NULL
    AND NOT EXISTS (SELECT FROM monitoring_alertdelivery AS d WHERE d.alert_id = a.id)
    AND NOT EXISTS (
        SELECT FROM monitoring_alert AS earlier
        WHERE earlier.kind = a.kind AND earlier.subject = a.subject AND earlier.id <> a.id
            AND earlier.sent_at > now() - make_interval(mins => %s))
ORDER BY a.id LIMIT 100"""

_ANNOUNCE: Final = """
INSERT INTO monitoring_alertdelivery (alert_id, notice, channel)
SELECT %s, 'raised', unnest(%s::varchar[]) ON CONFLICT DO NOTHING"""

_SAY_RESOLVED: Final = """
INSERT INTO monitoring_alertdelivery (alert_id, notice, channel)
SELECT a.id, 'resolved', d.channel
FROM monitoring_alert AS a JOIN monitoring_alertdelivery AS d ON d.alert_id = a.id
WHERE a.resolved_at > now() - make_interval(days => %s)
    AND d.notice = 'raised' AND d.state = 'sent'
ON CONFLICT DO NOTHING"""

_DROP: Final = """
UPDATE monitoring_alertdelivery AS d
SET state = CASE WHEN a.raised_at < now() - make_interval(days => %s)
    AND a.resolved_at IS NULL THEN 'gave_up' ELSE 'dropped' END
FROM monitoring_alert AS a
WHERE a.id = d.alert_id AND d.state = 'waiting' AND (
    d.notice = 'raised' AND (a.resolved_at IS NOT NULL OR a.acknowledged_at IS NOT NULL)
    OR coalesce(a.resolved_at, a.raised_at) < now() - make_interval(days => %s))"""

# Taking a row already puts off its next attempt: a process that dies while it sends holds
# nothing, and the notice is repeated.
_TAKE: Final = """
UPDATE monitoring_alertdelivery SET attempts = attempts + 1,
    next_at = now() + make_interval(secs =>
        least(%(first)s * 2.0 ^ least(attempts, 20), %(longest)s))
WHERE id = (SELECT id FROM monitoring_alertdelivery
    WHERE state = 'waiting' AND next_at <= now() ORDER BY next_at, id LIMIT 1
    FOR UPDATE SKIP LOCKED)
RETURNING id, alert_id, notice, channel"""

_SENT: Final = """
WITH sent AS (UPDATE monitoring_alertdelivery SET state = 'sent', sent_at = now(), error = ''
    WHERE id = %s RETURNING alert_id, notice)
UPDATE monitoring_alert AS a SET sent_at = coalesce(a.sent_at, now())
FROM sent WHERE a.id = sent.alert_id AND sent.notice = 'raised'"""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of one notice on one channel."""

    notice: str
    channel: str
    state: str
    attempts: int
    sent_at: datetime | None
    error: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def deliver() -> int:
    """Plan what is missing and send what is due; returns how many notices went out. A failure
    is kept with its row and tried again later."""
    _plan()
    until = time.monotonic() + _CALL_SECONDS
    known = channels.by_name()
    sent = 0
    while time.monotonic() < until and (taken := _take()) is not None:
        delivery_id, alert_id, notice, name = taken
        alert = Alert.objects.get(pk=alert_id)
        try:
            _send(known.get(name), alert, notice)
        except NotSent as failed:
            log.error("alert.notice_failed", alert_id=alert_id, reason=failed.code)
            AlertDelivery.objects.filter(pk=delivery_id).update(error=failed.code)
            continue
        with connection.cursor() as cursor:
            cursor.execute(_SENT, [delivery_id])
        sent += 1
    return sent


def _plan() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_TO_ANNOUNCE, [settings.ALERT_COOLDOWN_MINUTES])
        for alert_id, severity in cursor.fetchall():
            names = [channel.name for channel in channels.configured(severity)]
            cursor.execute(_ANNOUNCE, [alert_id, names])
        cursor.execute(_DROP, [KEPT_DAYS, KEPT_DAYS])
        cursor.execute(_SAY_RESOLVED, [KEPT_DAYS])


def _take() -> tuple[int, int, str, str] | None:
    waits = {"first": FIRST_RETRY_SECONDS, "longest": LONGEST_RETRY_SECONDS}
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, waits)
        found: tuple[int, int, str, str] | None = cursor.fetchone()
    return found


def _send(channel: Channel | None, alert: Alert, notice: str) -> None:
    if channel is None:
        raise NotSent("no_such_channel")
    title, text = message(alert, notice)
    channel.send(title, text, good_news=notice == RESOLVED)


def message(alert: Alert, notice: str) -> tuple[str, str]:
    """Title and text of a notice: what an operator needs, nothing of a patient."""
    over = notice == RESOLVED
    state = "resolved " if over else "CRITICAL " if alert.severity == "critical" else ""
    # One line, whatever a subject holds: it becomes a header.
    title = " ".join(f"[clinical-triage] {state}{alert.kind}: {alert.subject}".split())
    lines = [
        alert.summary,
        "",
        f"Raised {_minute(alert.raised_at)} UTC, severity {alert.severity}.",
    ]
    if over and alert.resolved_at is not None:
        lines.append(f"Resolved {_minute(alert.resolved_at)} UTC.")
    else:
        lines += [
            f"What to do: {settings.RUNBOOK_URL}#{alert.kind}",
            f"Taking care of it: manage.py alerts acknowledge {alert.pk}",
        ]
    return title, "\n".join([*lines, ""])


def delivered(row: AlertDelivery) -> Delivered:
    return Delivered(row.notice, row.channel, row.state, row.attempts, row.sent_at, row.error)


def failing() -> list[dict[str, Any]]:
    """Notices that have failed several times and still wait: somebody does not know."""
    rows = AlertDelivery.objects.filter(state="waiting", attempts__gte=FAILING_ATTEMPTS)
    fields = ("alert_id", "notice", "channel", "attempts", "error")
    return list(rows.order_by("id").values(*fields)[:20])


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
