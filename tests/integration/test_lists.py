"""Lists: pages that hold still, filters that refuse what they do not know, batches and progress."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.integration.conftest import CARDIAC_ARREST, SORE_THROAT, Api

Sql = Callable[..., list[Any]]
TRIAGE = "/api/v1/triage/"


def listed(api: Api, **parameters: Any) -> dict[str, Any]:
    response = api.get(f"{TRIAGE}?{urlencode(parameters)}")
    assert response.status_code == 200, response.content
    body: dict[str, Any] = response.json()
    return body


def ids(page: dict[str, Any]) -> list[str]:
    return [item["id"] for item in page["items"]]


def test_pages_hold_still_while_requests_come_in(owner: Api, stranger: Api, sql: Sql) -> None:
    made = [owner.post(TRIAGE, SORE_THROAT).json()["id"] for _ in range(5)]
    # The same moment for three of them: the id decides.
    sql(
        "UPDATE triage_triagerequest SET accepted_at = now() - interval '1 hour'"
        " WHERE id = ANY(%s::uuid[])",
        made[:3],
    )
    stranger.post(TRIAGE, SORE_THROAT)
    first = listed(owner, limit=2)
    assert ids(first) == [made[4], made[3]]
    owner.post(TRIAGE, SORE_THROAT)
    second = listed(owner, limit=2, cursor=first["next"])
    third = listed(owner, limit=2, cursor=second["next"])
    assert ids(second) + ids(third) == [made[2], made[1], made[0]]
    assert third["next"] is None


def test_filters_choose_and_combine(owner: Api, sql: Sql) -> None:
    emergency = owner.post(TRIAGE, CARDIAC_ARREST).json()["id"]
    waiting = owner.post(TRIAGE, SORE_THROAT).json()["id"]
    gone = owner.post(TRIAGE, SORE_THROAT).json()["id"]
    owner.post(f"{TRIAGE}{gone}/cancel/", {})
    assert ids(listed(owner, status="open")) == [waiting]
    assert ids(listed(owner, status="cancelled")) == [gone]
    assert ids(listed(owner, level="emergency", status="answered")) == [emergency]
    assert ids(listed(owner, level="routine")) == []
    at = listed(owner, status="open")["items"][0]["accepted_at"]
    assert ids(listed(owner, accepted_after=at)) == [gone]
    assert ids(listed(owner, accepted_before=at)) == [emergency]
    # Past its deadline an open request is answered before it is listed.
    sql("UPDATE triage_triagerequest SET deadline_at = now() WHERE id = %s", waiting)
    assert ids(listed(owner, status="open")) == []
    assert waiting in ids(listed(owner, status="answered"))


REFUSED = {
    "staus=open": "status",
    "status=done": "open, answered, cancelled",
    "level=3": "routine, soon",
    "needs_review=1": "true or false",
    "limit=0": "1 to 200",
    "limit=1e2": "1 to 200",
    "cursor=abc": "page before",
    "cursor=MjAyNi0wMS0wMXx4": "page before",
    "accepted_after=2026-01-31T12:00:00": "with its zone",
    "batch=1": "id of a batch",
    "status=open&status=answered": "expected once",
}


@pytest.mark.parametrize("query", REFUSED)
def test_what_is_not_understood_is_refused_by_name(owner: Api, query: str) -> None:
    refused = owner.get(f"{TRIAGE}?{query}")
    assert refused.status_code == 400
    assert REFUSED[query] in str(refused.json())


def test_a_batch_shows_its_progress(owner: Api, stranger: Api) -> None:
    body = {"requests": [SORE_THROAT, CARDIAC_ARREST, SORE_THROAT, {"bad": 1}]}
    batch = owner.post(f"{TRIAGE}batch/", body).json()
    place = f"{TRIAGE}batch/{batch['batch']}/"
    shown = owner.get(f"{place}?limit=2").json()
    assert (shown["total"], shown["open"], shown["answered"]) == (3, 2, 1)
    assert shown["done"] is False
    assert len(shown["items"]) == 2
    rest = owner.get(f"{place}?limit=2&cursor={shown['next']}").json()
    accepted = {item["request"]["id"] for item in batch["items"] if item["request"]}
    assert {*ids(shown), *ids(rest)} == accepted
    for row in accepted:
        owner.post(f"{TRIAGE}{row}/cancel/", {})
    assert owner.get(place).json()["done"] is True
    assert stranger.get(place).status_code == 404
    assert owner.get(f"{TRIAGE}batch/none/").status_code == 404
    assert owner.get(f"{place}?batch=1").status_code == 400
