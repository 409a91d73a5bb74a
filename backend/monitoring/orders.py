"""What a person ordered to be done with a model: posted by the web, carried out by a worker.

The web opens no bundle, so it cannot promote one. It stores the order, asks the background worker,
and shows what became of it. Beat asks too: a message that was lost costs seconds.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction
from django.db.models.functions import Now

from backend.clients import audit
from backend.clients.people import Person
from backend.monitoring import registry
from backend.monitoring.models import ModelOrder
from backend.monitoring.registry import Refused
from backend.triage.queue import MODEL_ORDERS, doorbell

Action = ModelOrder.Action
State = ModelOrder.State
# A worker that has not finished by then was killed: the next one takes the order again.
RETAKE_MINUTES: Final = 6

# The whole order is repeatable: what was done already is refused by the registry, by name.
_TAKE: Final = """
UPDATE monitoring_modelorder SET state = 'working', taken_at = now()
WHERE id = (SELECT id FROM monitoring_modelorder
    WHERE state = 'waiting'
        OR state = 'working' AND taken_at < now() - make_interval(mins => %s)
    ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, action, version, "by", reason, override"""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done; `by` is the person's name. `override`: against the gate's word."""

    id: int
    action: str
    version: str
    by: str
    reason: str
    override: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it: `done`, or `refused` with the reasons. `gate` is the comparison."""

    done: bool
    reasons: tuple[str, ...] = ()
    gate: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """An order as people see it."""

    id: int
    action: str
    version: str
    by: str
    reason: str
    override: bool
    state: str
    reasons: list[str]
    gate: dict[str, Any] | None
    created_at: datetime
    finished_at: datetime | None

    @property
    def is_final(self) -> bool:
        return self.state in (State.DONE, State.REFUSED)


def place(person: Person, action: str, version: str, reason: str, *, override: bool = False) -> int:
    """Store the order and ask for it to be carried out; returns its number.

    Raises `Refused` for a version that is not registered, without a reason, and while another
    order is not finished.
    """
    if registry.find(version) is None:
        raise Refused(f"{version} is not registered")
    if not reason.strip():
        raise Refused("say why: the reason is kept with the change")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE monitoring_modelorder IN SHARE ROW EXCLUSIVE MODE")
        if ModelOrder.objects.filter(state__in=[State.WAITING, State.WORKING]).exists():
            raise Refused("another order is not finished yet; wait for its end")
        row = ModelOrder.objects.create(
            action=Action(action),
            version=version,
            by=person.name[:100],
            reason=reason.strip()[:300],
            override=override,
        )
        audit.record(person, f"model.{action}_ordered", client_id=None, subject=row.pk)
        transaction.on_commit(lambda: doorbell.ask(MODEL_ORDERS))
    return int(row.pk)


def take() -> Order | None:
    """The next order for this worker, None when nothing waits."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [RETAKE_MINUTES])
        row = cursor.fetchone()
    return row and Order(*row)


def finish(order: Order, outcome: Outcome) -> None:
    """Store what became of it."""
    ModelOrder.objects.filter(pk=order.id, state=State.WORKING).update(
        state=State.DONE if outcome.done else State.REFUSED,
        reasons=list(outcome.reasons),
        gate=outcome.gate,
        finished_at=Now(),
    )


def newest(version: str | None = None, limit: int = 10) -> list[Shown]:
    """The latest orders, of one version or of all."""
    rows = ModelOrder.objects.order_by("-id")
    if version is not None:
        rows = rows.filter(version=version)
    fields = Shown.__slots__
    return [Shown(**row) for row in rows.values(*fields)[:limit]]
