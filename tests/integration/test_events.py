"""Events: written with the change, streamed in order, replayed after the last one seen."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from backend.asgi import application
from backend.triage import events, lifecycle
from tests.integration.conftest import CARDIAC_ARREST, SORE_THROAT, Api
from tests.integration.test_waiting import closed_connections, later, talk

__all__ = ["closed_connections"]

Sql = Callable[..., list[Any]]
TRIAGE = "/api/v1/triage/"
STREAM = {"Accept": "text/event-stream"}


def read(text: str) -> list[dict[str, Any]]:
    """The data of each event, checked against its id and name."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "data" in fields:
            data = json.loads(fields["data"])
            assert (str(data["id"]), data["type"]) == (fields["id"], fields["event"])
            found.append(data)
    return found


def test_a_stream_tells_each_step_and_ends(owner: Api, owner_key: str) -> None:
    place = owner.post(TRIAGE, SORE_THROAT)["Location"]
    cancel = later(0.5, lambda: owner.post(f"{place}cancel/", {}))
    found = talk(owner_key, lambda web: web.get(f"{place}events/", headers=STREAM))
    cancel.join()
    assert found.status_code == 200
    assert found.headers["Content-Type"].startswith("text/event-stream")
    assert "Content-Length" not in found.headers
    assert [one["type"] for one in read(found.text)] == ["accepted", "cancelled"]
    assert found.text.startswith("retry: ")


def test_a_stream_goes_on_after_the_last_event_seen(owner: Api, owner_key: str) -> None:
    place = f"{owner.post(TRIAGE, CARDIAC_ARREST)['Location']}events/"

    def follow(**headers: str) -> Any:
        return talk(owner_key, lambda web: web.get(place, headers=STREAM | headers))

    assert [one["type"] for one in read(follow().text)] == ["accepted", "answered"]
    rest = read(follow(**{"Last-Event-ID": "1"}).text)
    assert [(one["id"], one["level"]) for one in rest] == [(2, "emergency")]
    # Nothing more can happen: a browser is told to stop asking.
    assert follow(**{"Last-Event-ID": "2"}).status_code == 204
    assert follow(**{"Last-Event-ID": "two"}).status_code == 400


def test_an_answer_that_may_be_amended_is_followed_to_the_amendment(
    owner: Api, owner_key: str, sql: Sql
) -> None:
    """Answered by its deadline while the work is due; then the worker's opinion raises it."""
    posted = owner.post(TRIAGE, SORE_THROAT)
    sql("UPDATE triage_triagerequest SET arm = 'ml'")
    request_id = posted.json()["id"]
    lifecycle.answer_now([request_id])

    def amend() -> None:
        # What FINISH does for a late, more urgent opinion is tested with the lifecycle.
        sql(
            "WITH a AS (INSERT INTO triage_triageanswer (request_id, sequence, level, care_level,"
            " confidence, method, ab_group, decided_by, fallback, needs_review, reason,"
            " model_version, model_digest, rules_version, explanation, trace)"
            " SELECT request_id, 2, 2, care_level, 0.9, 'ml', 'ml', 'model', FALSE, TRUE, reason,"
            " 'v', 'd', rules_version, explanation, trace FROM triage_triageanswer RETURNING *)"
            " INSERT INTO triage_event (request_id, sequence, kind, level)"
            " SELECT request_id, 3, 'amended', level FROM a"
        )

    thread = later(0.5, amend)
    found = talk(owner_key, lambda web: web.get(f"{posted['Location']}events/", headers=STREAM))
    thread.join()
    steps = [(one["id"], one["type"]) for one in read(found.text)]
    assert steps == [(1, "accepted"), (2, "answered"), (3, "amended")]


def test_a_stream_ends_when_the_work_ends_without_a_change(
    owner: Api, owner_key: str, sql: Sql
) -> None:
    posted = owner.post(TRIAGE, SORE_THROAT)
    lifecycle.answer_now([posted.json()["id"]])
    done = "UPDATE triage_triagerequest SET work = 'done', arm = 'ml'"
    thread = later(0.4, lambda: sql(done))
    found = talk(owner_key, lambda web: web.get(f"{posted['Location']}events/", headers=STREAM))
    thread.join()
    assert [one["id"] for one in read(found.text)] == [1, 2]


def test_a_stranger_has_no_stream(owner: Api, stranger: Api) -> None:
    place = f"{owner.post(TRIAGE, SORE_THROAT)['Location']}events/"
    foreign = stranger.get(place, **STREAM)
    assert foreign.status_code == 404
    assert foreign["Content-Type"] == "application/problem+json"
    assert foreign.json()["type"].endswith(":not_found")


def test_a_quiet_stream_shows_that_it_lives_and_leaves_with_its_caller(
    owner: Api, owner_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.front._HEARTBEAT_SECONDS", 0.3)
    place = f"{owner.post(TRIAGE, SORE_THROAT)['Location']}events/"
    sent: list[Any] = []

    async def follow() -> None:
        gone = asyncio.Event()
        scope = httpx.Request("GET", f"http://localhost{place}")
        headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {owner_key}".encode())]
        asked = {"type": "http", "method": "GET", "path": scope.url.path, "headers": headers}
        asked |= {"query_string": b"", "http_version": "1.1", "server": ("localhost", 80)}
        messages = iter([{"type": "http.request", "body": b""}])

        async def receive() -> Any:
            if (message := next(messages, None)) is not None:
                return message
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)
            if message.get("body") == b":\n\n":
                gone.set()

        await asyncio.wait_for(application(asked, receive, send), 20)

    asyncio.run(follow())
    assert sent[0]["type"] == "http.response.start"
    assert sent[-1]["more_body"] is True, "nobody is left to whom an end could be sent"


def test_every_change_writes_its_event_with_it(owner: Api, sql: Sql) -> None:
    batch = {"requests": [SORE_THROAT] * 3 + [CARDIAC_ARREST]}
    items = owner.post(f"{TRIAGE}batch/", batch).json()["items"]
    ids = [item["request"]["id"] for item in items]
    owner.post(f"{TRIAGE}{ids[0]}/cancel/", {})
    sql("UPDATE triage_triagerequest SET deadline_at = now() WHERE id = %s", ids[1])
    lifecycle.enforce_deadlines()
    written = events.of(items[n]["request"]["id"] for n in range(4))
    kinds = {str(row): [one.kind for one in steps] for row, steps in written.items()}
    assert [kinds[one] for one in ids] == [
        ["accepted", "cancelled"],
        ["accepted", "answered"],
        ["accepted"],
        ["accepted", "answered"],
    ]
