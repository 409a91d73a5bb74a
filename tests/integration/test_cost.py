"""What the service may cost, counted and never timed: statements, messages, bytes, plans."""

import os
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import redis
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backend.celery import app
from backend.triage import lifecycle
from backend.triage.queue import ENOUGH_HINTS, Doorbell
from backend.triage.values import Submission
from ml.case import parse_case
from tests.eventually import eventually
from tests.integration.conftest import SORE_THROAT, Api
from tests.integration.processes import Processes
from workers.consumer import EVENTS_SECONDS

Sql = Callable[..., list[Any]]
Asked = dict[str, tuple[str, Any]]
TRIAGE = "/api/v1/triage/"


def test_a_post_is_two_statements_and_a_poll_two(owner: Api) -> None:
    """The key and the row; nothing is begun, committed or read again beside them."""
    made = owner.post(TRIAGE, SORE_THROAT)
    assert _statements(lambda: owner.post(TRIAGE, SORE_THROAT)) == 2
    assert _statements(lambda: owner.get(made.headers["Location"])) == 2


def test_a_batch_of_a_hundred_is_two_statements(owner: Api) -> None:
    body = {"requests": [SORE_THROAT | {"patient_id": f"p-{n}"} for n in range(100)]}
    assert owner.post(f"{TRIAGE}batch/", body).json()["accepted"] == 100
    assert _statements(lambda: owner.post(f"{TRIAGE}batch/", body)) == 2


def test_what_a_post_shows_is_what_a_read_shows(owner: Api) -> None:
    """The POST answers out of what it stored: it must not drift from the row."""
    for body in (SORE_THROAT, RED_FLAG):
        made = owner.post(TRIAGE, body)
        read = owner.get(made.headers["Location"])
        assert made.json() == read.json()
        assert made.headers["ETag"] == read.headers["ETag"]


def test_a_connection_used_a_moment_ago_is_not_asked_and_a_closed_one_is_found(sql: Sql) -> None:
    [[pid]] = sql("SELECT pg_backend_pid()")
    asked = _waits(connection.is_usable)
    assert asked == 0, "the server is not asked again within a second"
    with connection.copy().cursor() as other:  # type: ignore[no-untyped-call]
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
        other.connection.close()
    eventually(lambda: not connection.is_usable(), 5, what="the closed connection is noticed")
    connection.close()


def test_a_burst_of_rings_is_a_few_messages(database: None) -> None:
    """However many requests: no more hints than the children can use."""
    broker = redis.Redis.from_url(os.environ["REDIS_URL"])
    broker.flushall()
    bell = Doorbell(app)
    ids = [row.id for row in _accepted_quietly(40)]
    for _ in range(50):
        for one in ids:
            bell.ring([one])
    time.sleep(1)
    messages = broker.llen("triage")
    assert 1 <= messages <= 20, "2,000 rings"
    longest = max(len(one) for one in broker.lrange("triage", 0, -1))
    assert longest < 2_000, "ids, and what Celery says around them"
    broker.flushall()


def test_hints_that_were_taken_make_room_at_once() -> None:
    """Many sent in a moment, all of them taken: the next ring is heard at once."""
    broker = redis.Redis.from_url(os.environ["REDIS_URL"])
    broker.flushall()
    bell = Doorbell(app)
    row = uuid4()
    for sent in range(1, 3 * ENOUGH_HINTS):
        bell.ring([row])
        eventually(lambda: broker.llen("triage") == 1, 2, every=0.001, what=f"hint {sent}")
        broker.delete("triage")


def test_a_worker_keeps_its_connection_and_finds_a_new_one(
    processes: Processes, owner: Api, sql: Sql
) -> None:
    """A new one a task costs more than the task."""
    processes.worker(children=1)
    _answered_by_the_model(owner, 2)
    [(before,)] = sql("SELECT clock_timestamp()")
    _answered_by_the_model(owner, 5)
    claiming = "SELECT backend_start < %s FROM pg_stat_activity WHERE query LIKE '%%SKIP LOCKED%%'"
    mine = "datname = current_database() AND pid <> pg_backend_pid()"
    assert sql(f"{claiming} AND {mine}", before) == [(True,)]
    ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    assert sql(f"{ended} WHERE {mine}")[0][0] >= 1
    _answered_by_the_model(owner, 2)


def test_a_hint_goes_to_a_child_before_anything_is_told_or_written(
    processes: Processes, owner: Api
) -> None:
    """One command in and one out; what Flower is told leaves together, after the work."""
    processes.worker(children=1)
    _answered_by_the_model(owner, 2)
    before, started = _broker_commands(), time.monotonic()
    _answered_by_the_model(owner, 20)
    grown, took = _broker_commands() - before, time.monotonic() - started
    assert 1 <= grown["lpush"] <= 20
    assert not grown.keys() & {"zadd", "zrem", "hset", "hdel"}, "what is in flight is not stored"
    assert 1 <= grown["publish"] <= took / EVENTS_SECONDS + 5, "its heartbeats too"


def _broker_commands() -> Counter[str]:
    """How often the broker was asked for what."""
    asked = redis.Redis.from_url(os.environ["REDIS_URL"]).info("commandstats")
    return Counter({name.removeprefix("cmdstat_"): one["calls"] for name, one in asked.items()})


def _answered_by_the_model(owner: Api, count: int) -> None:
    """One request after the other."""
    for _ in range(count):
        path = f"/api/v1/triage/{owner.post('/api/v1/triage/', SORE_THROAT).json()['id']}/"
        eventually(lambda path=path: owner.get(path).json()["done"], every=0.01)
        assert not owner.get(path).json()["answer"]["fallback"]


def test_a_row_stays_small(owner_id: int, sql: Sql) -> None:
    """Bytes that one ordinary request and its rules' answer take in the tables."""
    case = parse_case(SORE_THROAT)
    lifecycle.submit(owner_id, [Submission(case) for _ in range(20)])
    [[request, payload]] = sql(
        "SELECT avg(pg_column_size(r.*)), avg(pg_column_size(p.*))"
        " FROM triage_triagerequest AS r JOIN triage_triagepayload AS p ON p.request_id = r.id"
    )
    assert request < 500
    # Above 2,000 PostgreSQL would compress it, for a fifth of the time that an accept takes.
    assert payload < 1_500


def test_a_claim_adds_no_entry_to_an_index(owner_id: int, sql: Sql) -> None:
    """It changes only what no index knows, and finds room for the row's new version beside the old
    one: a table with eight indexes costs it no more than one with none."""
    case = parse_case(SORE_THROAT)
    lifecycle.submit(owner_id, [Submission(case) for _ in range(100)])
    changed = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = %s"
    counted = "SELECT pg_stat_force_next_flush()"
    sql(counted)
    [before] = sql(changed, "triage_triagerequest")
    assert len(lifecycle.claim(200).rows) == 100
    sql(counted)
    [after] = sql(changed, "triage_triagerequest")
    assert [now - then for now, then in zip(after, before, strict=True)] == [100, 100]


def _accepted_quietly(count: int) -> list[Any]:
    from backend.clients import keys

    client = keys.create_client("owner")
    case = parse_case(SORE_THROAT)
    return lifecycle.submit(client, [Submission(case) for _ in range(count)])


def _statements(work: Callable[[], object]) -> int:
    """The fewest of five times: the backlog and the trial are looked at now and then."""
    counts = []
    for _ in range(5):
        with CaptureQueriesContext(connection) as seen:
            work()
        counts.append(len(seen))
    return min(counts)


def _waits(work: Callable[[], object]) -> int:
    """How often this thread waited for the server while it did this."""
    raw = connection.connection
    wait, seen = raw.wait, []
    raw.wait = lambda *arguments, **options: (seen.append(1), wait(*arguments, **options))[1]
    try:
        work()
    finally:
        raw.wait = wait
    return len(seen)


RED_FLAG = {
    "patient_id": "p-2",
    "symptoms_data": {"chief_complaint": "he is not breathing and has no pulse"},
    "patient_age": 61,
}
