"""Where clients want to be told: endpoints, their secrets, and the log of deliveries.

Every function is scoped to a client. A secret is shown once, when it is made; stored is what the
payload keys sealed. After a rotation the old one signs beside the new one for a day.
"""

import base64
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models.functions import Now

from backend import encryption
from backend.triage.models import Delivery, WebhookEndpoint

KINDS: Final = ("answered", "amended", "cancelled")
MOST_ENDPOINTS: Final = 10
OVERLAP: Final = timedelta(days=1)
_SECRET_BYTES: Final = 32


class TooMany(Exception):
    """The client has as many endpoints as it may have."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """As its client sees it. `disabled_because`: `client`, or `gone` (the receiver said 410)."""

    id: UUID
    url: str
    kinds: tuple[str, ...]
    enabled: bool
    disabled_because: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Sent:
    """A message and its attempts, each `{at, status, error, milliseconds}`."""

    id: UUID
    request_id: UUID
    kind: str
    state: str
    attempt: int
    due_at: datetime | None
    created_at: datetime
    attempts: tuple[Mapping[str, Any], ...]


def create(client_id: int, url: str, kinds: Sequence[str]) -> tuple[Endpoint, str]:
    """A new endpoint and its secret. Raises `TooMany`."""
    if WebhookEndpoint.objects.filter(client_id=client_id).count() >= MOST_ENDPOINTS:
        raise TooMany
    row_id, secret = uuid.uuid4(), _new_secret()
    row = WebhookEndpoint.objects.create(
        id=row_id,
        client_id=client_id,
        url=url,
        kinds=list(kinds),
        sealed_secret=encryption.seal(secret.encode(), row_id),
    )
    row.refresh_from_db(fields=["created_at"])
    return _shown(row), secret


def listed(client_id: int) -> list[Endpoint]:
    return [_shown(row) for row in _of(client_id).order_by("created_at", "id")]


def find(client_id: int, endpoint_id: UUID) -> Endpoint | None:
    row = _of(client_id).filter(pk=endpoint_id).first()
    return None if row is None else _shown(row)


def change(client_id: int, endpoint_id: UUID, given: Mapping[str, Any]) -> Endpoint | None:
    """Set `url`, `kinds` or `enabled`; enabling forgets why it was disabled."""
    fields = dict(given)
    if "enabled" in fields:
        fields["disabled_because"] = "" if fields["enabled"] else "client"
    if fields:
        _of(client_id).filter(pk=endpoint_id).update(**fields)
    return find(client_id, endpoint_id)


def remove(client_id: int, endpoint_id: UUID) -> bool:
    """With its deliveries."""
    return bool(_of(client_id).filter(pk=endpoint_id).delete()[0])


def rotate_secret(client_id: int, endpoint_id: UUID) -> str | None:
    """A new secret; the old one signs beside it for a day."""
    row = _of(client_id).filter(pk=endpoint_id).first()
    if row is None:
        return None
    secret = _new_secret()
    _of(client_id).filter(pk=endpoint_id).update(
        sealed_previous=bytes(row.sealed_secret),
        previous_until=Now() + OVERLAP,
        sealed_secret=encryption.seal(secret.encode(), endpoint_id),
    )
    return secret


def deliveries(client_id: int, endpoint_id: UUID, limit: int) -> list[Sent]:
    """The newest messages of an endpoint."""
    rows = Delivery.objects.filter(endpoint_id=endpoint_id, endpoint__client_id=client_id)
    return [_sent(row) for row in rows.order_by("-created_at", "-id")[:limit]]


def redeliver(client_id: int, endpoint_id: UUID, delivery_id: UUID) -> bool:
    """Send a message again, from the start of the schedule and under the same id. False where
    there is no such message."""
    found = Delivery.objects.filter(
        pk=delivery_id, endpoint_id=endpoint_id, endpoint__client_id=client_id
    )
    return bool(found.update(state=Delivery.State.DUE, attempt=0, due_at=Now(), token=None))


def _of(client_id: int) -> Any:
    return WebhookEndpoint.objects.filter(client_id=client_id)


def _new_secret() -> str:
    return f"whsec_{base64.b64encode(os.urandom(_SECRET_BYTES)).decode()}"


def _shown(row: WebhookEndpoint) -> Endpoint:
    because = row.disabled_because or None
    return Endpoint(row.id, row.url, tuple(row.kinds), row.enabled, because, row.created_at)


def _sent(row: Delivery) -> Sent:
    due = row.due_at if row.state == Delivery.State.DUE else None
    return Sent(
        row.id,
        row.request_id,
        row.kind,
        row.state,
        row.attempt,
        due,
        row.created_at,
        tuple(row.attempts),
    )
