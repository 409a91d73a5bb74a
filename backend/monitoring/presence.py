"""Which processes live, and with which model: written by them, read by `/statusz`."""

import os
import socket
from typing import Any, Final

from django.conf import settings
from django.db import connection

from backend.monitoring.models import WorkerState

# A process that has said nothing for so long is not counted as alive.
STALE_SECONDS: Final = 45
# These report at least every 15 s by themselves. One that has not for so long and has neither ended
# in order nor is known to be dead has stopped: it may be frozen, and holds what it claimed.
WATCHED_KINDS: Final = ("triage", "keeper")
SILENT_SECONDS: Final = 35
# A process that stays silent beside others of its machine is frozen and holds memory: it stays on
# the list for an hour, or until somebody ends it.
_FORGET_SECONDS: Final = 3_600

# Where nothing of a machine has spoken for `vanished` seconds, it is gone and cannot deregister
# its processes: what is left says by itself whether it is enough (canary, `triage_workers`).
_FORGET: Final = """
DELETE FROM monitoring_workerstate AS old
WHERE seen_at < now() - make_interval(secs => %(forget)s)
    OR (seen_at < now() - make_interval(secs => %(vanished)s) AND NOT EXISTS (
        SELECT FROM monitoring_workerstate AS other WHERE other.host = old.host
            AND other.seen_at >= now() - make_interval(secs => %(vanished)s)))"""

_REPORT: Final = """
INSERT INTO monitoring_workerstate (kind, host, pid, state, reason, model_version, model_digest,
    shadow_version, shadow_reason, answered_at)
VALUES (%(kind)s, %(host)s, %(pid)s, %(state)s, %(reason)s, %(version)s, %(digest)s,
    %(shadow)s, %(shadow_reason)s, CASE WHEN %(answered)s THEN now() END)
ON CONFLICT (kind, host, pid) DO UPDATE SET state = excluded.state, reason = excluded.reason,
    model_version = excluded.model_version, model_digest = excluded.model_digest,
    shadow_version = excluded.shadow_version, shadow_reason = excluded.shadow_reason,
    seen_at = now(),
    answered_at = coalesce(excluded.answered_at, monitoring_workerstate.answered_at)"""


def report(
    kind: str,
    state: str,
    *,
    reason: str = "",
    model_version: str = "",
    model_digest: str = "",
    shadow_version: str = "",
    shadow_reason: str = "",
    answered: bool = False,
) -> None:
    """This process lives, in this state, with this model; `answered` if it just did real work."""
    with connection.cursor() as cursor:
        cursor.execute(
            _REPORT,
            {
                "kind": kind,
                "host": _host(),
                "pid": os.getpid(),
                "state": state,
                "reason": reason[:40],
                "version": model_version,
                "digest": model_digest,
                "shadow": shadow_version,
                "shadow_reason": shadow_reason[:40],
                "answered": answered,
            },
        )
    bury(kind)


def leave(kind: str) -> None:
    """This process ends in order: its silence from here on means nothing."""
    WorkerState.objects.filter(kind=kind, host=_host(), pid=os.getpid()).delete()


def bury(kind: str) -> None:
    """Drop what this machine's dead processes said: killed ones are replaced, not silent."""
    here = WorkerState.objects.filter(kind=kind, host=_host())
    dead = [row for row, pid in here.values_list("id", "pid") if not exists(pid)]
    if dead:
        WorkerState.objects.filter(pk__in=dead).delete()


def exists(pid: int) -> bool:
    """Whether a process of this number runs here, whoever owns it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _host() -> str:
    return socket.gethostname()[:100]


def forget_old() -> int:
    """Drop the processes of machines that vanished (`VANISHED_SECONDS`), and what has been silent
    for an hour; returns how many."""
    parameters = {"forget": _FORGET_SECONDS, "vanished": settings.VANISHED_SECONDS}
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, parameters)
        return int(cursor.rowcount)


def silent() -> list[dict[str, Any]]:
    """Processes that should speak by themselves, have not, and did not end in order."""
    quiet = WorkerState.objects.filter(kind__in=WATCHED_KINDS).extra(
        where=["seen_at <= now() - make_interval(secs => %s)"], params=[SILENT_SECONDS]
    )
    return list(quiet.order_by("kind", "host", "pid").values("kind", "host", "pid", "seen_at"))


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
        "shadow_version",
        "shadow_reason",
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


def here(kind: str) -> list[float]:
    """Seconds since each process of this kind and host last spoke."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM now() - seen_at)::float8 FROM monitoring_workerstate"
            " WHERE kind = %s AND host = %s",
            [kind, _host()],
        )
        return [row[0] for row in cursor.fetchall()]
