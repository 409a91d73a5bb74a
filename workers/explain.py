"""Why a request was answered as it was, and whether the same bundle says the same again.

For an operator at a terminal, beside the patient's clinician: every client's requests can be
asked for. Nothing is written, and the patient's words are opened only where they are asked for.
"""

import json
import math
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, get_args
from uuid import UUID

from django.db import connection

from backend import encryption
from backend.monitoring.registry import Entry
from ml.case import TriageCase, parse_case
from ml.decision import Decision, NoPrediction, Policy, decide, explain
from ml.errors import BundleRefused
from ml.prediction import Prediction
from ml.rules.answer import RulesAnswer
from ml.rules.engine import assess
from ml.schema import Level
from workers import registry as bundles

# A batch's sums are rounded in another order than a single row's: the last digits may differ.
ROUNDING: Final = 1e-9

_DECISION: Final = (
    *("level", "care_level", "confidence", "probabilities", "method", "ab_group", "decided_by"),
    *("fallback", "needs_review", "reason", "trace", "explanation"),
)
_SELECT: Final = f"""
SELECT r.answer AS status, r.arm, r.accepted_at, p.sealed, p.rules, a.sequence, a.answered_at,
    a.model_version, a.model_digest, a.rules_version, {", ".join(f"a.{c}" for c in _DECISION)}
FROM triage_triagerequest AS r
JOIN triage_triagepayload AS p ON p.request_id = r.id
LEFT JOIN LATERAL (
    SELECT * FROM triage_triageanswer AS newest WHERE newest.request_id = r.id
    ORDER BY newest.sequence DESC LIMIT 1) AS a ON TRUE
WHERE r.id = %s"""  # noqa: S608  (constants of this file)


class NothingToExplain(Exception):
    """There is no such request, or it has no answer; the text says which."""


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
class Repeated:
    """The answer made again here. `verdict` is `bit_for_bit`, `within_rounding`, `differs` or
    `impossible`; `changed` names what is another than it was, `differs` the fields that do."""

    verdict: str
    changed: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()


def read(request_id: UUID) -> Stored:
    """The stored evidence. Raises `NothingToExplain`."""
    with connection.cursor() as cursor:
        cursor.execute(_SELECT, [request_id])
        row = cursor.fetchone()
        names = [column.name for column in cursor.description]
    if row is None:
        raise NothingToExplain("there is no such request")
    found = dict(zip(names, row, strict=True))
    if found["sequence"] is None:
        raise NothingToExplain(f"the request is {found['status']}: it has no answer")
    decision = {name: found[name] for name in _DECISION}
    for name in ("probabilities", "trace", "explanation"):
        decision[name] = None if found[name] is None else json.loads(found[name])
    decision["level"] = Level(found["level"]).label
    digest = found["model_digest"]
    return Stored(
        id=request_id,
        arm=found["arm"],
        accepted_at=found["accepted_at"],
        answered_at=found["answered_at"],
        amended=found["sequence"] > 1,
        case=_open(bytes(found["sealed"]), request_id),
        rules=RulesAnswer.from_json(json.loads(found["rules"])),
        rules_version=found["rules_version"],
        model=Entry(found["model_version"], digest) if digest else None,
        decision=decision,
    )


def _open(sealed: bytes, request_id: UUID) -> TriageCase | None:
    try:
        return parse_case(json.loads(encryption.unseal(sealed, request_id)))
    except Exception:  # undecryptable, or written by a version that knew other fields
        return None


def repeat(stored: Stored) -> Repeated:
    """Make the answer again: the rules of this program, the bundle that answered then."""
    if stored.case is None:
        return Repeated("impossible", ("the stored input does not open with the keys at hand",))
    changed: list[str] = []
    now = assess(stored.case)
    if now.to_json() != stored.rules.to_json():
        changed.append(f"rules: {stored.rules.version} then, {now.version} here")
    prediction: Prediction | NoPrediction = _why_none(stored)
    policy = Policy()
    if stored.model is not None:
        try:
            bundle = bundles.prove(stored.model)
        except BundleRefused as refusal:
            changed.append(
                f"model: {stored.model.version}, digest {stored.model.digest}, is refused here"
                f" ({refusal})"
            )
            return Repeated("impossible", tuple(changed))
        policy = bundle.policy
        if stored.decision["explanation"]["model"] is not None:
            prediction = bundle.predictor.predict_many([(stored.case, stored.rules)])[0]
    given = prediction if isinstance(prediction, Prediction) else None
    decision = _as_stored(stored, decide(stored.rules, prediction, stored.arm, policy))
    again = {**decision.to_json(), "explanation": explain(stored.rules, given)}
    return _compared(stored.decision, again, changed)


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


def _compared(then: dict[str, Any], now: dict[str, Any], changed: list[str]) -> Repeated:
    differs = tuple(name for name in _DECISION if then[name] != now[name])
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
