"""How statements are planned, whatever the planner knows: none reads a long table whole."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, connections

from backend.clients.keys import find_caller
from backend.postgres.base import plan_by_index, planned_cursor, unhurried
from backend.triage import admission, backlog, lifecycle, listing, queries, statements
from backend.triage.queue import IDS_PER_HINT
from backend.triage.values import Submission
from ml.case import parse_case
from ml.schema import Level
from tests.eventually import eventually
from tests.integration.conftest import SORE_THROAT
from tests.integration.processes import Processes
from tests.integration.test_lifecycle import claim_one, finished, submit

Sql = Callable[..., list[Any]]
Asked = dict[str, tuple[str, Any]]
_TABLES = "triage_triagerequest, triage_triagepayload, triage_triageanswer"


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
    opened = [submit(owner_id) for _ in range(50)]
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
            accepted = submit(owner_id)
            eventually(lambda row=accepted: sql(answered, row) == [(1,)], every=0.02)
        return sql(told, "triage_triagerequest")[0]

    scans, claims = serve(1)
    serve(7)
    time.sleep(1.1)  # a connection tells once a second, and with what it does next
    later_scans, later_claims = serve(1)
    assert later_claims > claims, "the child has told"
    assert later_scans == scans


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
    assert queries.get(owner_id, submit(owner_id))
    token, row = claim_one()
    assert lifecycle.finish(token, [finished(row, Level.SOON)]).answered == 1


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
