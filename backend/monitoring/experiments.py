"""Trials of the model against the rules, and every change of one.

Nothing here computes a statistic: `workers.trial` looks at a trial and stores what it found. Every
change is made under one lock and leaves an audit event; the phases are the trial's history.
"""

import datetime as dt
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now
from pydantic import ValidationError

from backend import encryption
from backend.clients import audit
from backend.clients.keys import Caller
from backend.clients.people import Person
from backend.monitoring import alerts, registry
from backend.monitoring.experiment_models import Experiment, Phase
from ml.decision import MINIMUM_CONFIDENCE
from ml.plan import NAME_PATTERN, Plan, Terms, draw_digest
from ml.rules.engine import RULES_VERSION

log = structlog.get_logger()

Outcome = Literal["ml", "rules"]
State = Experiment.State
ROLLED_BACK: Final = "experiment_rolled_back"
SAMPLE_RATIO: Final = "experiment_sample_ratio"
ACCURACY_WORSE: Final = "experiment_accuracy_worse"
ALERT_KINDS: Final = (ROLLED_BACK, SAMPLE_RATIO, ACCURACY_WORSE)
# A ramp rests on what was seen lately; the schedule looks every five minutes.
LOOK_IS_FRESH: Final = dt.timedelta(hours=1)


_HISTORY_DAYS: Final = 180


class Refused(Exception):
    """The trial's state does not allow the change; the text says why and what would."""


@dataclass(frozen=True, slots=True)
class By:
    """Who changes a trial, and why. `actor` is what the audit trail knows."""

    actor: Caller | Person | str
    name: str
    reason: str = ""
    client_id: int | None = None


@dataclass(frozen=True, slots=True)
class PhaseRecord:
    """One phase as it is shown; times are UTC."""

    number: int
    ml_share: float
    opened_at: dt.datetime
    closed_at: dt.datetime | None
    reason: str
    ml_answers: int
    ml_fallbacks: int


@dataclass(frozen=True, slots=True)
class Record:
    """One trial as it is shown; times are UTC."""

    name: str
    hypothesis: str
    state: str
    plan: dict[str, Any]
    plan_hash: str
    started_at: dt.datetime
    ended_at: dt.datetime | None
    outcome: str
    reason: str
    findings: dict[str, Any] | None
    looked_at: dt.datetime | None
    phases: tuple[PhaseRecord, ...]


def listed() -> list[Record]:
    """Every trial, the newest first."""
    rows = Experiment.objects.prefetch_related("phases").order_by("-started_at", "-id")
    return [_record(row) for row in rows]


def find(name: str) -> Record | None:
    rows = Experiment.objects.prefetch_related("phases")
    row = rows.filter(name=name).first() if "\x00" not in name else None
    return None if row is None else _record(row)


def running() -> Record | None:
    row = Experiment.objects.prefetch_related("phases").filter(state=State.RUNNING).first()
    return None if row is None else _record(row)


def start(name: str, hypothesis: str, terms: Terms, by: By) -> Record:
    """Begin a trial of the serving model with the plan's first share.

    Raises `Refused` if one is running, the name was used, or no model serves.
    """
    with _locked():
        if other := Experiment.objects.filter(state=State.RUNNING).first():
            raise Refused(f"{other.name} is running; stop it first")
        if not re.fullmatch(NAME_PATTERN, name):
            raise Refused("a name has up to 50 of a-z, 0-9, '.', '_' and '-'")
        if name == settings.EXPERIMENT_NAME:
            raise Refused(f"{name} is EXPERIMENT_NAME, under which patients were drawn before")
        if Experiment.objects.filter(name=name).exists():
            raise Refused(f"{name} was used before; its patients were drawn under it")
        serving = registry.roles().serving
        model = registry.find(serving.version) if serving else None
        if model is None:
            raise Refused("no model serves yet; promote one first")
        policy = model.metadata.get("policy", {})
        plan = Plan(
            **terms.model_dump(),
            model_version=model.version,
            model_digest=model.digest,
            rules_version=model.rules_version,
            minimum_confidence=max(
                MINIMUM_CONFIDENCE, float(policy.get("minimum_confidence", MINIMUM_CONFIDENCE))
            ),
            draw_digest=_draw(),
        )
        row = Experiment.objects.create(
            name=name,
            hypothesis=hypothesis[:300],
            plan=plan.model_dump(mode="json"),
            plan_hash=plan.digest(),
            started_by=by.name[:100],
        )
        _open(row, 1, plan.shares[0], by, "start")
    return _found(name)


def ramp(name: str, by: By) -> Record:
    """Open the next phase of the running trial: a larger share, which moves nobody back.

    Raises `Refused` if the plan is not what it was, if a test or the plan's minima stand against
    it, or if the newest look is older than an hour.
    """
    with _locked():
        row = _running(name)
        if wrong := violations(_record(row)):
            raise Refused(f"the plan does not hold any more: {', '.join(wrong)}")
        seen = row.findings
        if seen is None or not _is_fresh(row):
            raise Refused("the newest look at this trial is older than an hour; wait for the next")
        phase = Phase.objects.get(current=True)
        if seen["phase"] != phase.number:
            raise Refused("this phase has not been looked at yet; wait for the next look")
        if seen["ramp_blocked_by"]:
            raise Refused(f"the plan does not allow it yet: {', '.join(seen['ramp_blocked_by'])}")
        _open(row, phase.number + 1, seen["next_share"], by, "ramp")
    return _found(name)


def stop(name: str, outcome: Outcome, by: By) -> Record:
    """End the running trial; from now on `outcome` answers every patient who took part.

    Raises `Refused` if no trial of that name is running.
    """
    with _locked():
        row = _running(name)
        _end(row, State.STOPPED, outcome, by, "stop")
    for kind in ALERT_KINDS:
        alerts.resolve(kind, name)
    return _found(name)


def roll_back(name: str, reasons: tuple[str, ...]) -> bool:
    """A guardrail sounded: the rules for everybody, at once, with an alarm. False where the trial
    is not running any more."""
    by = By("system:trial", "guardrail", ", ".join(reasons))
    with _locked():
        row = Experiment.objects.filter(name=name, state=State.RUNNING).first()
        if row is None:
            return False
        _end(row, State.ROLLED_BACK, "rules", by, "roll_back")
    log.error("experiment.rolled_back", reason=by.reason)
    text = f"The trial {name} was rolled back, the rules answer everybody: {by.reason}."
    alerts.raise_alert(ROLLED_BACK, name, text)
    return True


def violations(record: Record) -> tuple[str, ...]:
    """What of the plan does not hold any more: its text, the model, the rules or the draw."""
    try:
        plan = plan_of(record)
    except ValidationError:
        return ("plan_changed",)
    hashes = set(
        Phase.objects.filter(experiment__name=record.name).values_list("plan_hash", flat=True)
    )
    serving = registry.roles().serving
    found = {
        "plan_changed": hashes != {record.plan_hash} or plan.digest() != record.plan_hash,
        "model_changed": serving is None or serving.digest != plan.model_digest,
        "rules_changed": plan.rules_version != RULES_VERSION,
        "draw_changed": plan.draw_digest != _draw(),
    }
    return tuple(name for name, wrong in found.items() if wrong)


def plan_of(record: Record) -> Plan:
    """The stored plan. Raises pydantic's `ValidationError` if somebody made it no plan."""
    return Plan.model_validate_json(json.dumps(record.plan))


def keep_look(name: str, findings: dict[str, Any]) -> None:
    """Store what was seen, for everybody who only reads, and raise or resolve its alarms.

    `history` keeps the last look of each UTC day: how the interval narrowed.
    """
    findings = findings | {"history": _history(name, findings)}
    Experiment.objects.filter(name=name).update(findings=findings, looked_at=Now())
    broken = any(test["sounds"] for test in findings["ratio"])
    text = "has arms of another size than planned: assignment or logging is broken."
    _say(SAMPLE_RATIO, name, text, bad=broken)
    text = "shows the model less accurate than the rules."
    _say(ACCURACY_WORSE, name, text, bad=findings["outcome"] == "worse")


def _history(name: str, findings: dict[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD')")
        today = cursor.fetchone()[0]
    before = Experiment.objects.filter(name=name).values_list("findings", flat=True).first() or {}
    days = [one for one in before.get("history", []) if one["day"] != today]
    shown = ("phase", "gain", "gain_low", "gain_high")
    return [*days[-_HISTORY_DAYS:], {"day": today, **{key: findings.get(key) for key in shown}}]


def _say(kind: str, name: str, text: str, *, bad: bool) -> None:
    if bad:
        alerts.raise_alert(kind, name, f"The trial {name} {text}")
    else:
        alerts.resolve(kind, name)


def summary(record: Record) -> dict[str, Any]:
    """A trial as JSON for people and programs; who changed it is in the audit trail."""
    found = asdict(record)
    times = ("started_at", "ended_at", "looked_at")
    found |= {name: _text(found[name]) for name in times}
    for phase in found["phases"]:
        phase |= {name: _text(phase[name]) for name in ("opened_at", "closed_at")}
    return found


def _text(time: dt.datetime | None) -> str | None:
    return None if time is None else time.astimezone(dt.UTC).isoformat()


def _draw() -> str:
    return draw_digest(settings.EXPERIMENT_SALT, encryption.pseudonym(0, "trial"))


@contextmanager
def _locked() -> Iterator[None]:
    """One change at a time; who only reads waits for nobody."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE monitoring_experiment IN SHARE ROW EXCLUSIVE MODE")
        yield


def _running(name: str) -> Experiment:
    row = Experiment.objects.filter(name=name, state=State.RUNNING).first()
    if row is None:
        raise Refused(f"no trial named {name} is running")
    return row


def _is_fresh(row: Experiment) -> bool:
    lately = Experiment.objects.filter(pk=row.pk, looked_at__gt=Now() - LOOK_IS_FRESH)
    return lately.exists()


def _open(row: Experiment, number: int, share: float, by: By, action: str) -> None:
    """Close the current phase, of whatever trial, and open the next."""
    Phase.objects.filter(current=True).update(current=False, closed_at=Now())
    Phase.objects.create(
        experiment=row,
        number=number,
        ml_share=share,
        plan_hash=row.plan_hash,
        current=True,
        opened_by=by.name[:100],
        reason=(by.reason or action)[:300],
    )
    # The hash in the sealed trail is a witness outside these rows.
    subject = f"{row.name}/{number} {row.plan_hash[:16]}"
    audit.record(by.actor, f"experiment.{action}", client_id=by.client_id, subject=subject)
    log.info("experiment.phase_opened", kind=action, count=number)


def _end(row: Experiment, state: State, outcome: Outcome, by: By, action: str) -> None:
    number = Phase.objects.get(current=True).number
    row.state, row.outcome = state, outcome
    row.ended_at, row.ended_by, row.reason = Now(), by.name[:100], by.reason[:300]
    row.save()
    _open(row, number + 1, 1.0 if outcome == "ml" else 0.0, by, action)


def _found(name: str) -> Record:
    record = find(name)
    assert record is not None  # rows of trials are never deleted
    return record


def _record(row: Experiment) -> Record:
    phases = tuple(
        PhaseRecord(*(getattr(phase, name) for name in PhaseRecord.__slots__))
        for phase in sorted(row.phases.all(), key=lambda one: one.number)
    )
    shown = [name for name in Record.__slots__ if name != "phases"]
    return Record(**{name: getattr(row, name) for name in shown}, phases=phases)
