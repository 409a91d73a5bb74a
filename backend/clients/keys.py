"""Making and finding API keys."""

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import datetime

from backend.clients.models import ApiKey, Client, Scope
from backend.postgres.base import planned_cursor

_SECRET_BYTES = 32
# Every request asks it: as text, for the ORM takes longer to write it than PostgreSQL to answer.
_FIND = """
SELECT key.client_id, key.id, key.scopes, client.requests_per_minute, client.requests_per_day,
    client.open_requests
FROM clients_apikey AS key JOIN clients_client AS client ON client.id = key.client_id
WHERE key.digest = %s AND client.active
    AND (key.revoked_at IS NULL OR key.revoked_at > now())
    AND (key.expires_at IS NULL OR key.expires_at > now())"""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as the rest of the service sees it."""

    client_id: int
    key_id: int
    scopes: frozenset[str]
    # None: the service's own; 0 of the latter two: no quota.
    requests_per_minute: int | None = None
    requests_per_day: int | None = None
    open_requests: int | None = None

    # What Django and DRF ask of a user.
    is_authenticated = True
    is_active = True


def create_client(name: str) -> int:
    """The client's id; one that exists is kept."""
    return Client.objects.get_or_create(name=name)[0].pk


def find_client(name: str) -> int | None:
    """The id of the client of that name, active or not."""
    return Client.objects.filter(name=name).values_list("id", flat=True).first()


def create_key(
    client_id: int,
    name: str,
    scopes: tuple[str, ...] = (Scope.SUBMIT, Scope.LABEL),
    expires_at: datetime | None = None,
) -> str:
    """A new key, shown only now: `tri_<prefix>_<secret>`."""
    prefix = secrets.token_hex(4)
    key = f"tri_{prefix}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    ApiKey.objects.create(
        client_id=client_id,
        name=name,
        prefix=prefix,
        digest=_digest(key),
        scopes=list(scopes),
        expires_at=expires_at,
    )
    return key


def prefix_of(key: str) -> str:
    """What is stored of a key to tell it from others."""
    return key.split("_")[1]


def find_caller(key: str) -> Caller | None:
    """The caller of a live key of an active client, else None.

    The lookup is by digest: no comparison of secrets happens that could be timed.
    """
    with planned_cursor() as cursor:
        cursor.execute(_FIND, [_digest(key)])
        row = cursor.fetchone()
    if row is None:
        return None
    client_id, key_id, scopes, *limits = row
    return Caller(client_id, key_id, frozenset(json.loads(scopes)), *limits)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
