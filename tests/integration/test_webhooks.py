"""Webhooks: signed, thin, tried again, to public addresses only, and owned by one client."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from typing import Any

import pytest
from django.test import Client
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from backend.clients import keys
from backend.triage import delivery, outbound
from tests.eventually import eventually
from tests.integration.conftest import CARDIAC_ARREST, SORE_THROAT, Api
from tests.receivers import Receiver, webhook_receiver

Sql = Callable[..., list[Any]]
TRIAGE, HOOKS = "/api/v1/triage/", "/api/v1/webhooks/"


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    with webhook_receiver() as server:
        yield server


@pytest.fixture
def operator(owner_id: int) -> Client:
    key = keys.create_key(owner_id, "operator", ("operate",))
    return Client(headers={"Authorization": f"Bearer {key}"})


def endpoint(operator: Client, url: str, **more: Any) -> dict[str, Any]:
    made = operator.post(HOOKS, {"url": url} | more, content_type="application/json")
    assert made.status_code == 201, made.content
    body: dict[str, Any] = made.json()
    assert made["Location"] == f"{HOOKS}{body['id']}/"
    return body


def deliver() -> int:
    with ThreadPoolExecutor(2) as threads:
        return delivery.deliver_due(threads)


def test_an_answer_is_told_signed_and_thin(
    operator: Client, owner: Api, receiver: Receiver, sql: Sql
) -> None:
    made = endpoint(operator, receiver.url)
    answered = owner.post(TRIAGE, CARDIAC_ARREST).json()["id"]
    waiting = owner.post(TRIAGE, SORE_THROAT).json()["id"]
    owner.post(f"{TRIAGE}{waiting}/cancel/", {})
    assert deliver() == 2
    assert deliver() == 0
    told = {}
    for headers, body in receiver.got:
        message = Webhook(made["secret"]).verify(body, headers)
        told[message["data"]["id"]] = message["type"]
        assert set(message["data"]) == {"id", "status", "event"}
        assert b"emergency" not in body, "whoever wants the level reads it with a key"
        assert headers["Host"] == f"127.0.0.1:{receiver.server_address[1]}"
    assert told == {answered: "triage.answered", waiting: "triage.cancelled"}
    log = operator.get(f"{HOOKS}{made['id']}/deliveries/").json()["deliveries"]
    assert {one["state"] for one in log} == {"delivered"}
    assert log[0]["attempts"][0]["status"] == 200
    # The secret is stored sealed, and shown once.
    assert made["secret"].encode() not in bytes(
        sql("SELECT sealed_secret FROM triage_webhookendpoint")[0][0]
    )
    assert "secret" not in operator.get(f"{HOOKS}{made['id']}/").json()


def test_two_secrets_live_through_a_rotation(
    operator: Client, owner: Api, receiver: Receiver, sql: Sql
) -> None:
    made = endpoint(operator, receiver.url)
    rotated = operator.post(f"{HOOKS}{made['id']}/secret/").json()["secret"]
    assert rotated != made["secret"]
    owner.post(TRIAGE, CARDIAC_ARREST)
    deliver()
    headers, body = receiver.got[0]
    for secret in (made["secret"], rotated):
        Webhook(secret).verify(body, headers)
    sql("UPDATE triage_webhookendpoint SET previous_until = now()")
    owner.post(TRIAGE, CARDIAC_ARREST)
    deliver()
    headers, body = receiver.got[1]
    Webhook(rotated).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(made["secret"]).verify(body, headers)


def test_a_failing_receiver_is_tried_by_the_schedule_and_given_up(
    operator: Client, owner: Api, receiver: Receiver, sql: Sql
) -> None:
    made = endpoint(operator, receiver.url)
    owner.post(TRIAGE, CARDIAC_ARREST)
    receiver.status = 503
    pauses = []
    for _ in delivery.SCHEDULE:
        assert deliver() == 1
        left = "SELECT extract(epoch FROM due_at - now())::float8 FROM triage_delivery"
        pauses.append(sql(left)[0][0])
        sql("UPDATE triage_delivery SET due_at = now()")
    for pause, planned in zip(pauses, delivery.SCHEDULE[1:], strict=False):
        assert 0.9 * planned - 2 < pause <= 1.1 * planned
    assert deliver() == 0
    assert sql("SELECT state, attempt FROM triage_delivery") == [("failed", 10)]
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    # By hand it goes again, under the same id.
    receiver.status = 204
    sent = operator.get(f"{HOOKS}{made['id']}/deliveries/").json()["deliveries"][0]
    again = f"{HOOKS}{made['id']}/deliveries/{sent['id']}/redeliver/"
    assert operator.post(again).status_code == 202
    deliver()
    assert sql("SELECT state FROM triage_delivery") == [("delivered",)]
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1


def test_gone_disables_and_a_redirect_is_not_followed(
    operator: Client, owner: Api, receiver: Receiver, sql: Sql
) -> None:
    made = endpoint(operator, receiver.url)
    owner.post(TRIAGE, CARDIAC_ARREST)
    receiver.status = 307
    deliver()
    assert len(receiver.got) == 1
    receiver.status = 410
    sql("UPDATE triage_delivery SET due_at = now()")
    deliver()
    shown = operator.get(f"{HOOKS}{made['id']}/").json()
    assert (shown["enabled"], shown["disabled_because"]) == (False, "gone")
    owner.post(TRIAGE, CARDIAC_ARREST)
    assert sql("SELECT count(*) FROM triage_delivery WHERE state = 'due'") == [(0,)]
    path, on = f"{HOOKS}{made['id']}/", {"enabled": True, "kinds": ["cancelled"]}
    changed = operator.patch(path, on, content_type="application/json").json()
    assert (changed["enabled"], changed["kinds"]) == (True, ["cancelled"])
    owner.post(TRIAGE, CARDIAC_ARREST)
    assert sql("SELECT count(*) FROM triage_delivery") == [(1,)], "only what was asked for"


def test_a_keeper_that_died_is_followed_by_another_attempt(
    operator: Client, owner: Api, receiver: Receiver, sql: Sql
) -> None:
    endpoint(operator, receiver.url)
    owner.post(TRIAGE, CARDIAC_ARREST)
    claimed = delivery._claim(uuid.uuid4(), 4)
    assert len(claimed) == 1
    assert deliver() == 0, "leased"
    sql("UPDATE triage_delivery SET due_at = now()")
    assert deliver() == 1
    # The first one wakes and writes nothing.
    delivery._record(claimed[0], delivery.Outcome(410, "", 1), uuid.uuid4())
    assert sql("SELECT state FROM triage_delivery") == [("delivered",)]


def test_the_keepers_thread_delivers_by_itself_and_stops(
    operator: Client, owner: Api, receiver: Receiver, sql: Sql
) -> None:
    endpoint(operator, receiver.url)
    deliverer = delivery.Deliverer()
    deliverer.start()
    owner.post(TRIAGE, CARDIAC_ARREST)
    state = "SELECT state FROM triage_delivery"
    eventually(lambda: sql(state) == [("delivered",)], what="the message is delivered")
    deliverer.stop()
    assert not deliverer._thread.is_alive()


INSIDE = (
    "https://127.0.0.1/",
    "https://10.1.2.3/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::1]/",
    "https://[fd00::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[64:ff9b::a00:1]/",
    "https://[2002:a00:1::]/",
    "https://0.0.0.0/",
    "https://100.64.0.1/",
    "https://224.0.0.1/",
    "http://example.org/",
    "https://user:word@example.org/",
    "https://example.org/#part",
    "ftp://example.org/",
    "https://",
    "https://exa mple.org/",
    "https://example.org:99999/",
)


@pytest.mark.parametrize("url", INSIDE)
def test_what_lies_inside_is_refused_when_it_is_named(operator: Client, url: str, sql: Sql) -> None:
    refused = operator.post(HOOKS, {"url": url}, content_type="application/json")
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "url"
    assert sql("SELECT count(*) FROM triage_webhookendpoint") == [(0,)]


def test_a_name_that_points_inside_is_refused_when_it_is_used(
    operator: Client, owner: Api, sql: Sql
) -> None:
    """Resolved at the moment of sending, and every address is judged, not the first alone."""
    endpoint(operator, "https://localhost/")
    owner.post(TRIAGE, CARDIAC_ARREST)
    deliver()
    assert sql("SELECT attempts->0->>'error', state FROM triage_delivery") == [("address", "due")]
    with pytest.raises(outbound.Refused, match="address"):
        outbound.post("https://localhost:1/", b"{}", {})


def test_wrong_bodies_are_refused_by_name(operator: Client) -> None:
    for body, field in (
        ({"url": "https://example.org/", "kinds": ["opened"]}, "kinds"),
        ({"url": "https://example.org/", "kind": ["answered"]}, "kind"),
        ({"kinds": ["answered"]}, "url"),
    ):
        refused = operator.post(HOOKS, body, content_type="application/json")
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["field"] == field
