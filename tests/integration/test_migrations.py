"""A migration finds requests under way: rows of the schema before it are served after it."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import OperationalError, connection

from backend.triage import lifecycle, queries
from backend.triage.values import Submission
from ml.case import parse_case
from ml.decision import explain
from ml.rules.engine import assess
from tests.integration.conftest import CARDIAC_ARREST, SORE_THROAT

Sql = Callable[..., list[Any]]
_RULES = "SELECT request_id, rules::text FROM triage_triagepayload"


@pytest.fixture
def schema_0008(database: None) -> Iterator[None]:
    call_command("migrate", "triage", "0008", verbosity=0)
    with connection.cursor() as cursor:
        # A process of that version fills it in.
        cursor.execute("ALTER TABLE triage_triagepayload ALTER rules SET DEFAULT '{}'")
    try:
        yield
    finally:
        call_command("migrate", "triage", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE triage_triagepayload ALTER rules DROP DEFAULT")


def test_due_and_leased_rows_of_the_schema_before_are_claimed_and_answered(
    schema_0008: None, owner_id: int, sql: Sql
) -> None:
    made = lifecycle.submit(owner_id, [Submission(parse_case(SORE_THROAT)) for _ in range(4)])
    ids = [row.id for row in made]
    # One is leased to a worker that is gone, one was answered by its deadline, one is done.
    sql(
        "UPDATE triage_triagerequest SET work = 'leased', attempt = 1, token = gen_random_uuid(),"
        " due_at = now() - interval '1 s' WHERE id = %s",
        ids[0],
    )
    lifecycle.answer_now([ids[1]])
    sql(
        "UPDATE triage_triagerequest SET work = 'done', attempt = 1, answer = 'answered',"
        " claim_rank = 0 WHERE id = %s",
        ids[3],
    )
    call_command("migrate", "triage", verbosity=0)
    ended = sql("SELECT id FROM triage_triagerequest WHERE ended = 1")
    assert ended == [(ids[3],)]
    taken = lifecycle.claim(10)
    assert {row.id for row in taken.rows} == {ids[1], ids[2]}
    assert taken.lost
    assert [row.id for row in lifecycle.claim_lost().rows] == [ids[0]]
    found = queries.get_many(owner_id, ids)
    assert [found[one].done for one in ids] == [False, True, False, True]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("0008", "0009"),
        *(("0010", "0011"), ("0011", "0010")),
        *(("0012", "0013"), ("0013", "0012")),
    ],
)
def test_a_migration_does_not_make_requests_wait_for_a_long_transaction(
    schema_0008: None, owner_id: int, before: str, after: str
) -> None:
    """A dump reads for an hour: whoever waits for it with a table's strongest lock, everybody who
    comes after waits, too."""
    call_command("migrate", "triage", before, verbosity=0)
    with psycopg.connect(**_parameters()) as other:
        other.execute("SELECT 1 FROM triage_triagerequest, triage_triagepayload")
        began = time.monotonic()
        with pytest.raises(OperationalError):
            call_command("migrate", "triage", after, verbosity=0)
        assert time.monotonic() - began < 5
    lifecycle.submit(owner_id, [Submission(parse_case(SORE_THROAT))])
    call_command("migrate", "triage", verbosity=0)


def test_a_migration_that_was_interrupted_is_run_again(schema_0008: None, sql: Sql) -> None:
    call_command("migrate", "triage", "0009", verbosity=0)
    sql("ALTER TABLE triage_triagerequest VALIDATE CONSTRAINT due_is_untried")
    _half_built(sql, "triage_due")
    call_command("migrate", "triage", "0011", verbosity=0)
    _half_built(sql, "triage_unworked")
    call_command("migrate", "triage", verbosity=0)
    found = sql(
        "SELECT relname, indisvalid FROM pg_index JOIN pg_class ON oid = indexrelid"
        " WHERE indrelid = 'triage_triagerequest'::regclass"
    )
    assert ("triage_unworked", True) in found
    assert not {"triage_claimable", "triage_due", "triage_leased"} & {*dict(found)}
    # And the way back.
    _half_built(sql, "triage_leased")
    call_command("migrate", "triage", "0011", verbosity=0)
    call_command("migrate", "triage", verbosity=0)


def test_an_older_process_works_beside_the_fallback_that_holds_the_rules(
    owner_id: int, sql: Sql
) -> None:
    """An older web process fills in what nobody reads; what newer ones leave out is made again on
    the way back, as the older workers expect it."""
    submit = [Submission(parse_case(CARDIAC_ARREST)), Submission(parse_case(SORE_THROAT))]
    first, second = (one.id for one in lifecycle.submit(owner_id, submit))
    sql(
        'UPDATE triage_triagepayload SET rules = \'{"level": "soon"}\' WHERE request_id = %s',
        second,
    )
    call_command("migrate", "triage", "0012", verbosity=0)
    rules = {row_id: json.loads(text) for row_id, text in sql(_RULES)}
    assert rules[second] == {"level": "soon"}
    found = assess(parse_case(CARDIAC_ARREST))
    assert rules[first] == {
        **explain(found, None)["rules"],
        "care_level": found.care_level,
        "needs_review": found.needs_review,
        "version": found.version,
        "missing": list(found.missing),
    }
    call_command("migrate", "triage", verbosity=0)
    assert lifecycle.claim(10).rows


def _half_built(sql: Sql, name: str) -> None:
    """What an interrupted `CREATE INDEX CONCURRENTLY` leaves."""
    sql(f"CREATE INDEX {name} ON triage_triagerequest (claim_rank)")
    sql("UPDATE pg_index SET indisvalid = FALSE WHERE indexrelid = %s::regclass", name)


def _parameters() -> dict[str, Any]:
    """Of the tests' database, for a connection beside Django's."""
    return {
        name: value
        for name, value in connection.get_connection_params().items()
        if name in ("dbname", "user", "password", "host", "port")
    }
