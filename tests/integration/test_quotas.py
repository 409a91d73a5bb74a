"""Quotas: requests a UTC day and requests in flight, held across processes, counted by rows."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backend import checks
from backend.clients.keys import Caller
from backend.triage import classic_views, lifecycle, quotas, views
from backend.triage.quotas import Quota, QuotaExceeded, Quotas
from backend.triage.values import Submission
from ml.case import parse_case
from tests.integration.conftest import CARDIAC_ARREST, SORE_THROAT, Api
from tests.integration.processes import Processes

Sql = Callable[..., list[Any]]
PATH = "/api/v1/triage/"
CASE = parse_case(SORE_THROAT)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has counted nothing yet."""
    alone = Quotas(1)
    monkeypatch.setattr(views, "quotas", alone)
    monkeypatch.setattr(classic_views, "quotas", alone)


@pytest.fixture
def allow(owner_id: int, sql: Sql) -> Callable[..., None]:
    """Give the owner quotas."""

    def given(per_day: int | None = None, in_flight: int | None = None) -> None:
        sql(
            "UPDATE clients_client SET requests_per_day = %s, open_requests = %s WHERE id = %s",
            per_day,
            in_flight,
            owner_id,
        )

    return given


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves this process's clock forward; PostgreSQL's stays."""
    ahead = 0.0

    def forward(seconds: float) -> None:
        nonlocal ahead
        ahead += seconds

    moved = SimpleNamespace(monotonic=lambda: time.monotonic() + ahead)
    monkeypatch.setattr(quotas, "time", moved)
    return forward


def submit(process: Quotas, caller: Caller, number: int = 1) -> bool:
    """One submission of `number` requests through one process; whether it was accepted."""
    submissions = [Submission(CASE)] * number
    try:
        with process.held(caller, submissions):
            lifecycle.submit(caller.client_id, submissions)
    except QuotaExceeded:
        return False
    return True


def rows(sql: Sql) -> int:
    return int(sql("SELECT count(*) FROM triage_triagerequest")[0][0])


def test_a_used_up_day_is_refused_by_name_until_midnight(
    owner: Api, stranger: Api, allow: Callable[..., None], sql: Sql
) -> None:
    allow(per_day=3)
    assert owner.post(PATH, SORE_THROAT).status_code == 202
    batch = {"requests": [SORE_THROAT, CARDIAC_ARREST]}
    whole = owner.post(f"{PATH}batch/", {"requests": [SORE_THROAT] * 3})
    assert whole.status_code == 429, "a batch is accepted whole or not at all"
    assert whole.json()["detail"] == "requests_per_day: at most 3 a UTC day; 2 are left."
    assert owner.post(f"{PATH}batch/", batch).status_code == 202
    for path in (PATH, "/api/ml/predict/"):
        refused = owner.post(path, SORE_THROAT)
        assert refused.status_code == 429
        assert refused["Content-Type"] == "application/problem+json"
        assert refused.json()["type"].endswith(":quota_exceeded")
        assert refused.json()["detail"] == "requests_per_day: at most 3 a UTC day; 0 are left."
        seconds = sql("SELECT extract(epoch FROM date_trunc('day', now(), 'UTC') + '1d' - now())")
        assert int(refused["Retry-After"]) == pytest.approx(float(seconds[0][0]), abs=3)
    assert rows(sql) == 3
    assert owner.get(PATH).status_code == 200, "reading is not counted"
    assert stranger.post(PATH, SORE_THROAT).status_code == 202
    # Yesterday's do not count, and what is deleted today is not given back by this process.
    sql("DELETE FROM triage_event")
    sql("UPDATE triage_triagerequest SET accepted_at = accepted_at - interval '1 day'")
    assert owner.post(PATH, SORE_THROAT).status_code == 202


def test_requests_in_flight_are_bounded_and_room_is_seen_at_once(
    owner: Api, allow: Callable[..., None], sql: Sql
) -> None:
    allow(in_flight=2)
    first = owner.post(PATH, SORE_THROAT).json()
    # A red flag is answered already: it takes no room.
    assert owner.post(PATH, CARDIAC_ARREST).status_code == 202
    assert owner.post(PATH, SORE_THROAT).status_code == 202
    refused = owner.post(PATH, SORE_THROAT)
    assert refused.status_code == 429
    expected = "open_requests: at most 2 that are not answered yet; there is room for 0."
    assert refused.json()["detail"] == expected
    assert 1 <= int(refused["Retry-After"]) <= 20
    assert owner.post(f"{PATH}{first['id']}/cancel/", {}).status_code == 200
    assert owner.post(PATH, SORE_THROAT).status_code == 202
    # From its deadline on a request has its answer, whether or not somebody has written it down.
    sql("UPDATE triage_triagerequest SET deadline_at = now() WHERE answer = 'open'")
    assert owner.post(PATH, SORE_THROAT).status_code == 202


def test_a_repeat_of_what_is_stored_passes(owner: Api, allow: Callable[..., None]) -> None:
    """The answer to the last request that fitted was lost: the client must be able to learn it."""
    allow(per_day=2, in_flight=1)
    first = owner.post(PATH, SORE_THROAT, **{"Idempotency-Key": "k1"})
    again = owner.post(PATH, SORE_THROAT, **{"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert owner.post(PATH, SORE_THROAT, **{"Idempotency-Key": "k2"}).status_code == 429


def test_the_services_quota_holds_where_a_client_has_none_of_its_own(
    owner: Api, stranger: Api, allow: Callable[..., None], settings: Any
) -> None:
    settings.CLIENT_REQUESTS_PER_DAY = 1
    allow(per_day=0)
    assert [owner.post(PATH, SORE_THROAT).status_code for _ in range(3)] == [202] * 3
    assert [stranger.post(PATH, SORE_THROAT).status_code for _ in range(2)] == [202, 429]


def test_several_processes_overshoot_by_less_than_the_room_they_saw(
    owner_id: int, sql: Sql, clock: Callable[[float], None]
) -> None:
    """The worst case: one process counts, then the other takes all, then the first goes on."""
    caller = Caller(owner_id, 1, frozenset(), requests_per_day=40)
    one, other = Quotas(2), Quotas(2)
    assert submit(one, caller)
    for _ in range(50):
        submit(other, caller)
    assert rows(sql) == 40
    for _ in range(50):
        submit(one, caller)
    most = 40 + 40 // 2
    assert 40 < rows(sql) < most
    clock(0.6)
    before = rows(sql)
    assert not submit(one, caller)
    assert not submit(other, caller)
    assert rows(sql) == before
    # Side by side there is none at all.
    sql("TRUNCATE triage_triagerequest CASCADE")
    four = [Quotas(4) for _ in range(4)]
    for _ in range(30):
        for process in four:
            submit(process, caller)
    assert rows(sql) == 40


def test_a_client_far_from_its_quotas_costs_two_queries_a_second(
    owner_id: int, sql: Sql, clock: Callable[[float], None]
) -> None:
    caller = Caller(owner_id, 1, frozenset(), requests_per_day=10_000, open_requests=1_000)
    process = Quotas(2)

    def queries(number: int) -> int:
        with CaptureQueriesContext(connection) as caught:
            for _ in range(number):
                with process.held(caller, [Submission(CASE)]):
                    pass
        return len(caught)

    assert queries(100) == 1
    clock(0.6)
    assert queries(100) == 1
    free = Caller(owner_id, 1, frozenset())
    with CaptureQueriesContext(connection) as caught, process.held(free, [Submission(CASE)]):
        pass
    assert len(caught) == 0


def test_a_long_day_is_counted_once(
    owner_id: int, sql: Sql, clock: Callable[[float], None]
) -> None:
    """What settled is remembered: a count reads only what is new, and a day's end forgets it."""
    caller = Caller(owner_id, 1, frozenset(), requests_per_day=20)
    assert submit(Quotas(1), caller, 5)
    today = "date_trunc('day', now(), 'UTC')"
    sql(f"UPDATE triage_triagerequest SET accepted_at = {today}")
    settled = 5 if sql(f"SELECT {today} < now() - interval '30 s'")[0][0] else 0
    process = Quotas(1)
    for left in (14, 13, 12):
        assert submit(process, caller)
        usage = process._usage[owner_id]
        assert usage.settled.count == settled, "not counted twice"
        assert usage.room(Quota(20, 0)) == left
        clock(0.6)
    # Another day: what was known of this one is nothing.
    usage.settled.day = usage.settled.day - timedelta(days=1)
    sql(f"UPDATE triage_triagerequest SET accepted_at = {today} - interval '1 s'")
    assert submit(process, caller)
    assert usage.room(Quota(20, 0)) == 19


def test_a_failed_submission_gives_its_room_back(
    owner_id: int, sql: Sql, clock: Callable[[float], None]
) -> None:
    caller = Caller(owner_id, 1, frozenset(), requests_per_day=1)
    process = Quotas(1)
    with pytest.raises(OSError), process.held(caller, [Submission(CASE)]):  # noqa: PT011
        raise OSError
    assert submit(process, caller)
    assert not submit(process, caller)


def test_a_quota_holds_over_real_processes(
    processes: Processes, owner_key: str, allow: Callable[..., None], sql: Sql
) -> None:
    """Two gunicorn processes, a connection for each call so that both are asked."""
    allow(per_day=30)
    web = processes.web(owner_key)
    once = {"Connection": "close"}
    statuses = Counter(
        web.post(PATH, json=SORE_THROAT, headers=once).status_code for _ in range(80)
    )
    assert set(statuses) == {202, 429}
    assert 30 <= statuses[202] <= 45
    assert rows(sql) == statuses[202]


def test_a_dangerous_quota_is_found_by_the_check(settings: Any) -> None:
    assert checks.quotas_let_work_through(None) == []
    settings.CLIENT_REQUESTS_PER_DAY = settings.MAX_BATCH_ITEMS
    settings.CLIENT_OPEN_REQUESTS = settings.MAX_BATCH_ITEMS - 1
    assert [found.id for found in checks.quotas_let_work_through(None)] == ["triage.W001"]
    settings.CLIENT_OPEN_REQUESTS = settings.OPEN_HARD_LIMIT
    assert [found.id for found in checks.quotas_let_work_through(None)] == ["triage.W002"]
