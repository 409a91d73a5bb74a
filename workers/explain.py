"""Why a request was answered as it was, and whether the same bundle says the same again.

For an operator at a terminal, beside the patient's clinician: every client's requests can be
asked for. Nothing is written, and the patient's words are opened only where they are asked for.
"""

import json
import math
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final, get_args
from uuid import UUID

from backend import encryption
from backend.monitoring.registry import Entry
from backend.triage import evidence
from backend.triage.evidence import DECISION, NothingToExplain
from ml.case import TriageCase, parse_case
from ml.decision import Decision, NoPrediction, Policy, decide, explain
from ml.errors import BundleRefused
from ml.prediction import Prediction
from ml.rules.answer import RulesAnswer
from ml.rules.engine import assess
from workers import registry as bundles

# A batch's sums are rounded in another order than a single row's: the last digits may differ.
ROUNDING: Final = 1e-9

__all__ = ["Change", "NothingToExplain", "Repeated", "Stored", "matched_text", "read", "repeat"]


@dataclass(frozen=True, slots=True)
class Stored:
    """A request's newest answer as it was stored; `case` is None if the payload does not open."""

    id: UUID
    arm: Any
    accepted_at: datetime
    answered_at: datetime
    amended: bool
    case: TriageCase | None
    rules: RulesAnswer
    rules_version: str
    model: Entry | None
    decision: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """What is not what it was: `input`, `bundle`, `rules` or `library`, then and now."""

    what: str
    then: str
    now: str

    def __str__(self) -> str:
        return f"{self.what}: {self.then} then, {self.now} here"

    def to_json(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Repeated:
    """The answer made again here. `verdict` is `bit_for_bit`, `within_rounding`, `differs` or
    `impossible`; `changed` names what is another than it was, `differs` the fields that do."""

    verdict: str
    changed: tuple[Change, ...] = ()
    differs: tuple[str, ...] = ()


def read(request_id: UUID) -> Stored:
    """The stored evidence, its input opened. Raises `NothingToExplain`."""
    found = evidence.read(request_id)
    digest = found.model_digest
    return Stored(
        id=found.id,
        arm=found.arm,
        accepted_at=found.accepted_at,
        answered_at=found.answered_at,
        amended=found.sequence > 1,
        case=_open(found.sealed, request_id),
        rules=found.rules,
        rules_version=found.rules_version,
        model=Entry(found.model_version, digest) if digest else None,
        decision=found.decision,
    )


def _open(sealed: bytes, request_id: UUID) -> TriageCase | None:
    try:
        return parse_case(json.loads(encryption.unseal(sealed, request_id)))
    except Exception:  # undecryptable, or written by a version that knew other fields
        return None


def repeat(stored: Stored) -> Repeated:
    """Make the answer again: the rules of this program, the bundle that answered then."""
    if stored.case is None:
        closed = Change("input", "readable", "does not open with the keys at hand")
        return Repeated("impossible", (closed,))
    changed: list[Change] = []
    now = assess(stored.case)
    if now != stored.rules:
        changed.append(Change("rules", stored.rules.version, now.version))
    prediction: Prediction | NoPrediction = _why_none(stored)
    policy = Policy()
    if stored.model is not None:
        try:
            bundle = bundles.prove(stored.model)
        except BundleRefused as refusal:
            return Repeated("impossible", (*changed, _refused(stored.model, refusal)))
        policy = bundle.policy
        if stored.decision["explanation"]["model"] is not None:
            prediction = bundle.predictor.predict_many([(stored.case, stored.rules)])[0]
    given = prediction if isinstance(prediction, Prediction) else None
    decision = _as_stored(stored, decide(stored.rules, prediction, stored.arm, policy))
    again = {**decision.to_json(), "explanation": explain(stored.rules, given)}
    return _compared(stored.decision, again, changed)


def _refused(model: Entry, refusal: BundleRefused) -> Change:
    """Which part of what answered then cannot be had here."""
    what = refusal.reason if refusal.reason in {"library", "rules"} else "bundle"
    return Change(what, f"{model.version}, digest {model.digest}", f"refused ({refusal})")


def _why_none(stored: Stored) -> NoPrediction:
    """Why no model had a say, as the answer tells; for a red flag it does not matter."""
    reason = stored.decision["reason"]
    if reason == "attempts_exhausted" or reason not in get_args(NoPrediction):
        return "deadline"  # what the stored fallback was made with
    found: NoPrediction = reason
    return found


def _as_stored(stored: Stored, decision: Decision) -> Decision:
    """What storing adds to a decision: used-up attempts and amendments call a person."""
    if stored.decision["reason"] == "attempts_exhausted":
        trace = (*decision.trace, "attempts_exhausted")
        return replace(decision, reason="attempts_exhausted", needs_review=True, trace=trace)
    if stored.amended:
        return replace(decision, needs_review=True, trace=(*decision.trace, "amended"))
    return decision


def _compared(then: dict[str, Any], now: dict[str, Any], changed: list[Change]) -> Repeated:
    differs = tuple(name for name in DECISION if then[name] != now[name])
    if not differs and not changed:
        return Repeated("bit_for_bit")
    if not changed and all(_is_near(then[name], now[name]) for name in differs):
        return Repeated("within_rounding", differs=differs)
    return Repeated("differs", tuple(changed), differs)


def _is_near(then: Any, now: Any) -> bool:
    """Equal but for the last digits of numbers, in whatever they are nested."""
    if isinstance(then, float) and isinstance(now, float):
        return math.isclose(then, now, rel_tol=0, abs_tol=ROUNDING)
    if isinstance(then, dict) and isinstance(now, dict):
        return then.keys() == now.keys() and all(_is_near(then[k], now[k]) for k in then)
    if isinstance(then, list) and isinstance(now, list):
        return len(then) == len(now) and all(map(_is_near, then, now))
    return bool(then == now)


def matched_text(case: TriageCase, field: str, start: int, end: int) -> str:
    """The patient's words that a rule matched; empty where it was a rule on numbers."""
    texts = dict(case.texts())
    texts.update((f"medical_history.{i}", text) for i, text in enumerate(case.medical_history))
    return texts.get(field, "")[start:end]
