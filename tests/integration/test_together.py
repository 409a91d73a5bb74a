"""Plain calls that arrive together, on the real database: one statement, each its own answer."""

import asyncio
import json
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from backend import asgi
from backend.bridge import Response
from backend.clients.throttling import guard
from backend.express import _Arrived, _plain
from backend.lane import THREADS
from backend.triage import lifecycle, parameters
from backend.triage.values import Submission
from backend.triage.waiting import Slot
from ml.case import parse_case
from tests.eventually import eventually
from tests.integration.conftest import SORE_THROAT, Api, how_many_wait
from tests.integration.test_express import TRIAGE, call, through_django

Sql = Callable[..., list[Any]]
Answered = Future[Response | None]
TOGETHER = 5
TOO_LONG = "k" * 5_000
express = asgi.application._express


@pytest.fixture
def loop() -> Any:
    one = asyncio.new_event_loop()
    thread = threading.Thread(target=one.run_forever)
    thread.start()
    yield one
    express.close()
    one.call_soon_threadsafe(one.stop)
    thread.join()
    one.close()
    connection.close()


def post(loop: Any, key: str, number: int = 0, idempotency_key: str = "") -> Answered:
    body = json.dumps(SORE_THROAT | {"patient_id": f"p-{number}"}).encode()
    sent = call(key, "POST", TRIAGE, body, idempotency_key=idempotency_key)
    return asyncio.run_coroutine_threadsafe(express.answer(*sent, Slot()), loop)


def behind_a_lock(loop: Any, keys: list[str], *idempotency_keys: str) -> list[Answered]:
    """POSTs that all arrive while the first of them, one in each thread, wait for a lock on the
    table; these answers, and then those of the others."""
    lane = express._lanes["POST"]
    for key in {*keys}:  # known from now on
        through_django(*call(key, "GET", f"{TRIAGE}{UUID(int=0)}/"))
    answers = []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE triage_triagerequest IN SHARE MODE")
        for number in range(THREADS):
            answers.append(post(loop, keys[0], number))
            eventually(lambda n=number: how_many_wait() == n + 1, 5)
        for number, (key, again) in enumerate(zip(keys, idempotency_keys, strict=True), 100):
            answers.append(post(loop, key, number, again))
            eventually(lambda n=number: lane._arrived.qsize() == n - 99, 5)
    return answers


def told_to_all(answers: list[Answered]) -> list[tuple[int, dict[str, Any]]]:
    """What each is told. The threads' commits end in any order: what a test counts afterwards must
    not miss the first callers' rows, either."""
    return [told_now(answer.result(10)) for answer in answers]


def test_posts_that_arrive_together_are_one_commit(loop: Any, owner_key: str, sql: Sql) -> None:
    answers = behind_a_lock(loop, [owner_key] * TOGETHER, *[""] * TOGETHER)
    ids = {body["id"] for _, body in told_to_all(answers)}
    assert {str(row[0]) for row in sql("SELECT id FROM triage_triagerequest")} == ids
    assert len(ids) == THREADS + TOGETHER
    commits = sql("SELECT count(*) FROM triage_triagerequest GROUP BY xmin ORDER BY 1")
    assert commits == [(1,)] * THREADS + [(TOGETHER,)]


def test_the_same_key_at_the_same_moment_is_one_request(
    loop: Any, owner_key: str, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle.encryption, "fingerprint", lambda body: "f" * 64)
    answers = behind_a_lock(loop, [owner_key] * 3, "k", "k", "other")
    first, second, other = told_to_all(answers)[THREADS:]
    assert first[1]["id"] == second[1]["id"] != other[1]["id"]
    assert [first[0], second[0], other[0]] == [202] * 3
    assert sql("SELECT count(*) FROM triage_triagerequest") == [(THREADS + 2,)]


def test_a_key_that_returns_with_another_body_is_refused_alone(
    loop: Any, owner_key: str, sql: Sql
) -> None:
    answers = behind_a_lock(loop, [owner_key] * 3, "k", "k", "")
    *same, other = [status for status, _ in told_to_all(answers)[THREADS:]]
    # They arrived together: either may be the first with this key.
    assert (sorted(same), other) == ([202, 422], 202)
    assert sql("SELECT count(*) FROM triage_triagerequest") == [(THREADS + 2,)]


def test_a_row_that_the_database_refuses_costs_the_others_nothing(
    loop: Any, owner_key: str, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parameters, "idempotency_key", lambda given: given or None)
    answers = behind_a_lock(loop, [owner_key] * 3, "", TOO_LONG, "")
    first, bad, last = told_to_all(answers)[THREADS:]
    assert [first[0], bad[0], last[0]] == [202, 503, 202]
    assert "kkk" not in json.dumps(bad)
    assert sql("SELECT count(*) FROM triage_triagerequest") == [(THREADS + 2,)]


def test_a_call_that_is_refused_costs_the_others_nothing(
    loop: Any, owner_key: str, sql: Sql
) -> None:
    answers = behind_a_lock(loop, [owner_key] * 3, "", "a b", "")
    assert [status for status, _ in told_to_all(answers)[THREADS:]] == [202, 400, 202]
    assert sql("SELECT count(*) FROM triage_triagerequest") == [(THREADS + 2,)]


def test_clients_that_arrive_together_keep_apart(
    loop: Any, owner_key: str, stranger: Api, sql: Sql
) -> None:
    foreign = stranger.key
    answers = behind_a_lock(loop, [owner_key, foreign, owner_key], "k", "k", "")
    rows = {body["id"] for _, body in told_to_all(answers)[THREADS:]}
    assert len(rows) == 3, "a key is one client's own"
    owners = sql("SELECT count(*) FROM triage_triagerequest GROUP BY client_id ORDER BY 1")
    assert owners == [(1,), (THREADS + 2,)]


def test_gets_that_arrive_together_are_one_statement(
    owner: Api, owner_key: str, stranger: Api
) -> None:
    mine = [owner.post(TRIAGE, SORE_THROAT).json()["id"] for _ in range(3)]
    foreign = stranger.post(TRIAGE, SORE_THROAT).json()["id"]
    group = [_get(owner_key, row) for row in (*mine, mine[0])]
    group.append(_get(stranger.key, foreign))
    with CaptureQueriesContext(connection) as queries:
        answers = [told_now(one) for one in express._read(group)]
    assert [status for status, _ in answers] == [200] * 5
    assert [body["id"] for _, body in answers] == [*mine, mine[0], foreign]
    assert len(queries) == 1


def test_what_one_get_may_not_see_the_others_do_not_miss(
    owner: Api, owner_key: str, stranger: Api, sql: Sql
) -> None:
    mine, late = (owner.post(TRIAGE, SORE_THROAT).json()["id"] for _ in range(2))
    foreign = stranger.post(TRIAGE, SORE_THROAT).json()["id"]
    sql("UPDATE triage_triagerequest SET deadline_at = now() WHERE id = %s", late)
    group = [_get(owner_key, row) for row in (foreign, mine, late)] + [_get(stranger.key, mine)]
    answers = [told_now(one) for one in express._read(group)]
    assert [status for status, _ in answers] == [404, 200, 200, 404]
    assert [body.get("done") for _, body in answers] == [None, False, True, None]


def test_a_database_that_is_away_is_asked_once_for_a_group(
    owner_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Standing still, it would cost every caller the time of all before."""
    group = [_get(owner_key, str(UUID(int=number))) for number in range(5)]
    tries = []

    def away(key: bytes) -> Any:
        tries.append(1)
        raise OperationalError("away")

    monkeypatch.setattr(guard, "lately", away)
    assert [told_now(one)[0] for one in express._read(group)] == [503] * 5
    assert len(tries) == 1


def _get(key: str, row: str) -> _Arrived:
    path = f"{TRIAGE}{row}/"
    through_django(*call(key, "GET", path))  # now the key is known
    plain = _plain(*call(key, "GET", path))
    assert plain is not None
    return _Arrived(plain, Slot())


def told_now(response: Response | Exception | None) -> tuple[int, dict[str, Any]]:
    assert isinstance(response, Response)
    return response.status, json.loads(response.body)


def test_inside_a_transaction_a_request_is_part_of_it(owner_id: int, sql: Sql) -> None:
    """What its caller undoes is undone: it must not be committed by another thread."""
    case = parse_case(SORE_THROAT)
    with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012
        lifecycle.submit(owner_id, [Submission(case)])
        1 / 0  # noqa: B018
    assert sql("SELECT count(*) FROM triage_triagerequest") == [(0,)]
