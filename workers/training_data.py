"""What a candidate learns from, and what it is judged on: base records and clinicians' labels.

A patient is held back or not for good, by a hash of the reference: no model that was ever trained
here has seen the held ones, so candidate and serving model meet them on equal terms.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from uuid import UUID

from django.conf import settings

from backend.triage import labels, outcomes
from backend.triage.labels import TrainingLabel
from ml.case import TriageCase
from ml.cohort import generate
from ml.records import Record, read_records

BASE_RECORDS: Final = 8_000
SEED: Final = 1
HELD_SHARE: Final = 0.25
_CHUNK: Final = 1_000


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Records to train on (`base` and `learnt`), and labelled ones of patients who are never
    trained on. `source` names the base."""

    source: str
    base: list[Record]
    learnt: list[Record]
    held: list[Record]

    @property
    def records(self) -> list[Record]:
        return [*self.base, *self.learnt]

    def counts(self) -> dict[str, int]:
        return {"base": len(self.base), "learnt": len(self.learnt), "held": len(self.held)}


def collect() -> TrainingData:
    """Everything at hand now, decrypted in this process only.

    Raises `InvalidRecord` or `OSError` where the configured base file cannot be read.
    """
    source, base = _base()
    given = labels.for_training()
    return TrainingData(
        source=f"{source}-labels" if given else source,
        base=base,
        learnt=list(_records(one for one in given if not is_held(one.patient))),
        held=list(_records(one for one in given if is_held(one.patient))),
    )


def counted() -> dict[str, int]:
    """How many labels there are to learn from and to be judged on; nothing is decrypted."""
    given = labels.for_training()
    held = sum(is_held(one.patient) for one in given)
    return {"learnt": len(given) - held, "held": held}


def since(given: Sequence[TrainingLabel]) -> list[Record]:
    """These labels as records."""
    return list(_records(given))


def is_held(patient: str) -> bool:
    """Whether this patient's labels are for judging only; a quarter are, always the same."""
    digest = hashlib.sha256(f"held|{patient}".encode()).digest()
    return int.from_bytes(digest[:8]) < HELD_SHARE * 2**64


def _base() -> tuple[str, list[Record]]:
    if settings.RETRAIN_DATA:
        # Each of its own group: the file's groups (hospitals) are too large to keep together.
        found = read_records(Path(settings.RETRAIN_DATA))
        return "file", [replace(one, group=f"line {one.line}") for one in found]
    return "synthetic", list(generate(BASE_RECORDS, SEED))


def _records(given: Iterable[TrainingLabel]) -> Iterator[Record]:
    """One record a label, in the labels' order; what does not open is left out (and logged)."""
    ordered = list(given)
    for start in range(0, len(ordered), _CHUNK):
        chunk = ordered[start : start + _CHUNK]
        cases: dict[UUID, TriageCase] = dict(outcomes.cases_of([one.request_id for one in chunk]))
        for number, one in enumerate(chunk, start=start + 1):
            case = cases.get(one.request_id)
            if case is not None:
                # A patient's requests stay in one fold.
                yield Record(case=case, level=one.level, group=one.patient, line=number)
