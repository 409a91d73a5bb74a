"""Lists of a client's requests, newest first, in pages that hold still while rows come in.

A page ends with a cursor, the place of its last row in (accepted_at, id): no offset that shifts, no
count of everything. Overdue open rows are answered before the page is read.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from backend.triage import lifecycle, queries
from backend.triage.schemas import TriageResource
from ml.errors import FieldError, InvalidCase
from ml.schema import LEVELS, Level

STATUSES: Final = ("open", "answered", "cancelled")
FILTERS: Final = ("status", "level", "needs_review", "accepted_after", "accepted_before", "batch")
PARAMETERS: Final = ("cursor", "limit", *FILTERS)
_DEFAULT_LIMIT: Final = 50
MOST: Final = 200

_PAGE: Final = """
SELECT r.id, r.accepted_at FROM triage_triagerequest AS r
LEFT JOIN LATERAL (
    SELECT level, needs_review FROM triage_triageanswer AS newest WHERE newest.request_id = r.id
    ORDER BY newest.sequence DESC LIMIT 1) AS a ON TRUE
WHERE r.client_id = %(client)s
    AND (%(status)s::text IS NULL OR r.answer = %(status)s)
    AND (%(level)s::int IS NULL OR a.level = %(level)s)
    AND (%(needs_review)s::bool IS NULL OR a.needs_review = %(needs_review)s)
    AND (%(accepted_after)s::timestamptz IS NULL OR r.accepted_at > %(accepted_after)s)
    AND (%(accepted_before)s::timestamptz IS NULL OR r.accepted_at < %(accepted_before)s)
    AND (%(batch)s::uuid IS NULL OR r.batch = %(batch)s)
    AND (%(at)s::timestamptz IS NULL OR (r.accepted_at, r.id) < (%(at)s, %(id)s::uuid))
ORDER BY r.accepted_at DESC, r.id DESC LIMIT %(limit)s"""

_PROGRESS: Final = """
SELECT count(*), count(*) FILTER (WHERE answer = 'open'),
    count(*) FILTER (WHERE answer = 'answered'), count(*) FILTER (WHERE answer = 'cancelled')
FROM triage_triagerequest WHERE client_id = %(client)s AND batch = %(batch)s"""


@dataclass(frozen=True, slots=True)
class Page:
    """`next`: the cursor of the page after this one; None on the last."""

    items: list[TriageResource]
    next: str | None


def page(client_id: int, parameters: Mapping[str, Any]) -> Page:
    """One page. `parameters` as `parse` gives them."""
    lifecycle.enforce_deadlines()
    limit = parameters["limit"]
    # One more than is shown tells whether there is a next page.
    wanted = {**parameters, "client": client_id, "limit": limit + 1}
    with connection.cursor() as cursor:
        cursor.execute(_PAGE, wanted)
        rows = cursor.fetchall()
    shown = rows[:limit]
    found = queries.get_many(client_id, [row[0] for row in shown])
    more = _cursor(shown[-1][1], shown[-1][0]) if len(rows) > limit else None
    return Page([found[row[0]] for row in shown if row[0] in found], more)


def progress(client_id: int, batch: UUID) -> dict[str, int]:
    """Requests of a batch: in all, and by status. Nothing where the client has no such batch."""
    with connection.cursor() as cursor:
        cursor.execute(_PROGRESS, {"client": client_id, "batch": batch})
        total, waiting, answered, cancelled = cursor.fetchone()
    if not total:
        return {}
    return {"total": total, "open": waiting, "answered": answered, "cancelled": cancelled}


def parse(given: Mapping[str, str]) -> dict[str, Any]:
    """Filters, cursor and limit out of query parameters. Raises `InvalidCase` naming each."""
    found: dict[str, Any] = dict.fromkeys((*FILTERS, "at", "id")) | {"limit": _DEFAULT_LIMIT}
    problems = []
    for name, text in given.items():
        try:
            found |= _READERS[name](name, text)
        except (ValueError, binascii.Error):
            problems.append(FieldError(name, "value", _EXPECTED[name]))
    if problems:
        raise InvalidCase(tuple(problems))
    return found


def _cursor(at: datetime, row: UUID) -> str:
    return base64.urlsafe_b64encode(f"{at.isoformat()}|{row.hex}".encode()).decode()


def _read_cursor(_name: str, text: str) -> dict[str, Any]:
    at, _, row = (
        base64.b64decode(text.encode(), altchars=b"-_", validate=True).decode().partition("|")
    )
    return {"at": _aware(at), "id": UUID(row)}


def _read_time(name: str, text: str) -> dict[str, Any]:
    return {name: _aware(text.replace(" ", "+"))}  # a plus sign that nobody escaped


def _aware(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError
    return at


def _read_flag(name: str, text: str) -> dict[str, Any]:
    return {name: {"true": True, "false": False}[text]} if text in ("true", "false") else _no()


def _read_status(name: str, text: str) -> dict[str, Any]:
    return {name: text} if text in STATUSES else _no()


def _read_level(name: str, text: str) -> dict[str, Any]:
    return {name: int(Level.parse(text))} if text in LEVELS else _no()


def _read_limit(name: str, text: str) -> dict[str, Any]:
    plain = text.isascii() and text.isdigit() and len(text) <= 3
    return {name: int(text)} if plain and 1 <= int(text) <= MOST else _no()


def _read_id(name: str, text: str) -> dict[str, Any]:
    return {name: UUID(text)}


def _no() -> dict[str, Any]:
    raise ValueError


_READERS: Final = {
    "cursor": _read_cursor,
    "limit": _read_limit,
    "status": _read_status,
    "level": _read_level,
    "needs_review": _read_flag,
    "accepted_after": _read_time,
    "accepted_before": _read_time,
    "batch": _read_id,
}
_TIME: Final = "expected a time with its zone, as 2026-01-31T12:00:00Z"
_EXPECTED: Final = {
    "cursor": "expected the value of `next` of the page before",
    "limit": f"expected a whole number, 1 to {MOST}",
    "status": f"expected one of {', '.join(STATUSES)}",
    "level": f"expected one of {', '.join(LEVELS)}",
    "needs_review": "expected true or false",
    "accepted_after": _TIME,
    "accepted_before": _TIME,
    "batch": "expected the id of a batch",
}
