"""What a request becomes on arrival: its id, the rules' answer, its arm, its sealed input."""

import base64
import os
import time
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from pydantic_core import to_json

from backend import encryption
from backend.logs import failure
from backend.triage.values import Offer
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
    offers: Sequence[Offer], batch: UUID | None, experiment: Experiment
) -> list[dict[str, Any]]:
    """The rows of `statements.ACCEPT`, in order; `experiment` is the trial's phase that decides the
    arms. Each step is done for all before the next: a hundred rows take a seventh less time than
    one whole row after the other, since a step finds its code and tables in the processor's cache.
    """
    answers = [assess(one.submission.case) for one in offers]
    inputs = [_input(one) for one in offers]
    return [
        _row(offer, rules, given, batch, experiment)
        for offer, rules, given in zip(offers, answers, inputs, strict=True)
    ]


class _Input(NamedTuple):
    """What is kept of a request as it was sent."""

    id: UUID
    reference: str
    fingerprint: str
    sealed: str


def _input(offer: Offer) -> _Input:
    case, row_id = offer.submission.case, new_id()
    body = case.model_dump_json(exclude_none=True, exclude_defaults=True)
    # The stored input knows no patient id: that lives on only as its pseudonym.
    clinical = without_patient(body, case.patient_id)
    return _Input(
        id=row_id,
        reference=encryption.pseudonym(offer.client_id, case.patient_id or uuid.uuid4().hex),
        fingerprint=encryption.fingerprint(body.encode()),
        sealed=base64.b64encode(encryption.seal(clinical.encode(), row_id)).decode(),
    )


def without_patient(body: str, patient_id: str | None) -> str:
    """A case's JSON without its patient id. In JSON a quote within a text is escaped, so that the
    name between two bare quotes stands nowhere else."""
    if patient_id is None:
        return body
    return body.replace(f',"patient_id":{to_json(patient_id).decode()}', "", 1)


def _row(
    offer: Offer, rules: RulesAnswer, given: _Input, batch: UUID | None, experiment: Experiment
) -> dict[str, Any]:
    case, key = offer.submission
    arm = assign(case, given.reference, experiment, red_flag=rules.red_flag)
    fallback = record(decide(rules, "deadline", arm), rules, None, "", "")
    at_once = offer.overloaded and rules.level < Level.URGENT
    if at_once and fallback["fallback"]:
        fallback |= {"reason": "overload", "trace": [*fallback["trace"], "overload"]}
    return {
        "id": given.id,
        "client_id": offer.client_id,
        "patient_reference": given.reference,
        "priority": int(rules.level),
        "arm": arm,
        "experiment": experiment.name,
        "phase": experiment.phase,
        "batch": batch,
        "idempotency_key": key,
        "fingerprint": given.fingerprint,
        "final": rules.red_flag or at_once,
        "sealed": given.sealed,
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
