"""Every read of a triage request. A read that meets an overdue open row answers it first."""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection

from backend.postgres.base import planned_cursor
from backend.triage import lifecycle, statements
from backend.triage.schemas import Answer, TriageResource
from backend.triage.values import Accepted, Stored
from ml.schema import LEVELS

# A request with its newest answer; the fallback doubles as the provisional answer. Both are looked
# up row by row: of many rows the planner would make a walk over a table (see `statements`).
_SELECT = f"""
SELECT r.client_id, r.id, r.answer, r.accepted_at, r.deadline_at, r.batch,
    r.answer = 'open' AND r.deadline_at <= clock_timestamp() AS overdue, p.fallback,
    a.sequence, a.level, a.care_level, a.confidence, a.probabilities, a.method, a.ab_group,
    a.fallback, a.needs_review, a.reason, a.model_version, a.model_digest, a.rules_version,
    a.explanation, a.trace, a.answered_at
FROM unnest(%(ids)s::uuid[]) AS asked(id)
CROSS JOIN LATERAL (
    SELECT * FROM triage_triagerequest
    WHERE id = asked.id AND client_id = ANY(%(clients)s) LIMIT 1) AS r
{statements.PAYLOAD.format(of="r.id")}
LEFT JOIN LATERAL (
    SELECT * FROM triage_triageanswer AS newest WHERE newest.request_id = r.id
    ORDER BY newest.sequence DESC LIMIT 1) AS a ON TRUE"""  # noqa: S608  (constants)
_OVERDUE_AT, _ANSWER_AT = 6, 8  # the answer's columns are the last

# Notified, with no payload, by every statement that answers or cancels.
ANSWERED_CHANNEL = "triage_answered"

# Settled: nothing can happen any more. A row that is answered while its work still goes on may yet
# be amended, unless it is in the rules' arm or an emergency already.
_PROGRESS = """
SELECT r.id,
    CASE WHEN r.answer = 'open' THEN 1 WHEN coalesce(a.amended, FALSE) THEN 3 ELSE 2 END,
    r.answer = 'cancelled' OR (r.answer = 'answered'
        AND (r.work IN ('done', 'abandoned') OR r.arm = 'rules' OR a.amended OR a.highest)),
    extract(epoch FROM r.deadline_at - clock_timestamp())::float8
FROM unnest(%s::uuid[]) AS asked(id)
CROSS JOIN LATERAL (SELECT * FROM triage_triagerequest WHERE id = asked.id LIMIT 1) AS r
LEFT JOIN LATERAL (
    SELECT bool_or(sequence = 2) AS amended, bool_or(level = 3) AS highest
    FROM triage_triageanswer WHERE request_id = r.id) AS a ON TRUE"""

_OLDEST_OPEN = f"""
SELECT coalesce(extract(epoch FROM now() - min(accepted_at)), 0)
FROM {statements.OPEN_OF_PATIENTS}"""  # noqa: S608  (constants)
_FIRST_ACCEPTED = f"""
SELECT min(accepted_at) FROM triage_triagerequest
WHERE {statements.PATIENTS_ONLY}"""  # noqa: S608  (constants)
_REAL_PATIENTS = f"""
SELECT EXISTS (SELECT FROM triage_triagerequest
    WHERE NOT replayed AND {statements.PATIENTS_ONLY})"""  # noqa: S608  (constants)


class Progress(IntEnum):
    """How far a request is, in the order in which it goes on."""

    OPEN = 1
    CLOSED = 2
    AMENDED = 3


class State(NamedTuple):
    """`settled`: it goes no further. `due_in`: seconds until the deadline; past it, 0 or less."""

    progress: Progress
    settled: bool
    due_in: float


def get_many(client_id: int, ids: Sequence[UUID]) -> dict[UUID, TriageResource]:
    """These requests of this client by id; others are simply absent."""
    rows = _rows([client_id], ids)
    overdue = [row[1] for row in rows if row[_OVERDUE_AT]]
    if overdue:
        lifecycle.enforce_deadlines(overdue)
        rows = _rows([client_id], ids)
    return {row[1]: _resource(row) for row in rows}


def get_each(wanted: Collection[tuple[int, UUID]]) -> dict[tuple[int, UUID], TriageResource]:
    """These (client, request) as one statement finds them. Of a foreign id, and of a request that
    must be answered before it is shown, nothing: ask `get`, which keeps the others out of it."""
    rows = _rows({client for client, _ in wanted}, {row_id for _, row_id in wanted})
    found = {(row[0], row[1]): row for row in rows if not row[_OVERDUE_AT]}
    return {pair: _resource(found[pair]) for pair in set(wanted) & found.keys()}


def just_accepted(client_id: int, accepted: Sequence[Accepted]) -> dict[UUID, TriageResource]:
    """These requests of this client by id, read only where a repeated key names an earlier one."""
    earlier = [one.id for one in accepted if one.stored is None]
    found = get_many(client_id, earlier) if earlier else {}
    return found | {one.id: _as_stored(one.id, one.stored) for one in accepted if one.stored}


def get(client_id: int, request_id: UUID) -> TriageResource | None:
    return get_many(client_id, [request_id]).get(request_id)


def etag(resource: TriageResource) -> str:
    """Changes whenever the representation does: with the status, and with an amendment."""
    amended = progress_of(resource) is Progress.AMENDED
    return f'"{resource.id.hex}-{resource.status}-{int(amended)}"'


def states(ids: Iterable[UUID]) -> dict[UUID, State]:
    """How far each of these is; one statement for all that wait. Unscoped: the callers were let in
    by a scoped read."""
    with connection.cursor() as cursor:
        cursor.execute(_PROGRESS, [list(ids)])
        rows = cursor.fetchall()
    return {row[0]: State(Progress(row[1]), bool(row[2]), row[3]) for row in rows}


def progress_of(resource: TriageResource) -> Progress:
    if not resource.done:
        return Progress.OPEN
    return Progress.AMENDED if resource.answer and resource.answer.amended else Progress.CLOSED


def oldest_open_seconds() -> float:
    """Age of the oldest open request: are patients waiting? 0 when none is."""
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST_OPEN, {"most": settings.OPEN_HARD_LIMIT})
        return float(cursor.fetchone()[0])


def first_accepted_at() -> datetime | None:
    """When this service took its first patient's request."""
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_ACCEPTED)
        first: datetime | None = cursor.fetchone()[0]
        return first


def clock() -> datetime:
    """PostgreSQL's time, UTC: what decides about days, whatever a worker's own clock says."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        now: datetime = cursor.fetchone()[0]
        return now


def holds_real_patients() -> bool:
    """Whether any stored request came from a patient and not from a rehearsal."""
    with connection.cursor() as cursor:
        cursor.execute(_REAL_PATIENTS)
        return bool(cursor.fetchone()[0])


def _rows(clients: Collection[int], ids: Collection[UUID]) -> list[Any]:
    with planned_cursor() as cursor:
        cursor.execute(_SELECT, {"clients": list(clients), "ids": list(ids)})
        return list(cursor.fetchall())


def _resource(row: Any) -> TriageResource:
    _, request_id, status, accepted_at, deadline_at, batch, _, fallback = row[:_ANSWER_AT]
    answer = None if row[_ANSWER_AT] is None else _answer(row[_ANSWER_AT:])
    return TriageResource(
        id=request_id,
        status=status,
        done=status != "open",
        accepted_at=accepted_at,
        deadline_at=deadline_at,
        batch=batch,
        answer=answer,
        provisional=_recorded(json.loads(fallback), None) if status == "open" else None,
    )


def _answer(columns: Any) -> Answer:
    (
        sequence,
        level,
        care_level,
        confidence,
        probabilities,
        method,
        ab_group,
        fallback,
        needs_review,
        reason,
        model_version,
        model_digest,
        rules_version,
        explanation,
        trace,
        answered_at,
    ) = columns
    return Answer(
        prediction=LEVELS[level],
        confidence=confidence,
        probabilities=_by_level(json.loads(probabilities) if probabilities else None),
        method=method,
        ab_group=ab_group,
        fallback=fallback,
        model_version=model_version or None,
        model_digest=model_digest or None,
        rules_version=rules_version,
        care_level=care_level,
        needs_review=needs_review,
        reason=reason,
        explanation=json.loads(explanation),
        trace=json.loads(trace),
        amended=sequence > 1,
        answered_at=answered_at,
    )


def _as_stored(request_id: UUID, stored: Stored) -> TriageResource:
    return TriageResource(
        id=request_id,
        status="answered" if stored.answered else "open",
        done=stored.answered,
        accepted_at=stored.accepted_at,
        deadline_at=stored.deadline_at,
        batch=stored.batch,
        answer=_recorded(stored.answer, stored.accepted_at) if stored.answered else None,
        provisional=None if stored.answered else _recorded(stored.answer, None),
    )


def _recorded(record: dict[str, Any], answered_at: datetime | None) -> Answer:
    """The stored fallback as an answer; without a time it is one that nobody has given yet."""
    return Answer(
        **{
            **{name: record[name] for name in _SHARED_FIELDS},
            "prediction": LEVELS[record["level"]],
            "probabilities": _by_level(record["probabilities"]),
            "model_version": record["model_version"] or None,
            "model_digest": record["model_digest"] or None,
            "amended": False,
            "answered_at": answered_at,
        }
    )


_SHARED_FIELDS = (
    "confidence",
    "method",
    "ab_group",
    "fallback",
    "rules_version",
    "care_level",
    "needs_review",
    "reason",
    "explanation",
    "trace",
)


def _by_level(probabilities: list[float] | None) -> Any:
    if probabilities is None:
        return None
    return dict(zip(LEVELS, probabilities, strict=True))
