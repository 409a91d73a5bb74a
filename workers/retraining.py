"""Whether a new model should be trained, training it beside the service, and putting it in shadow.

A person promotes. Only where `AUTO_PROMOTE` is set a candidate may serve by itself, after its
gate, a time in shadow, and a second comparison on patients who came after it was trained.
"""

import datetime as dt
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import structlog
from django.conf import settings

from backend.logs import failure
from backend.monitoring import alerts, registry, reports, retrainings
from backend.monitoring.registry import Change, ModelRecord, Refused
from backend.monitoring.retrainings import BY_ITSELF, Assessment, State, Why
from backend.triage import labels
from ml.errors import BundleRefused, TriageError
from workers import registry as bundles

if TYPE_CHECKING:  # training and gate load the numeric libraries: only where they are needed
    from ml.bundle import Bundle
    from workers.gate import Verdict
    from workers.training_data import TrainingData

log = structlog.get_logger()

RETRAINING_DUE: Final = "retraining_due"
RETRAINING_FAILED: Final = "retraining_failed"
_SUBJECT: Final = "model"
# Reports of so many days say how the serving model does now.
_RECENT_DAYS: Final = 7


def assess(now: dt.datetime | None = None) -> Assessment:
    """Reasons for a new model, and what stands against training one now (default: now)."""
    at = now or retrainings.database_now()
    record = _serving()
    given = labels.for_training()
    newer = [one for one in given if record is None or one.labelled_at > record.created_at]
    facts: dict[str, Any] = {
        "serving": record and record.version,
        "age_days": None if record is None else (at - record.created_at).days,
        "labels": len(given),
        "new_labels": len(newer),
    }
    reasons = [] if record is None else _reasons(record, at, len(newer))
    return Assessment(tuple(reasons), tuple(_obstacles(at, record, len(newer))), facts)


def _serving() -> ModelRecord | None:
    entry = registry.roles().serving
    return None if entry is None else registry.find(entry.version)


def _reasons(record: ModelRecord, at: dt.datetime, newer: int) -> list[Why]:
    found = []
    age = (at - record.created_at).days
    if age >= settings.RETRAIN_AFTER_DAYS:
        text = f"{record.version} is {age} days old; {settings.RETRAIN_AFTER_DAYS} are the limit"
        found.append(Why("age", text))
    if newer >= settings.RETRAIN_ENOUGH_LABELS:
        text = f"{newer} labels are newer than the model; {settings.RETRAIN_ENOUGH_LABELS} do"
        found.append(Why("new_labels", text))
    first = at.date() - dt.timedelta(days=_RECENT_DAYS)
    said: dict[str, set[str]] = {"performance_drop": set(), "emergency_recall": set()}
    for report in reports.listed("accuracy", version=record.version, limit=_RECENT_DAYS):
        if report.day < first or report.model_digest != record.digest:
            continue
        for reason in report.measures.get("reasons", []):
            if reason.startswith("recall_breach"):
                said["emergency_recall"].add(reason)
            elif reason.startswith(("accuracy_breach", "cumulative_")):
                said["performance_drop"].add(reason)
    for code, names in said.items():
        if names:
            days = f"the checks of the last {_RECENT_DAYS} days"
            found.append(Why(code, f"{days} found {', '.join(sorted(names))}"))
    return found


def _obstacles(at: dt.datetime, record: ModelRecord | None, newer: int) -> list[Why]:
    found = []
    if record is None:
        found.append(Why("nothing_serves", "no model serves: `python -m ml train` makes the first"))
    if newer < settings.RETRAIN_MINIMUM_LABELS:
        text = f"{newer} labels are newer than the model; {settings.RETRAIN_MINIMUM_LABELS} are"
        found.append(Why("too_few_labels", f"{text} needed for it to learn something"))
    shadow = registry.roles().shadow
    if shadow is not None:
        text = f"{shadow.version} is in shadow: promote or retire it first"
        found.append(Why("candidate_waits", text))
    last = retrainings.last_training()
    if last is not None and at - last < dt.timedelta(days=settings.RETRAIN_PAUSE_DAYS):
        text = f"the last training was on {last:%Y-%m-%d}; {settings.RETRAIN_PAUSE_DAYS} days lie"
        found.append(Why("trained_lately", f"{text} between two"))
    return found


def daily(now: dt.datetime | None = None) -> str:
    """The scheduled decision of this UTC day, once however often it is rung; returns what was
    done: `busy`, `decided` (the day has its decision), or the decision's state."""
    at = now or retrainings.database_now()
    with retrainings.only_training() as alone:
        if not alone:
            return "busy"
        retrainings.close_dead()
        if retrainings.is_decided(at.date()):
            return "decided"
        # Once a day: who looks often enough finds any shadow good enough.
        promote_if_proven(at)
        found = assess(at)
        automatic = found.ready and settings.RETRAIN_AUTOMATICALLY
        state = State.TRAINING if automatic else State.WAITING
        if not found.wanted:
            state = State.NOT_NEEDED
        row = retrainings.store(found, state, BY_ITSELF, at.date())
    if row is None:
        return "decided"
    log.info("retraining.decided", state=str(state))
    if found.ready and not automatic:
        text = "A new model is wanted and can be trained: manage.py retrain."
        alerts.raise_alert(RETRAINING_DUE, _SUBJECT, text)
    else:
        alerts.resolve(RETRAINING_DUE, _SUBJECT)
    if automatic:
        _start(row)
    return str(state)


def _start(row: int) -> None:
    """Train in a process of its own: minutes of work, and memory that is given back."""
    command = [sys.executable, "manage.py", "retrain", "--run", str(row)]
    # Of this worker's process group: what ends the worker ends its training.
    subprocess.Popen(command, cwd=settings.BASE_DIR, stdin=subprocess.DEVNULL)


def run(row: int, *, by: str = BY_ITSELF, say: Callable[[str], None] = lambda _: None) -> str:
    """Train the candidate of this stored decision; returns the state it ends in. Whatever
    happens, the row says so."""
    with retrainings.only_training() as alone:
        if not alone:
            retrainings.finish(row, State.FAILED, "another training is running")
            return str(State.FAILED)
        try:
            state = _train(row, by, say)
        except (TriageError, Refused, OSError) as error:
            detail = str(error) if isinstance(error, TriageError | Refused) else "a file failed"
            state = _failed(row, f"{type(error).__name__}: {detail}")
        except Exception as error:  # a training that dies must not leave its row behind
            log.error("retraining.failed", **failure(error))
            state = _failed(row, type(error).__name__)
    if state == State.SHADOW:
        alerts.resolve(RETRAINING_FAILED, _SUBJECT)
    return state


def _failed(row: int, detail: str) -> str:
    retrainings.finish(row, State.FAILED, detail)
    text = f"The training of a new model failed: {detail}."
    alerts.raise_alert(RETRAINING_FAILED, _SUBJECT, text)
    return str(State.FAILED)


def _train(row: int, by: str, say: Callable[[str], None]) -> str:
    from ml.training import train
    from workers import training_data

    data = training_data.collect()
    say(f"{len(data.base)} base records, {len(data.learnt)} labels, {len(data.held)} held back")
    made = train(data.records, source=data.source, seed=training_data.SEED, grouped=True, say=say)
    candidate, record = bundles.candidate(made.version)
    serving = _what_serves(say)
    verdicts = judge(candidate, serving, data)
    gates = {name: verdict.to_json() for name, verdict in verdicts.items()}
    refusals = [reason for verdict in verdicts.values() for reason in verdict.reasons]
    if refusals:
        change = Change(by, "the gate refused the new training", gates)
        registry.record_refusal(record.version, change)
        retrainings.finish(
            row, State.REFUSED, "; ".join(refusals), candidate=record.version, gates=gates
        )
        text = f"The gate refused {record.version}; nothing changed."
        alerts.raise_alert(RETRAINING_FAILED, _SUBJECT, text)
        return str(State.REFUSED)
    reason = f"trained on {len(data.learnt)} labels; look at it, then promote it"
    registry.put_in_shadow(record.version, Change(by, reason, gates))
    retrainings.finish(row, State.SHADOW, reason, candidate=record.version, gates=gates)
    return str(State.SHADOW)


def _what_serves(say: Callable[[str], None]) -> "Bundle | None":
    """The serving bundle; None where it is refused here: patients then get the rules alone."""
    entry = registry.roles().serving
    try:
        return None if entry is None else bundles.prove(entry)
    except BundleRefused as refusal:  # after an upgrade of rules or libraries, for instance
        say(f"what serves cannot be loaded ({refusal}); the rules are the measure")
        return None


def judge(
    candidate: "Bundle", serving: "Bundle | None", data: "TrainingData"
) -> dict[str, "Verdict"]:
    """Candidate against what serves: on a synthetic cohort that neither has seen and, where they
    hold enough emergencies to tell, on the held patients whom clinicians labelled."""
    from ml.schema import Level
    from workers import gate

    trained = [one for one in (candidate, serving) if one is not None]
    records, name = gate.held_data(None, trained)
    found = {"cohort": gate.compare(candidate, serving, records, name)}
    emergencies = sum(one.level == Level.EMERGENCY for one in data.held)
    if emergencies >= gate.FEWEST_EMERGENCIES:
        text = f"{len(data.held)} labelled requests of held patients"
        found["labels"] = gate.compare(candidate, serving, data.held, text)
    return found


def promote_if_proven(now: dt.datetime | None = None) -> bool:
    """Promote the shadow that a training put there, where that is configured and its time in
    shadow, the labels since and the comparison on them allow it; whether it was."""
    roles = registry.roles()
    if not settings.AUTO_PROMOTE or roles.shadow is None or roles.serving is None:
        return False
    version = roles.shadow.version
    since = retrainings.in_shadow_since(version)
    at = now or retrainings.database_now()
    if since is None or at - since < dt.timedelta(days=settings.AUTO_PROMOTE_SHADOW_DAYS):
        return False
    # Patients who came after the training: neither model can have seen them.
    fresh = [one for one in labels.for_training() if one.accepted_at > since]
    if len(fresh) < settings.AUTO_PROMOTE_MINIMUM_LABELS:
        return False
    from workers import gate, training_data

    try:
        candidate, serving = bundles.prove(roles.shadow), bundles.prove(roles.serving)
    except BundleRefused as refusal:
        text = f"{version} cannot be promoted: {refusal}."
        alerts.raise_alert(RETRAINING_FAILED, _SUBJECT, text)
        return False
    text = f"{len(fresh)} requests labelled since it is in shadow"
    verdict = gate.compare(candidate, serving, training_data.since(fresh), text)
    if not verdict.passed:
        log.warning("retraining.not_promoted", model_version=version, reason="gate")
        return False
    reason = f"in shadow since {since:%Y-%m-%d}; no worse on {text}"
    try:
        registry.promote(
            version, Change(BY_ITSELF, reason, verdict.to_json()), roles.serving.digest
        )
    except Refused:  # a person was faster
        return False
    retrainings.promoted(version, reason, verdict.to_json())
    log.warning("retraining.promoted", model_version=version)
    return True
