"""Receiving webhooks (Standard Webhooks)."""

from collections.abc import Mapping
from typing import Any

from standardwebhooks.webhooks import Webhook


def verify(secret: str, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """The message, when its signature is right and it is no older than 5 minutes. Raises
    `standardwebhooks.webhooks.WebhookVerificationError`.

    Delivery is at least once: tell repeats by the `webhook-id` header.
    """
    message: dict[str, Any] = Webhook(secret).verify(body, dict(headers))
    return message
