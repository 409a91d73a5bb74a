"""What a request becomes on arrival: its id, the rules' answer, its arm, its sealed input."""

import base64
import os
import time
import uuid
from typing import Any
from uuid import UUID

import structlog

from backend import encryption
from backend.logs import failure
from backend.triage.values import Submission
from ml.assignment import Experiment, assign
from ml.case import TriageCase
from ml.decision import Decision, decide, explain
from ml.prediction import Prediction
from ml.rules import engine
from ml.rules.answer import RulesAnswer
from ml.schema import Level

log = structlog.get_logger()


def new_id() -> UUID:
    """A time-ordered id (UUID version 7, RFC 9562), so that indexes grow at their end."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10))
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    return UUID(int=(value & ~(0x3 << 62)) | (0x2 << 62))


def assess(case: TriageCase) -> RulesAnswer:
    """The rules' answer; rules that raise answer `urgent` and call a person."""
    try:
        return engine.assess(case)
    except Exception as error:  # a fault of ours must not cost the patient the answer
        log.error("rules.failed", **failure(error))
        return engine.unavailable()


def arriving(
    client_id: int,
    submission: Submission,
    deadline_seconds: float,
    batch: UUID | None,
    overloaded: bool,
    experiment: Experiment,
) -> dict[str, Any]:
    """One row of `statements.ACCEPT`; `experiment` is the trial's phase that decides the arm."""
    case, row_id = submission.case, new_id()
    rules = assess(case)
    reference = encryption.pseudonym(client_id, case.patient_id or uuid.uuid4().hex)
    arm = assign(case, reference, experiment, red_flag=rules.red_flag)
    body = case.model_dump_json(exclude_none=True, exclude_defaults=True)
    # The stored input knows no patient id: that lives on only as its pseudonym.
    clinical = case.model_dump_json(
        exclude_none=True, exclude_defaults=True, exclude={"patient_id"}
    )
    fallback = record(decide(rules, "deadline", arm), rules, None, "", "")
    at_once = overloaded and rules.level < Level.URGENT
    if at_once and fallback["fallback"]:
        fallback |= {"reason": "overload", "trace": [*fallback["trace"], "overload"]}
    return {
        "id": str(row_id),
        "client_id": client_id,
        "patient_reference": reference,
        "priority": int(rules.level),
        "arm": arm,
        "experiment": experiment.name,
        "phase": experiment.phase,
        "batch": str(batch) if batch else None,
        "idempotency_key": submission.idempotency_key,
        "fingerprint": encryption.fingerprint(body.encode()),
        "deadline_seconds": deadline_seconds,
        "final": rules.red_flag or at_once,
        "sealed": base64.b64encode(encryption.seal(clinical.encode(), row_id)).decode(),
        "rules": rules.to_json(),
        "fallback": fallback,
    }


def record(
    decision: Decision,
    rules: RulesAnswer,
    prediction: Prediction | None,
    model_version: str,
    model_digest: str,
) -> dict[str, Any]:
    """The answer as it is stored: levels as numbers, offsets instead of text."""
    found = beside_explanation(decision, rules, model_version, model_digest)
    found["explanation"] = explain(rules, prediction)
    return found


def beside_explanation(
    decision: Decision, rules: RulesAnswer, model_version: str, model_digest: str
) -> dict[str, Any]:
    """All of a stored answer but its explanation."""
    found = decision.to_json()
    found["level"] = int(decision.level)
    found["rules_version"] = rules.version
    found["model_version"] = model_version
    found["model_digest"] = model_digest
    return found
