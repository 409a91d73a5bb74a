"""What the service may cost, counted and never timed: statements, messages, bytes, plans."""

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from backend.celery import app
from backend.clients.keys import find_caller
from backend.postgres.base import plan_by_index, planned_cursor, unhurried
from backend.triage import admission, backlog, lifecycle, listing, queries, statements
from backend.triage.queue import ENOUGH_HINTS, IDS_PER_HINT, Doorbell
from backend.triage.values import Finished, Submission
from ml.case import parse_case
from ml.decision import decide
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


def test_what_every_request_and_batch_runs_is_never_planned_again(
    owner_id: int, owner_key: str, sql: Sql
) -> None:
    connection.close()
    for _ in range(8):
        _go_the_whole_way(owner_id)
        find_caller(owner_key)
    plans = sql("SELECT custom_plans, generic_plans FROM pg_prepared_statements")
    assert sorted(plans) == [(0, 8)] * 5, "accept, poll, claim, finish and the key"


def test_plans_that_are_kept_from_an_empty_table_find_their_rows_by_index(
    owner_id: int, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = connections.settings["default"]["OPTIONS"]
    monkeypatch.setitem(options, "options", options["options"])
    sql(f"TRUNCATE {_TABLES} CASCADE")
    sql("ALTER TABLE triage_triagerequest SET (autovacuum_enabled = false)")
    plan_by_index()
    connection.close()
    try:
        _go_the_whole_way(owner_id)
        _fill_finished(owner_id, sql, 10_000)
        assert not {name: tables for name, tables in _kept_plans(sql).items() if tables}
    finally:
        connection.close()
        monkeypatch.undo()
        sql("ALTER TABLE triage_triagerequest RESET (autovacuum_enabled)")


def test_a_repeated_key_is_looked_up_by_itself_also_by_a_plan_that_is_kept(
    owner_id: int, sql: Sql
) -> None:
    """In a young table the planner takes a client for one of two hundred: what it then reads of
    each is all that the only client has."""
    sql(f"TRUNCATE {_TABLES} CASCADE")
    case = parse_case(SORE_THROAT)
    lifecycle.submit(owner_id, [Submission(case, f"key-{number}") for number in range(300)])
    with planned_cursor() as cursor:
        parameters = {"client": owner_id, "keys": ["key-7"]}
        cursor.execute(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {statements.SAME_KEY}", parameters)
        nodes = _nodes(cursor.fetchone()[0][0]["Plan"])
    used = [node["Index Name"] for node in nodes if "Index Name" in node]
    assert used == ["one_row_per_idempotency_key"]


def test_a_workers_child_reads_no_table_from_end_to_end(
    processes: Processes, owner_id: int, sql: Sql
) -> None:
    """Also in a service that is a minute old, whose tables fill a page or two."""
    processes.worker(children=1)
    told = "SELECT seq_scan, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = %s"
    answered = "SELECT count(*) FROM triage_triageanswer WHERE request_id = %s"

    def serve(count: int) -> Any:
        """This many, one by one; what is known afterwards of reads and claims."""
        for _ in range(count):
            [accepted] = _accepted_quietly(1, owner_id)
            eventually(lambda row=accepted.id: sql(answered, row) == [(1,)], every=0.02)
        return sql(told, "triage_triagerequest")[0]

    scans, claims = serve(1)
    serve(7)
    time.sleep(1.1)  # a connection tells once a second, and with what it does next
    later_scans, later_claims = serve(1)
    assert later_claims > claims, "the child has told"
    assert later_scans == scans


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


@pytest.mark.parametrize(
    "known",
    ["fresh", "of an empty table", "of an emptied table", "of a backlog", "of running leases"],
)
def test_statements_find_their_rows_by_index(owner_id: int, sql: Sql, known: str) -> None:
    """Ten thousand finished rows and a few open ones: no statement walks the table, also where the
    planner's statistics are of a table that was empty, of one in which every row was deleted or of
    one in which every row was due, or leased."""
    _check_plans(owner_id, sql, 10_000, known)


@pytest.mark.slow
@pytest.mark.parametrize("known", ["fresh", "of an empty table"])
def test_statements_find_their_rows_among_a_million(owner_id: int, sql: Sql, known: str) -> None:
    _check_plans(owner_id, sql, 1_000_000, known)


_TABLES = "triage_triagerequest, triage_triagepayload, triage_triageanswer"


def _check_plans(owner_id: int, sql: Sql, finished: int, known: str) -> None:
    sql("ALTER TABLE triage_triagerequest SET (autovacuum_enabled = false)")
    with unhurried(600):
        # ANALYZE of an empty table leaves what an earlier test's rows looked like.
        sql(
            "DELETE FROM pg_statistic WHERE starelid = ANY(%s::regclass[])",
            _TABLES.split(", "),
        )
        if known == "of an emptied table":
            # Pages without a row: the planner takes the rows that come for next to none.
            _fill_finished(owner_id, sql, 500)
            for table in reversed(_TABLES.split(", ")):
                sql(f"DELETE FROM {table}")
        sql(f"ANALYZE {_TABLES}")
        _fill_finished(owner_id, sql, finished)
        if known in ("of a backlog", "of running leases"):
            sql(
                "UPDATE triage_triagerequest SET answer = 'open', claim_rank = 1, work = %s,"
                " attempt = %s, token = id, due_at = now() + interval '3 s'",
                *(("due", 0) if known == "of a backlog" else ("leased", 1)),
            )
            sql(f"ANALYZE {_TABLES}")
            sql(
                "UPDATE triage_triagerequest"
                " SET work = 'done', attempt = 1, answer = 'answered', claim_rank = 0"
            )
    opened = [row.id for row in _accepted_quietly(50, owner_id)]
    if known == "fresh":
        with unhurried(60):
            sql(f"ANALYZE {_TABLES}")
    walked = {}
    for name, (statement, parameters) in _asked(owner_id, opened).items():
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
            walked[name] = _walked(cursor.fetchone()[0])
    for name, (statement, parameters) in _kept(_asked(owner_id, opened)).items():
        with planned_cursor() as cursor:
            cursor.execute(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {statement}", parameters)
            walked[f"{name}, whatever it is asked"] = _walked(cursor.fetchone()[0])
    sql("ALTER TABLE triage_triagerequest RESET (autovacuum_enabled)")
    if finished < 100_000:
        # For the metrics only: a table this small is read sooner than twenty thousand of its rows
        # are in the order of an index.
        walked.pop("unworked")
    assert not {name: tables for name, tables in walked.items() if tables}


def _walked(found: Any) -> list[str]:
    """The tables, or their indexes, of which this plan reads all; "sorted" where it first reads all
    that can be claimed, to sort it."""
    nodes = _nodes(found[0]["Plan"])
    walked = [node.get("Index Name", node.get("Relation Name")) for node in nodes if _walks(node)]
    return walked + ["sorted" for node in nodes if _sorts_claims(node)]


def _kept(asked: Asked) -> Asked:
    """Those whose plan a connection keeps: after five executions PostgreSQL may make one that does
    not know what is asked, and go on with it."""
    return {name: asked[name] for name in ("claim", "claim lost", "finish", "poll")}


def _asked(owner_id: int, opened: list[UUID]) -> Asked:
    limits = {"limit": 256, "attempts": 3, "ids": [], "exhausted": False}
    claim = limits | {"token": opened[0], "lease": 4}
    overdue = statements.FALL_BACK.format(which=statements.OVERDUE, lock="SKIP LOCKED")
    given = [{"id": str(one), "answer": {}, "unserved": []} for one in opened]
    listed = listing.parse({}) | {"client": owner_id}
    after = {"at": datetime.now(UTC), "id": opened[0]}
    return {
        "claim": (statements.CLAIM.format(limit=256), claim),
        "claim lost": (statements.CLAIM_LOST, claim),
        "finish": (statements.FINISH, {"rows": json.dumps(given), "token": opened[0]}),
        "due": (statements.DUE, {"limit": IDS_PER_HINT}),
        "unrung": (statements.UNRUNG, limits | {"seconds": 1}),
        "waiting": (backlog._WAITING, {"most": 20_000}),
        "deadlines": (overdue, limits),
        "exhausted": (statements.ABANDON, limits | {"exhausted": True, "limit": 8}),
        "oldest": (queries._OLDEST_OPEN, {"most": 20_000}),
        "unworked": (backlog._UNWORKED, {"most": 20_000}),
        "backlog": (admission._OPEN_COUNT, {"most": 20_000}),
        "poll": (queries._SELECT, {"clients": [owner_id], "ids": [opened[0]]}),
        "poll of many": (queries._SELECT, {"clients": [owner_id], "ids": opened[:32]}),
        "waiters": (queries._PROGRESS, [opened]),
        "list": (listing._PAGE, listed),
        "list, next page": (listing._PAGE, listed | after),
        "list, open": (listing._PAGE, listed | {"status": "open"}),
        "list, batch": (listing._PAGE, listed | {"batch": opened[0]}),
    }


def _walks(node: dict[str, Any]) -> bool:
    """Whether a plan's node reads all of a table, be it in the order of an index. The indexes of
    open and of unworked rows alone are short."""
    if node.get("Relation Name") not in _TABLES.split(", "):
        return False
    if node["Node Type"] == "Seq Scan":
        return True
    short = node.get("Index Name") in ("triage_unworked", "triage_open_deadline")
    return node["Node Type"].startswith("Index") and not short and "Index Cond" not in node


def _sorts_claims(node: dict[str, Any]) -> bool:
    return node["Node Type"] == "Sort" and any(
        one.get("Index Name") == "triage_unworked" for one in _nodes(node)
    )


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in _nodes(child))]


def _fill_finished(owner_id: int, sql: Sql, count: int) -> None:
    sql(
        """INSERT INTO triage_triagerequest (id, client_id, patient_reference, priority, answer,
            work, attempt, claim_rank, due_at, accepted_at, deadline_at,
            arm, experiment, phase, fingerprint)
        SELECT gen_random_uuid(), %s, 'r', 1, 'answered', 'done', 1, 0, at, at, at, 'ml', 'e',
            1, 'f'
        FROM (SELECT now() - n * interval '3 s' AS at FROM generate_series(1, %s) AS n) AS t""",
        owner_id,
        count,
    )
    sql(
        "INSERT INTO triage_triagepayload (request_id, sealed, fallback)"
        " SELECT id, '', '{}' FROM triage_triagerequest ON CONFLICT DO NOTHING"
    )
    sql(
        """INSERT INTO triage_triageanswer (request_id, sequence, level, care_level, confidence,
            method, ab_group, decided_by, fallback, needs_review, reason, model_version,
            model_digest, rules_version, explanation, trace)
        SELECT id, 1, 1, 'gp', 0, 'rules', 'rules', 'rules', FALSE, FALSE, 'arm', '', '', 'r',
            '{}', '[]' FROM triage_triagerequest
        ON CONFLICT DO NOTHING"""
    )


def _go_the_whole_way(owner_id: int) -> None:
    """One request in this process, as web and worker serve it."""
    [accepted] = _accepted_quietly(1, owner_id)
    assert queries.get(owner_id, accepted.id)
    token, rows, _ = lifecycle.claim(256)
    decided = [
        Finished(row.id, decide(row.rules, "no_model", row.arm), row.rules, None, "", "", 0)
        for row in rows
    ]
    assert lifecycle.finish(token, decided).answered == 1


def _kept_plans(sql: Sql) -> dict[str, list[str]]:
    """What the plans read whole that this connection keeps."""
    kept = sql("SELECT name, statement, cardinality(parameter_types) FROM pg_prepared_statements")
    found = {}
    for name, statement, count in kept:
        nothing = ", ".join(["NULL"] * count)
        [[plan]] = sql(f'EXPLAIN (FORMAT JSON) EXECUTE "{name}" ({nothing})')
        found[statement] = _walked(plan)
    assert len(found) == 4, "accept, poll, claim and finish"
    return found


def _accepted_quietly(count: int, owner_id: int | None = None) -> list[Any]:
    from backend.clients import keys

    client = owner_id or keys.create_client("owner")
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
