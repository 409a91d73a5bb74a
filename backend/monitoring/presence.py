"""Which processes live, and with which model: written by them, read by `/statusz`."""

import os
import socket
from typing import Any, Final

from django.db import connection

from backend.monitoring.models import WorkerState

# A process that has said nothing for so long is not counted as alive.
STALE_SECONDS: Final = 45
_FORGET_HOURS: Final = 24

_REPORT: Final = """
INSERT INTO monitoring_workerstate (kind, host, pid, state, reason, model_version, model_digest,
    answered_at)
VALUES (%(kind)s, %(host)s, %(pid)s, %(state)s, %(reason)s, %(version)s, %(digest)s,
    CASE WHEN %(answered)s THEN now() END)
ON CONFLICT (kind, host, pid) DO UPDATE SET state = excluded.state, reason = excluded.reason,
    model_version = excluded.model_version, model_digest = excluded.model_digest,
    seen_at = now(),
    answered_at = coalesce(excluded.answered_at, monitoring_workerstate.answered_at)"""


def report(
    kind: str,
    state: str,
    *,
    reason: str = "",
    model_version: str = "",
    model_digest: str = "",
    answered: bool = False,
) -> None:
    """This process lives, in this state, with this model; `answered` if it just did real work."""
    with connection.cursor() as cursor:
        cursor.execute(
            _REPORT,
            {
                "kind": kind,
                "host": socket.gethostname()[:100],
                "pid": os.getpid(),
                "state": state,
                "reason": reason[:40],
                "version": model_version,
                "digest": model_digest,
                "answered": answered,
            },
        )


def forget_old() -> int:
    """Drop processes that were last seen a day ago; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM monitoring_workerstate WHERE seen_at < now() - make_interval(hours => %s)",
            [_FORGET_HOURS],
        )
        return int(cursor.rowcount)


def alive() -> list[dict[str, Any]]:
    """Processes that spoke within `STALE_SECONDS`."""
    fields = (
        "kind",
        "host",
        "pid",
        "state",
        "reason",
        "model_version",
        "model_digest",
        "seen_at",
        "answered_at",
    )
    recent = WorkerState.objects.extra(
        where=["seen_at > now() - make_interval(secs => %s)"], params=[STALE_SECONDS]
    )
    return list(recent.order_by("kind", "host", "pid").values(*fields))


def serving_model() -> tuple[str, str] | None:
    """Version and digest that a live triage child serves, the most recently proven first."""
    row = (
        WorkerState.objects.filter(kind=WorkerState.Kind.TRIAGE, state="ready")
        .order_by("-seen_at")
        .values_list("model_version", "model_digest")
        .first()
    )
    return row
