"""System checks: settings that are legal but would break a promise."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register


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
    return found


@register()
def quotas_let_work_through(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A service-wide quota that a single call can exceed refuses that call for ever."""
    found: list[CheckMessage] = []
    for name in ("CLIENT_REQUESTS_PER_DAY", "CLIENT_OPEN_REQUESTS"):
        if 0 < getattr(settings, name) < settings.MAX_BATCH_ITEMS:
            hint = (
                f"A batch may hold {settings.MAX_BATCH_ITEMS} requests and is refused whole, "
                "emergencies too. Raise it, or give quotas to single clients."
            )
            found.append(Warning(f"{name} is smaller than a batch", hint, id="triage.W001"))
    if settings.CLIENT_OPEN_REQUESTS >= settings.OPEN_HARD_LIMIT:
        hint = "One client alone can fill the queue: from OPEN_HARD_LIMIT on every POST is 503."
        found.append(Warning("CLIENT_OPEN_REQUESTS protects nobody", hint, id="triage.W002"))
    return found


@register()
def callers_find_room(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Who waits holds a connection; somebody must be able to ask meanwhile."""
    if settings.MAX_WAITERS < settings.MAX_CONNECTIONS:
        return []
    hint = "Raise MAX_CONNECTIONS, or lower MAX_WAITERS."
    return [Error("expected MAX_WAITERS < MAX_CONNECTIONS", hint, id="triage.E004")]
