"""Waiting without a thread: the front and the room, in this process, on the real database."""

import asyncio
import os
import resource
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db import connection, connections
from prometheus_client import REGISTRY

from backend.asgi import application
from backend.triage import lifecycle, waiting
from backend.triage.queries import Progress
from backend.triage.values import Submission
from backend.triage.waiting import News, Reply, WaitingRoom, Wish
from ml.case import parse_case
from tests.eventually import eventually
from tests.integration.conftest import CARDIAC_ARREST, SORE_THROAT, Api

Sql = Callable[..., list[Any]]
TRIAGE = "/api/v1/triage/"
WAITERS = 60


@pytest.fixture(autouse=True)
def closed_connections(database: None) -> Iterator[None]:
    """The front's threads keep their connections; the test database is emptied by TRUNCATE."""
    yield
    together = threading.Barrier(settings.WEB_THREADS)

    def close() -> None:
        together.wait(5)
        connections.close_all()

    for done in [application._threads.submit(close) for _ in range(settings.WEB_THREADS)]:
        done.result(10)


def talk(key: str, what: Callable[[httpx.AsyncClient], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        transport = httpx.ASGITransport(application)
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=headers, timeout=30
        ) as client:
            return await what(client)

    return asyncio.run(run())


def later(seconds: float, action: Callable[[], Any]) -> threading.Thread:
    def run() -> None:
        time.sleep(seconds)
        action()
        connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_room_that_closes_settles_everybody_however_many(owner_id: int) -> None:
    """More than one statement answers: a caller who must not get the first response never does."""
    case = parse_case(SORE_THROAT)
    accepted = lifecycle.submit(owner_id, [Submission(case) for _ in range(600)])
    own, told = WaitingRoom(), []
    for one in accepted:
        wish = Wish(owner_id, one.id, Progress.OPEN, 30, _status, settle=True)
        assert own.enter(wish, told.append)
    own.close()
    eventually(lambda: len(told) == len(accepted), 20, what="everybody is told")
    assert {reply and reply.body for reply in told} == {b"answered"}


def test_a_process_with_thousands_of_connections_hears_what_changes(
    owner_id: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(waiting, "RECHECK_SECONDS", 60)
    (accepted,) = lifecycle.submit(owner_id, [Submission(parse_case(SORE_THROAT))])
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4_096, limits[1]), limits[1]))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1_100)]
    own, told = WaitingRoom(), []
    try:
        wish = Wish(owner_id, accepted.id, Progress.OPEN, 30, _status)
        assert own.enter(wish, told.append)
        time.sleep(0.5)  # it listens
        lifecycle.answer_now([accepted.id])
        eventually(lambda: told, 5, what="it is told")
        assert told[0].body == b"answered"
    finally:
        own.close()
        for one in held:
            os.close(one)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    # It was told, and did not find out by beginning anew again and again.
    assert "waiting.failed" not in capsys.readouterr().err


def _status(news: News) -> Reply:
    return Reply(200, {}, news.resource.status.encode())


def test_a_waiting_read_is_woken_by_the_commit(
    owner: Api, owner_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "RECHECK_SECONDS", 60)
    posted = owner.post(TRIAGE, SORE_THROAT)
    request_id = posted.json()["id"]
    committed: list[float] = []

    def answer() -> None:
        lifecycle.answer_now([request_id])
        committed.append(time.monotonic())

    thread = later(0.4, answer)
    found = talk(owner_key, lambda web: web.get(posted["Location"] + "?wait=10"))
    woken = time.monotonic()
    thread.join()
    seconds = woken - committed[0]
    assert found.status_code == 200
    assert found.json()["status"] == "answered"
    assert "Retry-After" not in found.headers
    assert found.json() == owner.get(posted["Location"]).json()
    assert found.headers["ETag"] == owner.get(posted["Location"])["ETag"]
    assert int(found.headers["Content-Length"]) == len(found.content)
    assert seconds < 5, "told, not found by looking again"


def test_a_post_that_prefers_to_wait_gets_200_or_in_time_202(owner_key: str, sql: Sql) -> None:
    find = "SELECT id FROM triage_triagerequest WHERE answer = 'open'"
    thread = later(0.5, lambda: lifecycle.answer_now([row[0] for row in sql(find)]))
    waits = {"Prefer": "respond-async, wait=10"}
    found = talk(owner_key, lambda web: web.post(TRIAGE, json=SORE_THROAT, headers=waits))
    thread.join()
    assert found.status_code == 200
    assert found.headers["Location"] == f"{TRIAGE}{found.json()['id']}/"
    assert found.headers["Preference-Applied"] == "respond-async, wait=10"
    started = time.monotonic()
    waits = {"Prefer": "wait=1"}
    late = talk(owner_key, lambda web: web.post(TRIAGE, json=SORE_THROAT, headers=waits))
    assert 0.9 < time.monotonic() - started < 3
    assert late.status_code == 202
    assert late.json()["provisional"]["prediction"] in {"routine", "soon"}
    assert late.headers["Retry-After"] == "1"


@pytest.mark.parametrize("ended", ["told", "nothing_new", "no_place"])
def test_how_long_a_caller_waited_is_counted_beside_its_call(
    ended: str, owner: Api, owner_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = owner.post(TRIAGE, SORE_THROAT)["Location"]
    thread = None
    if ended == "told":
        find = place.rstrip("/").split("/")[-1]

        def answer_who_waits() -> None:
            eventually(lambda: len(waiting.room), what="the caller waits")
            time.sleep(0.3)
            lifecycle.answer_now([find])

        thread = later(0, answer_who_waits)
    if ended == "no_place":
        monkeypatch.setattr(settings, "MAX_WAITERS", 0)
    waits, calls = _seconds("triage_wait_seconds", ended=ended), _seconds(_CALLS, route=_ROUTE)
    talk(owner_key, lambda web: web.get(place + ("?wait=10" if thread else "?wait=1")))
    if thread:
        thread.join()
    waited = _seconds("triage_wait_seconds", ended=ended) - waits
    assert waited > 0 if ended == "no_place" else 0.2 < waited < 3
    assert _seconds(_CALLS, route=_ROUTE) - calls > 0
    if ended == "nothing_new":
        assert waited > 0.9
        assert _seconds(_CALLS, route=_ROUTE) - calls < 0.9


_CALLS, _ROUTE = "triage_http_request_seconds", "api/v1/triage/<str:request_id>/"


def _seconds(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"{name}_sum", labels) or 0.0


def test_with_the_etag_at_hand_a_read_waits_for_the_next_one(
    owner: Api, owner_key: str, sql: Sql
) -> None:
    posted = owner.post(TRIAGE, SORE_THROAT)
    known = {"If-None-Match": posted["ETag"]}
    place = posted["Location"] + "?wait=1"
    same = talk(owner_key, lambda web: web.get(place, headers=known))
    assert same.status_code == 304
    assert same.content == b""
    cancelled = later(0.3, lambda: owner.post(f"{posted['Location']}cancel/", {}))
    other = talk(owner_key, lambda web: web.get(posted["Location"] + "?wait=10", headers=known))
    cancelled.join()
    assert other.status_code == 200
    assert other.headers["Content-Type"] == "application/json"
    assert other.json()["status"] == "cancelled"


def test_who_waits_past_the_deadline_is_answered_in_that_moment(
    owner: Api, owner_key: str, sql: Sql
) -> None:
    """No worker, no keeper: the room itself has the row answered."""
    posted = owner.post(TRIAGE, SORE_THROAT)
    sql("UPDATE triage_triagerequest SET deadline_at = now() + interval '1.3 seconds'")
    started = time.monotonic()
    found = talk(owner_key, lambda web: web.get(posted["Location"] + "?wait=10"))
    assert 1.2 < time.monotonic() - started < 2.2
    assert found.json()["answer"]["method"] == "rules"


def test_the_one_call_path_waits_and_then_the_rules_answer(owner_key: str, sql: Sql) -> None:
    started = time.monotonic()
    found = talk(owner_key, lambda web: web.post("/api/ml/predict/", json=SORE_THROAT))
    assert 1.9 < time.monotonic() - started < 4
    assert found.status_code == 200
    assert found.json()["answered_at"] is not None
    assert sql("SELECT answer FROM triage_triagerequest") == [("answered",)]


def test_many_wait_and_hold_no_thread_each(owner: Api, owner_key: str) -> None:
    place = owner.post(TRIAGE, SORE_THROAT)["Location"]
    threads: list[int] = []

    async def many(web: httpx.AsyncClient) -> list[Any]:
        calls = [asyncio.ensure_future(web.get(place + "?wait=10")) for _ in range(WAITERS)]
        while len(waiting.room) < WAITERS and not any(one.done() for one in calls):
            await asyncio.sleep(0.05)
        threads.append(threading.active_count())
        cancel = later(0, lambda: owner.post(f"{place}cancel/", {}))
        answers = await asyncio.gather(*calls)
        cancel.join()
        return answers

    answers = talk(owner_key, many)
    assert {one.json()["status"] for one in answers} == {"cancelled"}
    assert threads[0] < WAITERS / 2
    assert len(waiting.room) == 0


def test_a_full_room_answers_at_once(
    owner: Api, owner_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "MAX_WAITERS", 0)
    place = owner.post(TRIAGE, SORE_THROAT)["Location"]
    started = time.monotonic()
    assert talk(owner_key, lambda web: web.get(place + "?wait=9")).json()["status"] == "open"
    classic = talk(owner_key, lambda web: web.post("/api/ml/predict/", json=SORE_THROAT))
    assert time.monotonic() - started < 2
    assert classic.json()["prediction"] in {"routine", "soon"}


def test_a_closing_room_tells_everybody_what_is_known(
    owner: Api, owner_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = WaitingRoom()
    monkeypatch.setattr("backend.front.room", own)
    place = owner.post(TRIAGE, SORE_THROAT)["Location"]
    thread = later(0.6, own.close)
    started = time.monotonic()

    async def both(web: httpx.AsyncClient) -> list[Any]:
        return await asyncio.gather(
            web.get(place + "?wait=9"), web.post("/api/ml/predict/", json=SORE_THROAT)
        )

    read, classic = talk(owner_key, both)
    thread.join()
    assert time.monotonic() - started < 1.9
    assert read.json()["status"] == "open"
    assert classic.json()["answered_at"] is not None, "who leaves with an answer is answered"


def test_the_room_survives_its_connection(owner: Api, owner_key: str, sql: Sql) -> None:
    place = owner.post(TRIAGE, SORE_THROAT)["Location"]

    def cut() -> None:
        sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query NOT LIKE '%%terminate%%' AND datname = current_database()"
        )

    thread, cancel = later(0.5, cut), later(2, lambda: owner.post(f"{place}cancel/", {}))
    found = talk(owner_key, lambda web: web.get(place + "?wait=10"))
    thread.join()
    cancel.join()
    connection.close()  # cut, too
    assert found.json()["status"] == "cancelled"


def test_a_body_in_chunks_and_one_too_long_are_told_apart(owner_key: str) -> None:
    async def chunks() -> Any:
        yield b'{"patient_id": "p", "symptoms_data": '
        yield b'{"chief_complaint": "cough"}}'

    async def endless() -> Any:
        for _ in range(80):
            yield b" " * 65_536

    media = {"Content-Type": "application/json"}
    sent = talk(owner_key, lambda web: web.post(TRIAGE, content=chunks(), headers=media))
    assert sent.status_code == 202
    refused = talk(owner_key, lambda web: web.post(TRIAGE, content=endless(), headers=media))
    assert refused.status_code == 413


def test_a_header_with_an_underscore_passes_for_no_other(owner_key: str) -> None:
    forged = {"Idempotency_Key": "x" * 300}
    sent = talk(owner_key, lambda web: web.post(TRIAGE, json=CARDIAC_ARREST, headers=forged))
    assert sent.status_code == 202
