"""System checks: settings that are legal but would break a promise."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def times_fit(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A batch ends before the hard limit, that before the lease, attempts before the deadline."""
    drain, limit = settings.DRAIN_SECONDS + settings.BATCH_SECONDS, settings.TASK_HARD_LIMIT_SECONDS
    lease, sweep = settings.LEASE_SECONDS, settings.SWEEP_SECONDS
    attempts = settings.MAX_ATTEMPTS * (lease + sweep)
    found: list[CheckMessage] = []
    if not drain < limit < lease:
        hint = "A worker must be stopped before its lease ends, or two would work on one row."
        found.append(Error("expected drain + batch < hard limit < lease", hint, id="triage.E001"))
    if not attempts < settings.DEADLINE_SECONDS:
        hint = "Raise TRIAGE_DEADLINE_SECONDS or shorten the lease."
        found.append(
            Error("expected attempts × (lease + sweep) < deadline", hint, id="triage.E002")
        )
    if not lease < settings.VISIBILITY_TIMEOUT_SECONDS:
        hint = "Redis would redeliver hints that are still being worked on."
        found.append(Error("expected lease < visibility timeout", hint, id="triage.E003"))
    return found
