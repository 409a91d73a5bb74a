"""Clinicians' labels: every one is kept, the newest counts.

A label may come from the review queue, from a clinician who overrides an answer, or from a file.
Only the first kind has a known probability of being given; `review.py` holds it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from backend import encryption
from backend.clients import audit
from backend.postgres.base import unhurried
from backend.triage.models import ClinicianLabel
from backend.triage.statements import PATIENTS_ONLY
from backend.triage.values import Author
from ml.schema import Level

Source = ClinicianLabel.Source
REASONS: Final = tuple(ClinicianLabel.Reason.values)
# What the words for a confidence are worth: a clinician who is unsure may as well be wrong.
WORDS: Final = {"sure": 1.0, "unsure": 0.5}
# Reading every label for a training may take this long; no patient waits for it.
_SECONDS: Final = 60

# `blind`: this author took the case from the queue, the answer was hidden there, and nobody had
# labelled it before. One who says which answer was seen was not blind.
_GIVE: Final = """
WITH request AS (
    SELECT r.id, NOT %(seen)s AND coalesce(s.random_share AND s.labelled_at IS NULL
        AND s.leased_by = %(author)s, FALSE) AS blind
    FROM triage_triagerequest AS r LEFT JOIN triage_reviewsample AS s ON s.request_id = r.id
    WHERE r.id = %(id)s AND r.client_id = %(client)s),
reviewed AS (
    UPDATE triage_reviewsample AS s SET labelled_at = coalesce(s.labelled_at, now())
    FROM request WHERE s.request_id = request.id)
INSERT INTO triage_clinicianlabel (request_id, key_id, user_id, source, level, confidence, reason,
    sealed_note, blind, import_key)
SELECT id, %(key)s, %(user)s, %(source)s, %(level)s, %(confidence)s, %(reason)s, %(note)s, blind,
    %(import_key)s
FROM request
ON CONFLICT (import_key) DO NOTHING
RETURNING id, blind, created_at"""

_NEWEST: Final = """
SELECT DISTINCT ON (request_id) request_id, level, confidence, reason, sealed_note
FROM triage_clinicianlabel WHERE request_id = ANY(%(ids)s)
ORDER BY request_id, created_at DESC, id DESC"""

_NEWEST_IMPORTED: Final = """
SELECT DISTINCT ON (request_id) request_id, level, confidence, reason, sealed_note
FROM triage_clinicianlabel WHERE request_id = ANY(%(ids)s) AND source = 'import'
ORDER BY request_id, created_at DESC, id DESC"""

_EXISTING: Final = """
SELECT id FROM triage_triagerequest WHERE client_id = %(client)s AND id = ANY(%(ids)s)"""


# Of patients only, and not where the clinician was no surer than a coin.
_FOR_TRAINING: Final = f"""
SELECT newest.request_id, r.patient_reference, newest.level, newest.created_at, r.accepted_at
FROM (SELECT DISTINCT ON (request_id) request_id, level, confidence, created_at
      FROM triage_clinicianlabel ORDER BY request_id, created_at DESC, id DESC) AS newest
JOIN triage_triagerequest AS r ON r.id = newest.request_id
WHERE (newest.confidence IS NULL OR newest.confidence > {WORDS["unsure"]}) AND r.{PATIENTS_ONLY}
ORDER BY newest.request_id"""  # noqa: S608  (constants of this file)


@dataclass(frozen=True, slots=True)
class TrainingLabel:
    """A label that a model may learn from; `patient` is the patient's reference, for splitting."""

    request_id: UUID
    patient: str
    level: Level
    labelled_at: datetime
    accepted_at: datetime


@dataclass(frozen=True, slots=True)
class Given:
    """One label. `confidence` is 0–1 or None, `reason` one of `REASONS` or empty; the note is
    stored encrypted."""

    level: Level
    confidence: float | None = None
    reason: str = ""
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """A label as it was stored."""

    id: int
    blind: bool
    created_at: datetime


def give(
    client_id: int,
    author: Author,
    request_id: UUID,
    given: Given,
    *,
    source: str = Source.API,
    answer_seen: bool = False,
    import_key: str | None = None,
) -> Stored | None:
    """Store a label of this client's request; None when there is no such request, or when the
    row of a file (`import_key`) was stored before.

    `answer_seen` says that the author knew the answer, wherever the case was taken from.
    """
    sealed = encryption.seal(given.note.encode(), request_id) if given.note else None
    parameters: dict[str, Any] = {
        "id": request_id,
        "client": client_id,
        "author": author.name,
        "seen": answer_seen,
        "key": author.key_id,
        "user": author.user_id,
        "source": source,
        "level": int(given.level),
        "confidence": given.confidence,
        "reason": given.reason,
        "note": sealed,
        "import_key": import_key,
    }
    actor = "system:import" if source == Source.IMPORT else author.actor
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_GIVE, parameters)
            row = cursor.fetchone()
        if row is None:
            return None
        audit.record(actor, "label.given", client_id=client_id, subject=request_id)
    return Stored(*row)


def newest(ids: Sequence[UUID]) -> dict[UUID, Given]:
    """The label that counts of each of these requests, without its note; others are absent."""
    return {row[0]: Given(Level(row[1]), row[2], row[3]) for row in _rows(_NEWEST, ids)}


def newest_imported(ids: Sequence[UUID]) -> dict[UUID, Given]:
    """The newest label out of a file of each of these requests, with its note.

    Raises `encryption.Undecryptable` where a note does not open with the keys at hand.
    """
    return {
        request_id: Given(
            Level(level),
            confidence,
            reason,
            None if note is None else encryption.unseal(bytes(note), request_id).decode(),
        )
        for request_id, level, confidence, reason, note in _rows(_NEWEST_IMPORTED, ids)
    }


def for_training() -> list[TrainingLabel]:
    """The label that counts of every labelled request of a patient, whatever it was answered."""
    with unhurried(_SECONDS), connection.cursor() as cursor:
        cursor.execute(_FOR_TRAINING)
        rows = cursor.fetchall()
    return [TrainingLabel(row[0], row[1], Level(row[2]), row[3], row[4]) for row in rows]


def existing(client_id: int, ids: Sequence[UUID]) -> set[UUID]:
    """Which of these are this client's requests."""
    with connection.cursor() as cursor:
        cursor.execute(_EXISTING, {"client": client_id, "ids": list(ids)})
        return {row[0] for row in cursor.fetchall()}


def _rows(statement: str, ids: Sequence[UUID]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"ids": list(ids)})
        return list(cursor.fetchall())
