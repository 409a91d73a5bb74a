"""The stored decisions about new models, and what came of each."""

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final

from django.db import connection
from django.db.models.functions import Now

from backend.monitoring.models import ModelChange, Retraining

State = Retraining.State
# One training at a time, wherever it runs; the number only has to be nobody else's.
_TRAINING_LOCK: Final = 7_261_002
_SHOWN: Final = (
    *("id", "day", "by", "state", "reasons", "obstacles", "facts", "candidate", "gates"),
    *("detail", "created_at", "finished_at"),
)
# Under this name a candidate is put in shadow and, where configured, promoted.
BY_ITSELF: Final = "retraining"

_BEGIN: Final = """
INSERT INTO monitoring_retraining (day, by, state, reasons, obstacles, facts, gates)
VALUES (%s, %s, %s, %s, %s, %s, '{}') ON CONFLICT (day) DO NOTHING RETURNING id"""


@dataclass(frozen=True, slots=True)
class Why:
    """A reason for a new model, or against training one now: a stable code and a sentence."""

    code: str
    text: str

    def to_json(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Assessment:
    """Whether a new model is wanted (`reasons`) and can be made now (no `obstacles`)."""

    reasons: tuple[Why, ...]
    obstacles: tuple[Why, ...]
    facts: dict[str, Any]

    @property
    def wanted(self) -> bool:
        return bool(self.reasons)

    @property
    def ready(self) -> bool:
        return self.wanted and not self.obstacles

    def to_json(self) -> dict[str, Any]:
        return {
            "wanted": self.wanted,
            "ready": self.ready,
            "reasons": [one.to_json() for one in self.reasons],
            "obstacles": [one.to_json() for one in self.obstacles],
            "facts": self.facts,
        }


def store(found: Assessment, state: str, by: str, day: dt.date | None = None) -> int | None:
    """Keep a decision; None when this day has one already: that one stands."""
    shown = found.to_json()
    values = [json.dumps(shown[name]) for name in ("reasons", "obstacles", "facts")]
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN, [day, by[:100], state, *values])
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def is_decided(day: dt.date) -> bool:
    """Whether this day has its scheduled decision."""
    return Retraining.objects.filter(day=day).exists()


def finish(
    retraining_id: int,
    state: str,
    detail: str,
    *,
    candidate: str = "",
    gates: dict[str, Any] | None = None,
) -> None:
    """What came of a training."""
    Retraining.objects.filter(pk=retraining_id).update(
        state=state,
        detail=detail[:300],
        candidate=candidate,
        gates=gates or {},
        finished_at=Now(),
    )


def promoted(candidate: str, detail: str, gate: dict[str, Any]) -> None:
    """The candidate of a training serves now, promoted by itself."""
    for row in Retraining.objects.filter(candidate=candidate, state=State.SHADOW):
        row.state, row.detail = State.PROMOTED, detail[:300]
        row.gates = {**row.gates, "shadow": gate}
        row.save()


def close_dead() -> int:
    """Trainings whose process is gone have failed. Call it while holding `only_training`."""
    rows = Retraining.objects.filter(state=State.TRAINING)
    return rows.update(
        state=State.FAILED, detail="its process ended before it was done", finished_at=Now()
    )


@contextmanager
def only_training() -> Iterator[bool]:
    """Whether this process is the only one that trains, as long as the block runs. The lock is the
    session's: a process that dies frees it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_TRAINING_LOCK])
        got = bool(cursor.fetchone()[0])
    try:
        yield got
    finally:
        if got:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_TRAINING_LOCK])


def listed(limit: int = 30) -> list[dict[str, Any]]:
    """The newest decisions first."""
    return list(Retraining.objects.order_by("-created_at", "-id").values(*_SHOWN)[:limit])


def newest() -> dict[str, Any] | None:
    """The newest decision, as `/statusz` shows it."""
    fields = ("day", "state", "reasons", "candidate", "detail", "created_at")
    found: dict[str, Any] | None = (
        Retraining.objects.order_by("-created_at", "-id").values(*fields).first()
    )
    return found


def last_training() -> dt.datetime | None:
    """When a model was last trained, or tried to be."""
    rows = Retraining.objects.exclude(state__in=[State.NOT_NEEDED, State.WAITING])
    return rows.order_by("-created_at").values_list("created_at", flat=True).first()


def in_shadow_since(version: str) -> dt.datetime | None:
    """When a training put this version in shadow; None if a person did, or nobody."""
    change = ModelChange.objects.filter(model__version=version, action="shadow").last()
    return change.created_at if change is not None and change.by == BY_ITSELF else None


def database_now() -> dt.datetime:
    """PostgreSQL's clock: every machine's own may be wrong."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        now: dt.datetime = cursor.fetchone()[0]
        return now
