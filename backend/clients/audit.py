"""Who did or read what: append only, written in the transaction of the access itself.

`record` is one INSERT and takes no lock that another access could wait for. The keeper seals what
is committed into a chain: each seal is the SHA-256 of the seal before it and of the event, so a row
that is changed, removed or put in between is found by `manage.py verify_audit`. A trigger refuses
UPDATE, DELETE and TRUNCATE; the chain is for whoever can switch triggers off.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import connection, transaction

from backend.clients.keys import Caller
from backend.clients.models import AuditEvent
from backend.clients.people import Person

log = structlog.get_logger()

# What the first event is chained to.
GENESIS: Final = "0" * 64
_SEAL_ROWS: Final = 500
_PAGE_ROWS: Final = 1_000
# One sealer at a time; the number only has to be nobody else's.
_SEALER_LOCK: Final = 7_261_001

# The text of the time is made by PostgreSQL, so that an export and the table agree on it.
_PAGE: Final = """
SELECT id, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    actor, action, client_id, subject, sequence, seal
FROM clients_auditevent WHERE {} LIMIT {}"""


@dataclass(frozen=True, slots=True)
class Event:
    """One stored event. `sequence` and `seal` are None until the keeper has sealed it."""

    id: int
    at: str
    actor: str
    action: str
    client_id: int | None
    subject: str
    sequence: int | None = None
    seal: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the chain found. `broken` names the first broken row and why."""

    sealed: int
    unsealed: int
    head: str
    broken: str | None = None


def record(
    actor: Caller | Person | str,
    action: str,
    *,
    client_id: int | None,
    subject: UUID | int | str = "",
) -> None:
    """Store that `actor` did `action` (`noun.verb`, such as `request.read`) to `subject`.

    Call it inside the transaction of the access: if this cannot be written, the access fails.
    `actor` is a key's caller, a signed-in person, or `system:<what>` for a job. `subject` is an
    id, never a patient's words.
    """
    AuditEvent.objects.create(
        actor=_name(actor), action=action, client_id=client_id, subject=str(subject)
    )


def was_recorded(actor: Caller | Person | str, action: str, subject: UUID | int | str) -> bool:
    """Whether `actor` ever did `action` to `subject`."""
    done = AuditEvent.objects.filter(subject=str(subject), actor=_name(actor), action=action)
    return done.exists()


def _name(actor: Caller | Person | str) -> str:
    if isinstance(actor, Caller):
        return f"key:{actor.key_id}"
    if isinstance(actor, str):
        return actor
    return f"user:{actor.user_id}"


def seal() -> int:
    """Chain the events that are committed and not sealed yet; returns how many.

    Of several keepers one seals. The order is that of sealing: an event that commits late is
    sealed late, whatever its id, so nobody has to wait for anybody.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_SEALER_LOCK])
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(_PAGE.format("sequence IS NULL ORDER BY id", _SEAL_ROWS))
        fresh = [Event(*row) for row in cursor.fetchall()]
        if not fresh:
            return 0
        cursor.execute(
            """SELECT sequence, seal FROM clients_auditevent WHERE sequence IS NOT NULL
            ORDER BY sequence DESC LIMIT 1"""
        )
        sequence, head = cursor.fetchone() or (0, GENESIS)
        for event in fresh:
            sequence += 1
            head = chained(head, sequence, event)
            cursor.execute(
                "UPDATE clients_auditevent SET sequence = %s, seal = %s WHERE id = %s",
                [sequence, head, event.id],
            )
    # The head in a log is a witness outside the database: who rewrites the whole chain
    # cannot rewrite what was shipped with the logs.
    log.info("audit.sealed", count=len(fresh), sequence=sequence, head=head)
    return len(fresh)


def chained(before: str, sequence: int, event: Event) -> str:
    """The seal of `event` at this place of the chain: 64 hex digits."""
    content = [before, sequence, event.id, event.at, event.actor, event.action]
    content += [event.client_id, event.subject]
    return hashlib.sha256(json.dumps(content, ensure_ascii=True).encode()).hexdigest()


def verify(events: Iterable[Event], *, anchor: tuple[int, str] | None = None) -> Verdict:
    """Walk the chain in its order. Needs no database: an export is checked the same way.

    `anchor` is a place and a head that were written down earlier (the keeper logs them).
    """
    head, sealed, unsealed = GENESIS, 0, 0
    for event in events:
        if event.sequence is None:
            unsealed += 1
            continue
        if event.sequence != sealed + 1:
            return Verdict(sealed, unsealed, head, f"sequence {sealed + 1}: the row is missing")
        expected = chained(head, event.sequence, event)
        if event.seal != expected:
            reason = f"sequence {event.sequence} (event {event.id}): content and seal disagree"
            return Verdict(sealed, unsealed, head, reason)
        sealed, head = event.sequence, expected
        if anchor and anchor[0] == sealed and anchor[1] != head:
            reason = f"sequence {sealed} (event {event.id}): the chain was written anew"
            return Verdict(sealed, unsealed, head, reason)
    if anchor and anchor[0] > sealed:
        return Verdict(sealed, unsealed, head, f"sequence {sealed + 1}: the end is missing")
    return Verdict(sealed, unsealed, head)


def stored() -> Iterable[Event]:
    """Every event in the order of the chain, what is not sealed last; read in pages."""
    after = 0
    while page := _page("sequence > %s ORDER BY sequence", after):
        yield from page
        after = page[-1].sequence or 0
    after = 0
    while page := _page("sequence IS NULL AND id > %s ORDER BY id", after):
        yield from page
        after = page[-1].id


def _page(which: str, after: int) -> list[Event]:
    with connection.cursor() as cursor:
        cursor.execute(_PAGE.format(which, _PAGE_ROWS), [after])
        return [Event(*row) for row in cursor.fetchall()]
