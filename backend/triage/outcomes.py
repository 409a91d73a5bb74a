"""What became of answers: reads for the daily checks, over all clients and without the canary.

Windows are half open, [start, end). Only `cases_of` opens what patients wrote, for a worker that
keeps nothing but counts of it.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import connection

from backend import encryption
from backend.logs import failure
from backend.postgres.base import unhurried
from backend.triage.statements import PATIENTS_ONLY
from ml.case import TriageCase, parse_case
from ml.schema import Level

log = structlog.get_logger()

# A check may read a month of labels; no patient waits for it.
_SECONDS: Final = 60
# More answers than this tell an estimate nothing new.
MOST_ESTIMATED: Final = 50_000
# Patients read for drift: a difference that five thousand do not show is too small to matter.
MOST_CASES: Final = 5_000

_LABELLED: Final = f"""
SELECT newest.request_id, c.name, r.arm, r.accepted_at, a.answered_at, newest.created_at,
    a.method, a.fallback, a.level, newest.level, a.model_version, a.model_digest, a.probabilities,
    s.probability, opinions.found
FROM (SELECT DISTINCT ON (request_id) request_id, level, created_at FROM triage_clinicianlabel
      WHERE {{labels}} ORDER BY request_id, created_at DESC, id DESC) AS newest
JOIN triage_triagerequest AS r ON r.id = newest.request_id
JOIN clients_client AS c ON c.id = r.client_id
JOIN triage_triageanswer AS a ON a.request_id = r.id AND a.sequence = 1
LEFT JOIN triage_reviewsample AS s ON s.request_id = r.id
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(l.version, l.digest, l.level, l.probabilities)
        ORDER BY l.id) AS found
    FROM triage_predictionlog AS l WHERE l.request_id = r.id AND l.predictor = 'model') AS opinions
    ON TRUE
WHERE r.{PATIENTS_ONLY}
ORDER BY newest.request_id"""  # noqa: S608  (constants of this file)

_ANSWERED_BY: Final = f"""
SELECT DISTINCT a.model_version, a.model_digest FROM triage_triagerequest AS r
JOIN triage_triageanswer AS a ON a.request_id = r.id AND a.sequence = 1
WHERE r.accepted_at >= %(start)s AND r.accepted_at < %(end)s AND a.model_digest <> ''
    AND r.{PATIENTS_ONLY}
ORDER BY 1, 2"""  # noqa: S608

_LABELLED_MODELS: Final = f"""
SELECT DISTINCT a.model_version, a.model_digest FROM triage_clinicianlabel AS l
JOIN triage_triagerequest AS r ON r.id = l.request_id
JOIN triage_triageanswer AS a ON a.request_id = r.id AND a.sequence = 1
WHERE l.created_at >= %(start)s AND l.created_at < %(end)s AND a.model_digest <> ''
    AND r.{PATIENTS_ONLY}
ORDER BY 1, 2"""  # noqa: S608

_ESTIMABLE: Final = f"""
SELECT a.level, a.probabilities FROM triage_triagerequest AS r
JOIN triage_triageanswer AS a ON a.request_id = r.id AND a.sequence = 1
WHERE r.accepted_at >= %(start)s AND r.accepted_at < %(end)s AND a.model_digest = %(digest)s
    AND a.method IN ('ml', 'low_confidence') AND a.probabilities IS NOT NULL AND r.{PATIENTS_ONLY}
ORDER BY md5(r.id::text) LIMIT %(limit)s"""  # noqa: S608

# What the service did on a day, whoever answered: by method, arm and fallback.
_SERVICE: Final = f"""
SELECT a.method, a.ab_group, a.fallback, count(*), count(label.level),
    count(*) FILTER (WHERE label.level > a.level), count(*) FILTER (WHERE label.level < a.level),
    percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (
        ORDER BY extract(epoch FROM a.answered_at - r.accepted_at)::float8)
FROM triage_triagerequest AS r
JOIN triage_triageanswer AS a ON a.request_id = r.id AND a.sequence = 1
LEFT JOIN LATERAL (
    SELECT l.level FROM triage_clinicianlabel AS l
    WHERE l.request_id = r.id AND l.created_at < %(known)s
    ORDER BY l.created_at DESC, l.id DESC LIMIT 1) AS label ON TRUE
WHERE r.accepted_at >= %(start)s AND r.accepted_at < %(end)s AND r.{PATIENTS_ONLY}
GROUP BY a.method, a.ab_group, a.fallback ORDER BY 1, 2, 3"""  # noqa: S608

_CASES: Final = f"""
SELECT r.id, r.patient_reference, p.sealed, l.level
FROM triage_triagerequest AS r JOIN triage_triagepayload AS p ON p.request_id = r.id
LEFT JOIN triage_predictionlog AS l ON l.request_id = r.id AND l.digest = %(digest)s
WHERE r.accepted_at >= %(start)s AND r.accepted_at < %(end)s AND r.{PATIENTS_ONLY}
ORDER BY md5(r.id::text) LIMIT %(limit)s"""  # noqa: S608

_PAYLOADS: Final = "SELECT request_id, sealed FROM triage_triagepayload WHERE request_id = ANY(%s)"


@dataclass(frozen=True, slots=True)
class ModelOpinion:
    """What one model said of a request, served or not."""

    version: str
    digest: str
    level: Level
    probabilities: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class ServedLabel:
    """The newest label of one request beside the answer that was first given.

    `probability` is that of having been drawn for review, None for a label that somebody
    volunteered; `site` is the client's name.
    """

    request_id: UUID
    site: str
    arm: str
    accepted_at: datetime
    answered_at: datetime
    labelled_at: datetime
    method: str
    fallback: bool
    answered: Level
    labelled: Level
    model_version: str
    model_digest: str
    probabilities: tuple[float, ...] | None
    probability: float | None
    opinions: tuple[ModelOpinion, ...]

    @property
    def right(self) -> bool:
        return self.answered == self.labelled

    @property
    def model_had_a_say(self) -> bool:
        """Whether the answer is the model's work: answers of the rules' arm, of red flags and of
        fallbacks would flatter or blame a model that did not decide."""
        return self.method in {"ml", "low_confidence"}

    def opinion(self, digest: str) -> ModelOpinion | None:
        return next((one for one in self.opinions if one.digest == digest), None)


@dataclass(frozen=True, slots=True)
class Answered:
    """Answers of one kind on one day. `labelled` of them have a label, which is `raised` above or
    `lowered` below the answer in so many; `seconds` are the 50th, 95th and 99th percentile from
    acceptance to answer."""

    method: str
    ab_group: str
    fallback: bool
    count: int
    labelled: int
    raised: int
    lowered: int
    seconds: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class PatientCase:
    """One request's input, decrypted; `patient` is the pseudonym, `level` what the model said."""

    patient: str
    case: TriageCase
    level: Level | None


def labels_received(start: datetime, end: datetime) -> list[ServedLabel]:
    """The newest label given in the window, of each request that got one."""
    return _labelled("created_at >= %(start)s AND created_at < %(end)s", start, end, end)


def labels_of_decisions(start: datetime, end: datetime, known: datetime) -> list[ServedLabel]:
    """The newest label given before `known`, of each request that was accepted in the window."""
    return _labelled(
        """created_at < %(known)s AND request_id IN (SELECT id FROM triage_triagerequest
            WHERE accepted_at >= %(start)s AND accepted_at < %(end)s)""",
        start,
        end,
        known,
    )


def answered_by(start: datetime, end: datetime) -> list[tuple[str, str]]:
    """Version and digest of each model that had a part in an answer of the window."""
    return [(version, digest) for version, digest in _read(_ANSWERED_BY, start, end)]


def labelled_models(start: datetime, end: datetime) -> list[tuple[str, str]]:
    """Version and digest of each model whose answers were labelled in the window."""
    return [(version, digest) for version, digest in _read(_LABELLED_MODELS, start, end)]


def estimable(
    start: datetime, end: datetime, digest: str
) -> tuple[list[Level], list[tuple[float, ...]]]:
    """Levels and probabilities of this model's answers in the window, for an estimate without
    labels; a fixed draw of `MOST_ESTIMATED` where there are more."""
    rows = _read(_ESTIMABLE, start, end, digest=digest, limit=MOST_ESTIMATED)
    return [Level(level) for level, _ in rows], [tuple(json.loads(p)) for _, p in rows]


def service(start: datetime, end: datetime, known: datetime) -> list[Answered]:
    """What was answered to the requests of the window, with the labels given before `known`."""
    rows = _read(_SERVICE, start, end, known=known)
    return [
        Answered(method, group, fallback, count, labelled, raised, lowered, tuple(seconds))
        for method, group, fallback, count, labelled, raised, lowered, seconds in rows
    ]


def cases_between(start: datetime, end: datetime, digest: str) -> list[PatientCase]:
    """The patients of the window, decrypted, with what the model of `digest` said; a fixed draw
    of `MOST_CASES` where there are more. What does not open is left out and logged."""
    found = []
    rows = _read(_CASES, start, end, digest=digest, limit=MOST_CASES)
    for request_id, patient, sealed, level in rows:
        case = _opened(request_id, bytes(sealed))
        if case is not None:
            found.append(PatientCase(patient, case, None if level is None else Level(level)))
    return found


def cases_of(ids: Sequence[UUID]) -> Iterator[tuple[UUID, TriageCase]]:
    """The decrypted inputs of these requests; what does not open is left out and logged."""
    with unhurried(_SECONDS), connection.cursor() as cursor:
        cursor.execute(_PAYLOADS, [list(ids)])
        rows = cursor.fetchall()
    for request_id, sealed in rows:
        case = _opened(request_id, bytes(sealed))
        if case is not None:
            yield request_id, case


def _read(statement: str, start: datetime, end: datetime, **more: Any) -> list[Any]:
    with unhurried(_SECONDS), connection.cursor() as cursor:
        cursor.execute(statement, {"start": start, "end": end, **more})
        return list(cursor.fetchall())


def _labelled(which: str, start: datetime, end: datetime, known: datetime) -> list[ServedLabel]:
    rows = _read(_LABELLED.format(labels=which), start, end, known=known)
    return [_served_label(*row) for row in rows]


def _served_label(*row: Any) -> ServedLabel:
    *facts, fallback, answered, labelled, version, digest, said, probability, opinions = row
    request_id, site, arm, accepted_at, answered_at, labelled_at, method = facts
    return ServedLabel(
        request_id=request_id,
        site=site,
        arm=arm,
        accepted_at=accepted_at,
        answered_at=answered_at,
        labelled_at=labelled_at,
        method=method,
        fallback=fallback,
        answered=Level(answered),
        labelled=Level(labelled),
        model_version=version,
        model_digest=digest,
        probabilities=_shares(said),
        probability=probability,
        opinions=tuple(
            ModelOpinion(own_version, own_digest, Level(level), shares and tuple(shares))
            for own_version, own_digest, level, shares in json.loads(opinions or "[]")
        ),
    )


def _shares(stored: str | None) -> tuple[float, ...] | None:
    found = json.loads(stored) if stored else None
    return tuple(found) if found else None


def _opened(request_id: UUID, sealed: bytes) -> TriageCase | None:
    try:
        return parse_case(json.loads(encryption.unseal(sealed, request_id)))
    except Exception as error:  # undecryptable, or written by a version that knew other fields
        log.error("outcomes.payload_unreadable", request_id=str(request_id), **failure(error))
        return None
