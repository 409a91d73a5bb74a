"""The client checks a webhook as its receiver would: signature, age, header names in any case."""

import datetime as dt
import json

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from triage_client.webhooks import verify

SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtMTIz"
BODY = json.dumps({"type": "triage.answered", "data": {"id": "x"}}).encode()


def signed(at: dt.datetime, secret: str = SECRET) -> dict[str, str]:
    return {
        "Webhook-Id": "m-1",
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": Webhook(secret).sign("m-1", at, BODY.decode()),
    }


def test_a_good_signature_gives_the_message() -> None:
    assert verify(SECRET, BODY, signed(dt.datetime.now(dt.UTC)))["type"] == "triage.answered"


def test_what_is_changed_old_or_of_another_secret_is_refused() -> None:
    now = dt.datetime.now(dt.UTC)
    for body, headers in (
        (BODY.replace(b"x", b"y"), signed(now)),
        (BODY, signed(now - dt.timedelta(minutes=10))),
        (BODY, signed(now, "whsec_" + "b3RoZXItb3RoZXItb3RoZXItb3RoZXI=")),
        (BODY, {}),
    ):
        with pytest.raises(WebhookVerificationError):
            verify(SECRET, body, headers)
