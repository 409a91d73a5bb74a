"""What people see of requests: lists and whole cases, always of the clients they belong to.

A read that meets an open row past its deadline answers it first, as every read does. Opening a
case decrypts what the patient said.
"""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connection

from backend import encryption
from backend.triage import lifecycle
from backend.triage.values import Author
from ml.case import TriageCase, parse_case
from ml.rules.answer import RulesAnswer
from ml.schema import LEVELS

PAGE_ROWS: Final = 50
DEFAULT_HOURS: Final = 168

_LIST: Final = """
SELECT r.id, c.name AS client, r.answer AS status, r.work, r.attempt, r.accepted_at,
    r.answer = 'open' AND r.deadline_at <= clock_timestamp() AS overdue,
    coalesce(a.level, r.priority) AS level, a.method, a.ab_group, a.confidence, a.fallback,
    coalesce(a.needs_review, FALSE) AS needs_review, coalesce(a.sequence > 1, FALSE) AS amended,
    extract(epoch FROM a.answered_at - r.accepted_at)::float8 AS waited_seconds,
    (SELECT l.level FROM triage_clinicianlabel AS l WHERE l.request_id = r.id
     ORDER BY l.created_at DESC, l.id DESC LIMIT 1) AS labelled
FROM triage_triagerequest AS r JOIN clients_client AS c ON c.id = r.client_id
LEFT JOIN LATERAL (
    SELECT * FROM triage_triageanswer AS newest WHERE newest.request_id = r.id
    ORDER BY newest.sequence DESC LIMIT 1) AS a ON TRUE
WHERE r.client_id = ANY(%(clients)s)
    AND r.accepted_at > now() - make_interval(hours => %(hours)s)
    AND (%(status)s::text IS NULL OR r.answer = %(status)s)
    AND (%(level)s::int IS NULL OR coalesce(a.level, r.priority) = %(level)s)
    AND (%(method)s::text IS NULL OR a.method = %(method)s)
    AND (NOT %(review)s OR a.needs_review)
    AND (%(before_at)s::timestamptz IS NULL
         OR (r.accepted_at, r.id) < (%(before_at)s, %(before_id)s::uuid))
ORDER BY r.accepted_at DESC, r.id DESC LIMIT %(limit)s"""

_CASE: Final = """
SELECT r.id, r.client_id, c.name AS client, r.answer AS status, r.work, r.attempt, r.accepted_at,
    r.deadline_at, r.arm, r.experiment, r.phase, r.batch,
    r.answer = 'open' AND r.deadline_at <= clock_timestamp() AS overdue,
    p.sealed, p.fallback
FROM triage_triagerequest AS r JOIN clients_client AS c ON c.id = r.client_id
JOIN triage_triagepayload AS p ON p.request_id = r.id
WHERE r.id = %(id)s AND r.client_id = ANY(%(clients)s)"""

_ANSWERS: Final = "SELECT * FROM triage_triageanswer WHERE request_id = %s ORDER BY sequence"
_LABELS: Final = """
SELECT l.level, l.confidence, l.reason, l.source, l.blind, l.sealed_note, l.created_at,
    coalesce(u.username, k.name, 'import') AS author
FROM triage_clinicianlabel AS l LEFT JOIN auth_user AS u ON u.id = l.user_id
LEFT JOIN clients_apikey AS k ON k.id = l.key_id
WHERE l.request_id = %s ORDER BY l.created_at DESC, l.id DESC"""
_CLIENT_OF: Final = (
    "SELECT client_id FROM triage_triagerequest WHERE id = %s AND client_id = ANY(%s)"
)
_HELD_BLIND: Final = """
SELECT EXISTS (SELECT FROM triage_reviewsample WHERE request_id = %s AND random_share
    AND labelled_at IS NULL AND leased_by = %s AND leased_until > now())"""
_LOGS: Final = (
    "SELECT * FROM triage_predictionlog WHERE request_id = %s ORDER BY predictor DESC, created_at"
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which requests; None and False mean any. `hours` back from now."""

    hours: int = DEFAULT_HOURS
    status: str | None = None
    level: int | None = None
    method: str | None = None
    review: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: the next one holds what was accepted before it."""

    accepted_at: dt.datetime
    id: UUID

    def __str__(self) -> str:
        return f"{self.accepted_at.astimezone(dt.UTC):%Y%m%dT%H%M%S.%fZ}_{self.id.hex}"

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Raises `ValueError` for anything that `str` did not make."""
        at, _, row = text.partition("_")
        stamp = dt.datetime.strptime(at, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=dt.UTC)
        return cls(stamp, UUID(hex=row))


@dataclass(frozen=True, slots=True)
class Page:
    """Rows as dictionaries of `_LIST`'s columns, `level` as a label, and where to go on."""

    rows: list[dict[str, Any]]
    after: Place | None


@dataclass(frozen=True, slots=True)
class CaseFile:
    """One request with all that is stored of it. `case` is None where the input does not open."""

    id: UUID
    client_id: int
    client: str
    status: str
    work: str
    attempt: int
    accepted_at: dt.datetime
    deadline_at: dt.datetime
    arm: str
    experiment: str
    phase: int
    batch: UUID | None
    case: TriageCase | None
    rules: RulesAnswer
    provisional: dict[str, Any]
    answers: list[dict[str, Any]]
    logs: list[dict[str, Any]]
    # The newest first: it counts. `note` is decrypted, None where there is none.
    labels: list[dict[str, Any]]

    @property
    def answer(self) -> dict[str, Any] | None:
        """The one that counts: the newest."""
        return self.answers[-1] if self.answers else None


def listed(clients: Sequence[int], wanted: Filter, before: Place | None = None) -> Page:
    """Requests of these clients, the newest first, at most `PAGE_ROWS`."""
    parameters: dict[str, Any] = {
        "clients": list(clients),
        "hours": wanted.hours,
        "status": wanted.status,
        "level": wanted.level,
        "method": wanted.method,
        "review": wanted.review,
        "before_at": before and before.accepted_at,
        "before_id": before and before.id,
        "limit": PAGE_ROWS + 1,
    }
    rows = _dictionaries(_LIST, parameters)
    overdue = [row["id"] for row in rows if row["overdue"]]
    if overdue:
        lifecycle.enforce_deadlines(overdue)
        rows = _dictionaries(_LIST, parameters)
    more, rows = len(rows) > PAGE_ROWS, rows[:PAGE_ROWS]
    for row in rows:
        row["level"] = LEVELS[row["level"]]
        row["labelled"] = None if row["labelled"] is None else LEVELS[row["labelled"]]
    after = Place(rows[-1]["accepted_at"], rows[-1]["id"]) if more else None
    return Page(rows, after)


def find(clients: Sequence[int], request_id: UUID) -> CaseFile | None:
    """The whole case, None where these clients have no such request."""
    parameters = {"id": request_id, "clients": list(clients)}
    rows = _dictionaries(_CASE, parameters)
    if rows and rows[0]["overdue"]:
        lifecycle.enforce_deadlines([request_id])
        rows = _dictionaries(_CASE, parameters)
    if not rows:
        return None
    row = rows[0]
    sealed, provisional = row.pop("sealed"), json.loads(row.pop("fallback"))
    del row["overdue"]
    provisional["level"] = LEVELS[provisional["level"]]
    return CaseFile(
        **row,
        case=_opened(bytes(sealed), request_id),
        rules=RulesAnswer.of_fallback(provisional),
        provisional=provisional,
        answers=[_shown(one) for one in _dictionaries(_ANSWERS, [request_id])],
        logs=[_shown(one) for one in _dictionaries(_LOGS, [request_id])],
        labels=[_label(one, request_id) for one in _dictionaries(_LABELS, [request_id])],
    )


def client_of(clients: Sequence[int], request_id: UUID) -> int | None:
    """The one of these clients that the request belongs to, None for any other request."""
    with connection.cursor() as cursor:
        cursor.execute(_CLIENT_OF, [request_id, list(clients)])
        row = cursor.fetchone()
    return row and int(row[0])


def held_blind(request_id: UUID, author: Author) -> bool:
    """Whether this author has the case on the review page, where its answer is hidden."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD_BLIND, [request_id, author.name])
        return bool(cursor.fetchone()[0])


def _opened(sealed: bytes, request_id: UUID) -> TriageCase | None:
    try:
        return parse_case(json.loads(encryption.unseal(sealed, request_id)))
    except (encryption.Undecryptable, ValueError):
        return None


def _label(row: dict[str, Any], request_id: UUID) -> dict[str, Any]:
    sealed = row.pop("sealed_note")
    row["level"] = LEVELS[row["level"]]
    row["note"] = sealed and _note(bytes(sealed), request_id)
    return row


def _note(sealed: bytes, request_id: UUID) -> str | None:
    try:
        return encryption.unseal(sealed, request_id).decode()
    except (encryption.Undecryptable, ValueError):
        return None


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    row["level"] = LEVELS[row["level"]]
    for name in ("probabilities", "explanation", "trace"):
        if isinstance(row.get(name), str):
            row[name] = json.loads(row[name])
    if row.get("probabilities"):
        row["probabilities"] = dict(zip(LEVELS, row["probabilities"], strict=True))
    return row


def _dictionaries(statement: str, parameters: Any) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
