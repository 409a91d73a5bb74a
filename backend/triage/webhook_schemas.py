"""Webhook endpoints in and out as JSON."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from backend import errors
from backend.triage import outbound
from backend.triage.webhooks import KINDS
from ml.errors import FieldError, InvalidCase

Kind = Literal["answered", "amended", "cancelled"]
Model = TypeVar("Model", bound=BaseModel)
Url = Annotated[str, StringConstraints(min_length=1, max_length=outbound.MOST_URL_CHARACTERS)]
Kinds = Annotated[list[Kind], Field(min_length=1, max_length=len(KINDS))]


class WebhookNew(BaseModel):
    """Where to send which kinds of event."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    url: Url = Field(description="https, public, without user, password or fragment")
    kinds: Kinds = Field(default=list(KINDS))


class WebhookChange(BaseModel):
    """What is to be otherwise; at least one field."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    url: Url | None = None
    kinds: Kinds | None = None
    enabled: bool | None = None


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class Webhook(_Out):
    id: UUID
    url: str
    kinds: list[Kind]
    enabled: bool
    disabled_because: Literal["client", "gone"] | None
    created_at: datetime


class WebhookWithSecret(Webhook):
    secret: str = Field(description="Shown only now; `whsec_` and base64")


class WebhookList(_Out):
    webhooks: list[Webhook]


class DeliveryShown(_Out):
    """A message; `id` is what its `webhook-id` carries after `msg_`."""

    id: UUID
    request_id: UUID
    kind: Kind
    state: Literal["due", "delivered", "failed"]
    attempt: int
    due_at: datetime | None
    created_at: datetime
    attempts: list[dict[str, Any]] = Field(description="at, status, error, milliseconds of each")


class DeliveryList(_Out):
    deliveries: list[DeliveryShown]


_EXPECTED = {
    "url": "expected a public https URL without user, password or fragment, up to 500 characters",
    "kinds": f"expected a list of {', '.join(KINDS)}",
    "enabled": "expected true or false",
}


def parse_new(body: object) -> WebhookNew:
    """Raises `InvalidCase` naming the field and what was expected."""
    found = _parse(WebhookNew, body, {"url", "kinds"})
    _check(found.url)
    return found


def parse_change(body: object) -> Mapping[str, Any]:
    """The fields to change. Raises `InvalidCase`."""
    found = _parse(WebhookChange, body, set(_EXPECTED)).model_dump(exclude_none=True)
    if not found:
        raise InvalidCase((FieldError("", "required", "expected url, kinds or enabled"),))
    if "url" in found:
        _check(found["url"])
    return found


def _parse(model: type[Model], body: object, known: set[str]) -> Model:
    if not isinstance(body, dict):
        raise InvalidCase((FieldError("", "object", "expected a JSON object"),))
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise errors.refused(error, {name: _EXPECTED[name] for name in known}) from None


def _check(url: str) -> None:
    try:
        outbound.check_url(url)
    except outbound.Refused:
        raise InvalidCase((FieldError("url", "address", _EXPECTED["url"]),)) from None
