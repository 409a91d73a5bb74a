"""Every change of a request's status, and nothing else changes one.

submit ─▶ claim ─▶ finish; besides them cancel, enforce_deadlines and abandon. Each is one
statement of `statements.py`: PostgreSQL says who won, by the rows that matched.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from django.conf import settings
from django.db import Error, OperationalError, connection, transaction
from django.db.models.functions import Now
from pydantic_core import from_json, to_json

from backend import counters, encryption
from backend.logs import failure
from backend.monitoring import arms
from backend.postgres.base import planned_cursor
from backend.triage import statements
from backend.triage.arrival import arriving, beside_explanation
from backend.triage.models import TriageRequest
from backend.triage.queue import IDS_PER_HINT, doorbell
from backend.triage.values import (
    Accepted,
    Claim,
    Claimed,
    FinishCounts,
    Finished,
    KeyReused,
    Offer,
    Stored,
    Submission,
)
from ml.case import TriageCase
from ml.decision import Arm, explain_model
from ml.prediction import Prediction
from ml.rules.answer import RulesAnswer
from ml.schema import LEVELS

log = structlog.get_logger()

_FALLBACK_LIMIT = 500
# What used up its attempts killed a worker with each: few at a time.
_ABANDON_LIMIT = 8
# Phases last days: a second change between two tries means that something is broken.
_PHASE_TRIES = 3

# Of `arrival.arriving`.
Row = dict[str, Any]


class Created(NamedTuple):
    """Which rows are new (None: all of them), when these were accepted and when they are due."""

    accepted_at: datetime
    deadline_at: datetime
    ids: frozenset[UUID] | None

    def has(self, row: Row) -> bool:
        return self.ids is None or row["id"] in self.ids


def submit(
    client_id: int,
    submissions: Sequence[Submission],
    deadline_seconds: float | None = None,
    batch: UUID | None = None,
    *,
    overloaded: bool = False,
    synthetic: bool = False,
) -> list[Accepted]:
    """Store the requests in one transaction, then ring. `overloaded` answers what is less than
    urgent at once from its rules, so that workers see the urgent ones in time. `synthetic` ones are
    no patient's and not counted.

    Raises `KeyReused` (and stores nothing) when a key returns with another body. When this
    returns, every request is committed: it will be answered, whatever fails from here on.
    """
    seconds = settings.DEADLINE_SECONDS if deadline_seconds is None else deadline_seconds
    offers = [Offer(client_id, one, overloaded) for one in submissions]
    # Only a batch with keys can be refused after some of it was stored; anything else is one
    # statement, which commits itself and saves two round trips.
    undoable = len(submissions) > 1 and any(one.idempotency_key for one in submissions)
    with transaction.atomic() if undoable else nullcontext():
        rows, created = _store(offers, seconds, batch)
        accepted = _resolved(client_id, rows, created)
    if not synthetic:
        _count_accepted(rows, created)
    log.info("request.accepted", synthetic=synthetic, **_named([one.id for one in accepted]))
    return accepted


def submit_each(offers: Sequence[Offer]) -> list[Accepted | Exception]:
    """Store single requests, of whichever clients, in one statement that commits itself, then ring.
    What became of each: accepted, or the error that only its own key met.

    Raises what `submit` raises for the statement itself: nothing is known to be stored then.
    """
    rows, created = _store(offers, settings.DEADLINE_SECONDS, None)
    _count_accepted(rows, created)
    return [_outcome(one, row, created) for one, row in zip(offers, rows, strict=True)]


def _outcome(offer: Offer, row: Row, created: Created) -> Accepted | Exception:
    try:
        accepted = _resolved(offer.client_id, [row], created)[0]
    except (KeyReused, Error) as error:
        return error
    call = {"correlation_id": offer.call_id} if offer.call_id else {}
    log.info("request.accepted", synthetic=False, **call, **_named([accepted.id]))
    return accepted


def _store(
    offers: Sequence[Offer], deadline_seconds: float, batch: UUID | None
) -> tuple[list[Row], Created]:
    """Commit rows made for the trial's current phase, and ring."""
    for _ in range(_PHASE_TRIES):
        active = arms.current()
        rows = arriving(offers, batch, active.experiment)
        current, created = _commit(rows, active.phase_id, deadline_seconds)
        if current == active.phase_id:
            return rows, created
        arms.forget()  # a trial took its next step since this process last looked
    raise OperationalError("the trial's phase changes faster than it can be read")


def _commit(rows: list[Row], phase_id: int, deadline_seconds: float) -> tuple[int, Created]:
    """One statement stores the rows if this phase is the current one; then ring. The current phase,
    and what was created."""
    text = to_json(rows).decode()
    parameters = {"rows": text, "phase": phase_id, "deadline": deadline_seconds}
    with planned_cursor() as cursor:
        cursor.execute(statements.ACCEPT, parameters)
        current, accepted_at, deadline_at, ids = cursor.fetchone()
    all_are_new = accepted_at is not None and ids is None
    created = Created(accepted_at, deadline_at, None if all_are_new else frozenset(ids or ()))
    urgent_first = sorted(filter(created.has, rows), key=_most_urgent_first)
    ringing = [row["id"] for row in urgent_first]
    transaction.on_commit(lambda: _ring(ringing))
    return int(current), created


def _named(ids: Sequence[UUID]) -> dict[str, Any]:
    """The ids as a log line names them: one by itself is found by the same word everywhere."""
    if len(ids) == 1:
        return {"request_id": str(ids[0])}
    return {"count": len(ids), "request_ids": [str(one) for one in ids]}


def _count_accepted(rows: list[Row], created: Created) -> None:
    new = rows if created.ids is None else [row for row in rows if created.has(row)]
    counters.accepted(len(new))
    final = [row["fallback"] for row in new if row["final"]]
    counters.answered(
        ((LEVELS[one["level"]], one["method"], one["fallback"], 1) for one in final), "accept"
    )


def _kinds(counted: str) -> list[tuple[str, str, bool, int]]:
    return [
        (LEVELS[level], method, fallback, n) for level, method, fallback, n in json.loads(counted)
    ]


def _most_urgent_first(row: Row) -> int:
    return -int(row["priority"])


def _resolved(client_id: int, rows: list[Row], created: Created) -> list[Accepted]:
    """Rows that met their own idempotency key again are answered with the first one's id."""
    repeated = [row["idempotency_key"] for row in rows if not created.has(row)]
    first: dict[str, tuple[UUID, str]] = {}
    if repeated:
        with planned_cursor() as cursor:
            cursor.execute(statements.SAME_KEY, {"client": client_id, "keys": repeated})
            first = {key: (row_id, body) for key, row_id, body in cursor.fetchall()}
    accepted = []
    times = (created.accepted_at, created.deadline_at)
    for index, row in enumerate(rows):
        if created.has(row):
            stored = Stored(*times, row["batch"], row["final"], row["fallback"])
            accepted.append(Accepted(row["id"], stored))
            continue
        first_id, body = first[row["idempotency_key"]]
        if body != row["fingerprint"]:
            raise KeyReused(index)
        accepted.append(Accepted(first_id, None))
    return accepted


def claim(limit: int) -> Claim:
    """Take rows that nobody has tried yet under a lease. A payload that does not open is claimed
    with `case=None`: it is answered by its stored rules and never guessed."""
    return _claim(statements.CLAIM.format(limit=limit))


def claim_lost() -> Claim:
    """As `claim`, of what a worker lost before: one row at most, which can harm no other."""
    return _claim(statements.CLAIM_LOST, again=True)


def _claim(statement: str, *, again: bool = False) -> Claim:
    token = uuid.uuid4()
    parameters: dict[str, Any] = {
        "attempts": settings.MAX_ATTEMPTS,
        "token": token,
        "lease": settings.LEASE_SECONDS,
    }
    with planned_cursor() as cursor:
        cursor.execute(statement, parameters)
        found = cursor.fetchall()
    rows = [_claimed(*row) for _, *row in found if row[0] is not None]
    if rows:
        counters.claimed(len(rows), again=again)
    return Claim(token, rows, bool(found and found[0][0]))


def _claimed(row_id: UUID, arm: Arm, sealed: bytes, fallback: str) -> Claimed:
    try:
        # Sealed as it was accepted: what no single field can show was checked then.
        case = TriageCase.model_validate_json(encryption.unseal(bytes(sealed), row_id))
    except Exception as error:  # undecryptable, or written by a version that knew other fields
        log.error("claim.payload_unreadable", request_id=str(row_id), **failure(error))
        case = None
    return Claimed(row_id, arm, case, RulesAnswer.of_fallback(from_json(fallback)))


def finish(token: UUID, finished: Sequence[Finished]) -> FinishCounts:
    """Commit a batch's decisions. Rows whose lease or token is gone are left as they are."""
    rows = written(finished)
    with planned_cursor() as cursor:
        cursor.execute(statements.FINISH, {"rows": to_json(rows).decode(), "token": token})
        answered, fallback, held, amended, kinds, waits, _ = cursor.fetchone()
    counters.answered(_kinds(kinds), "worker")
    counters.finished(waits or (), amended, len(rows) - held)
    return FinishCounts(answered, fallback, held - answered, amended, len(rows) - held)


def written(finished: Sequence[Finished]) -> list[dict[str, Any]]:
    """What `FINISH` takes of each decision; numbers and offsets, no text of the patient."""
    return [_written(one, one.prediction) for one in finished]


def _written(one: Finished, said: Prediction | None) -> dict[str, Any]:
    # An answer names the model whose opinion is in its explanation, also where the arm or a red
    # flag made it the rules' answer.
    version, digest = (one.model_version, one.model_digest) if said else ("", "")
    answer = beside_explanation(one.decision, one.rules, version, digest)
    answer["explanation"] = {"model": explain_model(said)}
    return {
        "id": str(one.id),
        "answer": answer,
        "version": version,
        "digest": digest,
        "opinion": None if said is None else int(said.level),
        "opinion_confidence": None if said is None else said.confidence,
        "opinion_probabilities": said and list(said.probabilities),
        "latency_us": one.latency_us,
        "unserved": [opinion.to_json() for opinion in one.unserved],
    }


def enforce_deadlines(ids: Sequence[UUID] | None = None) -> int:
    """Answer open rows past their deadline from their stored rules; returns how many.

    With `ids` (the read path) it waits for a row that is just being answered; without, it leaves
    such rows to whoever holds them.
    """
    if ids is None:
        return _fall_back(statements.OVERDUE, "SKIP LOCKED", [], "deadline")
    return _fall_back(statements.OVERDUE_OF_THESE, "", ids, "deadline")


def answer_now(ids: Sequence[UUID]) -> int:
    """Answer these rows from their stored rules if they are still open: who asked is gone."""
    return _fall_back(statements.THESE, "", ids, "caller")


def _fall_back(which: str, lock: str, ids: Sequence[UUID], by: str) -> int:
    statement = statements.FALL_BACK.format(which=which, lock=lock)
    parameters: dict[str, Any] = {"ids": list(ids), "limit": _FALLBACK_LIMIT, "exhausted": False}
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        answered, _, kinds, _ = cursor.fetchone()
    counters.answered(_kinds(kinds), by)
    if answered:
        log.warning("deadline.enforced", count=answered)
    return int(answered)


def abandon_exhausted() -> int:
    """End the work on all rows whose attempts are used up; open ones get the rules and a person."""
    ended = 0
    while some := _abandon_some():
        ended += some
    return ended


def _abandon_some() -> int:
    parameters = {
        "attempts": settings.MAX_ATTEMPTS,
        "limit": _ABANDON_LIMIT,
        "exhausted": True,
    }
    with connection.cursor() as cursor:
        cursor.execute(statements.ABANDON, parameters)
        answered, abandoned, kinds, _ = cursor.fetchone()
    counters.answered(_kinds(kinds), "attempts")
    if abandoned:
        log.warning("work.abandoned", count=abandoned, answered=answered)
    return int(abandoned)


def cancel(client_id: int, request_id: UUID) -> bool:
    """Withdraw an open request. False when it is answered, cancelled or not this client's."""
    with connection.cursor() as cursor:
        cursor.execute(statements.CANCEL, {"id": request_id, "client": client_id})
        return bool(cursor.rowcount)


def backdate(times: Mapping[UUID, datetime]) -> int:
    """Move finished requests, with their answers, logs and labels, to when they are meant to have
    been accepted, and mark them as replayed; returns how many. For rehearsals only."""
    rows = [{"id": str(row), "at": at.isoformat()} for row, at in times.items()]
    with connection.cursor() as cursor:
        cursor.execute(statements.BACKDATE, {"rows": json.dumps(rows)})
        return int(cursor.rowcount)


def delete_older(client_id: int, seconds: float) -> int:
    """Delete a client's requests that were accepted so long ago, with all that hangs on them;
    returns how many."""
    before = Now() - timedelta(seconds=seconds)
    old = TriageRequest.objects.filter(client_id=client_id, accepted_at__lt=before)
    return old.delete()[1].get(TriageRequest._meta.label, 0)


def is_unrung(seconds: float) -> bool:
    """Whether a row has been due for so long although a claim could take it."""
    with connection.cursor() as cursor:
        parameters = {"attempts": settings.MAX_ATTEMPTS, "seconds": seconds}
        cursor.execute(statements.UNRUNG, parameters)
        return bool(cursor.fetchone()[0])


def ring_for_due() -> int:
    """Ring for rows that are due, for whatever reason no worker has taken them; returns how many
    (at most one hint's worth) were seen."""
    with connection.cursor() as cursor:
        cursor.execute(statements.DUE, {"limit": IDS_PER_HINT})
        due = [row[0] for row in cursor.fetchall()]
    _ring(due)
    return len(due)


def _ring(ids: list[UUID]) -> None:
    if ids:
        doorbell.ring(ids)
