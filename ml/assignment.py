"""One patient, one arm: a salted hash of the patient reference, the same for ever.

Never a random generator: an arm must survive restarts, retries and a second web process.
"""

import hashlib
from dataclasses import dataclass

from ml.case import TriageCase
from ml.decision import Arm

# A red flag is an emergency in any arm: there is nothing to compare, so it is not randomised.
# Infants present differently and deteriorate faster than any adult rule assumes; they and
# pregnant patients are answered by the higher of rules and model and are never randomised.
MINIMUM_TRIAL_AGE_YEARS = 2.0
_BUCKETS = 10_000


@dataclass(frozen=True, slots=True)
class Experiment:
    """The running trial: `ml_share` (0–1) of patients meet the model."""

    name: str
    salt: str
    phase: int
    ml_share: float


def exclusion(case: TriageCase) -> str | None:
    """Why this case is not randomised, or None: what the patient is before what is missing."""
    if case.patient_age is not None and case.patient_age < MINIMUM_TRIAL_AGE_YEARS:
        return "infant"
    if case.pregnant:
        return "pregnant"
    if not case.patient_id:
        return "no_patient_id"
    return None


def assign(
    case: TriageCase, patient_reference: str, experiment: Experiment, *, red_flag: bool
) -> Arm:
    """The arm of this case; `patient_reference` is the pseudonym, never the client's own id.

    A larger `ml_share` only adds patients to the model's arm: a ramp moves nobody back.
    """
    if red_flag or exclusion(case):
        return "excluded"
    text = f"{experiment.salt}|{experiment.name}|{patient_reference}"
    bucket = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) % _BUCKETS
    return "ml" if bucket < experiment.ml_share * _BUCKETS else "rules"
