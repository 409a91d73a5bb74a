"""What `/statusz` says: is anything broken, and what."""

import datetime as dt
import pkgutil
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from backend.monitoring import alerts, delivery, presence, registry, reports, retrainings
from backend.triage import canary, queries
from backend.triage.queue import broker_answers

# A check of day D is made in the first hours of D+1; later than that it is missing.
_CHECK_OVERDUE_DAYS = 2


def database_ready() -> bool:
    """PostgreSQL answers and every migration is applied. Raises the database's error if not."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return _migrated()


_migrations_seen = False


def _migrated() -> bool:
    """Migrations are not unapplied under a running process: once seen, they are not read again."""
    global _migrations_seen
    if not _migrations_seen:
        applied = MigrationRecorder(connection).applied_migrations()
        _migrations_seen = _migrations_on_disk() <= applied.keys()
    return _migrations_seen


def _migrations_on_disk() -> set[tuple[str, str]]:
    """App label and name of each, from the names of their files. Django's executor imports every
    one and rebuilds all models from them: 2 MB that a web process would keep for one question."""
    found: set[tuple[str, str]] = set()
    for app in apps.get_app_configs():
        module, _ = MigrationLoader.migrations_module(app.label)
        spec = find_spec(module) if module else None
        for one in pkgutil.iter_modules(spec.submodule_search_locations if spec else []):
            if not one.ispkg and one.name[0] not in "_~":
                found.add((app.label, one.name))
    return found


def status(today: dt.date) -> dict[str, Any]:
    """Every part with `ok`; the whole is ok when all parts are. Holds no clinical data."""
    workers = presence.alive()
    triage = [worker for worker in workers if worker["kind"] == "triage"]
    no_model = [worker for worker in triage if worker["state"] == "no_model"]
    oldest = queries.oldest_open_seconds()
    newest = reports.newest()
    silent = presence.silent()
    synthetic = canary.last()
    unheard = delivery.failing()
    retraining = retrainings.newest()
    parts: dict[str, dict[str, Any]] = {
        "broker": {"ok": broker_answers()},
        "triage_workers": {"ok": bool(triage), "count": len(triage)},
        "model": {
            "ok": bool(triage) and not no_model,
            "state": "no_model" if no_model else "ready" if triage else "unknown",
            "no_model_children": len(no_model),
            "reasons": sorted({worker["reason"] for worker in no_model}),
            "versions": sorted({w["model_version"] for w in triage if w["model_version"]}),
        },
        "shadow": _shadow(triage),
        "keeper": {"ok": any(worker["kind"] == "keeper" for worker in workers)},
        # A pulse goes from beat through the broker to the background worker once a minute.
        "background": {"ok": any(worker["kind"] == "background" for worker in workers)},
        # A child that stopped is not gone: its main process would still answer a ping for it.
        "processes": {"ok": not silent, "silent": [one["kind"] for one in silent]},
        "canary": {
            "ok": synthetic.ok,
            "state": synthetic.state,
            "seconds_ago": synthetic.seconds_ago and round(synthetic.seconds_ago, 1),
        },
        "requests": {
            "ok": oldest <= settings.DEADLINE_SECONDS,
            "oldest_open_seconds": round(oldest, 3),
        },
        "retraining": {
            "ok": retraining is None or retraining["state"] != "failed",
            "newest": retraining,
        },
        # An alarm that reaches nobody is worse than none: here it is seen.
        "alarms": {"ok": not unheard, "failing": unheard},
        "accuracy_check": {"ok": _check_is_fresh(newest, today), "newest": newest},
    }
    return {
        "ok": all(part["ok"] for part in parts.values()),
        "parts": parts,
        "workers": [
            {key: worker[key] for key in ("kind", "state", "model_version", "seen_at")}
            for worker in workers
        ],
        "alerts": alerts.open_alerts(),
    }


def _shadow(triage: list[dict[str, Any]]) -> dict[str, Any]:
    """The candidate beside the serving model. A child that has not taken it up yet is no fault,
    one that refuses it is: the comparison has gaps, while patients are served as before."""
    wanted = registry.roles().shadow
    if wanted is None:
        return {"ok": True, "state": "none"}
    refused = sorted({one["shadow_reason"] for one in triage if one["shadow_reason"]})
    running = sum(one["shadow_version"] == wanted.version for one in triage)
    state = "refused" if refused else "running" if triage and running == len(triage) else "starting"
    return {
        "ok": not refused,
        "state": state,
        "version": wanted.version,
        "children": running,
        "reasons": refused,
    }


def _check_is_fresh(newest: dict[str, Any] | None, today: dt.date) -> bool:
    """A system younger than a day has no report yet; afterwards one a day is due."""
    if newest is None:
        first = queries.first_accepted_at()
        return first is None or today - first.date() < dt.timedelta(days=_CHECK_OVERDUE_DAYS)
    age: dt.timedelta = today - newest["day"]
    return age <= dt.timedelta(days=_CHECK_OVERDUE_DAYS)
