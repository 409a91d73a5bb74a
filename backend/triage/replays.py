"""Jobs that make an answer again. The web posts a row, a background worker finds it."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from backend.clients import audit
from backend.clients.keys import Caller

# A replay that ended its worker so often is not tried again.
MOST_ATTEMPTS: Final = 3

_ASK: Final = """
INSERT INTO triage_replayjob (request_id, asked_by)
SELECT r.id, %(by)s FROM triage_triagerequest AS r
WHERE r.id = %(id)s AND r.client_id = %(client)s
ON CONFLICT (request_id) WHERE finished_at IS NULL DO NOTHING
RETURNING id"""

_NEWEST: Final = """
SELECT j.id, j.request_id, j.created_at, j.finished_at, j.result
FROM triage_replayjob AS j JOIN triage_triagerequest AS r ON r.id = j.request_id
WHERE j.request_id = %(id)s AND r.client_id = %(client)s ORDER BY j.id DESC LIMIT 1"""

# One at a time, its attempt counted before the work: a case that kills its worker costs three.
_TAKE: Final = """
UPDATE triage_replayjob SET attempts = attempts + 1
WHERE id = (SELECT id FROM triage_replayjob WHERE finished_at IS NULL AND id > %s
    ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, request_id, attempts"""

_FINISH: Final = """
UPDATE triage_replayjob SET finished_at = now(), result = %s WHERE id = %s
    AND finished_at IS NULL"""


@dataclass(frozen=True, slots=True)
class Replay:
    """A job, and its result once it is done."""

    id: int
    request_id: UUID
    created_at: datetime
    finished_at: datetime | None
    result: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Taken:
    """A job that this process works on; `worn_out`: it was tried too often already."""

    id: int
    request_id: UUID
    worn_out: bool


def ask(caller: Caller, request_id: UUID) -> Replay | None:
    """Post a replay of this client's request; one that waits already is the same job. None when
    there is no such request."""
    parameters: dict[str, Any] = {
        "id": request_id,
        "client": caller.client_id,
        "by": f"key:{caller.key_id}",
    }
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_ASK, parameters)
            posted = cursor.fetchone()
        if posted:
            audit.record(caller, "replay.asked", client_id=caller.client_id, subject=request_id)
    return newest(caller.client_id, request_id)


def newest(client_id: int, request_id: UUID) -> Replay | None:
    """The last replay that was asked for, or None."""
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST, {"id": request_id, "client": client_id})
        row = cursor.fetchone()
    if row is None:
        return None
    job_id, found_id, created_at, finished_at, result = row
    found = None if result is None else json.loads(result)
    return Replay(job_id, found_id, created_at, finished_at, found)


def take(after: int = 0) -> Taken | None:
    """The oldest waiting job with a larger id."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [after])
        row = cursor.fetchone()
    return None if row is None else Taken(row[0], row[1], row[2] > MOST_ATTEMPTS)


def finish(job_id: int, result: dict[str, Any]) -> None:
    """Keep the result. The first one stands: two that worked on a job found the same."""
    with connection.cursor() as cursor:
        cursor.execute(_FINISH, [json.dumps(result), job_id])
