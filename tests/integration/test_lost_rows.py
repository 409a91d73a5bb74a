"""Promises 2, 4, 7: what a worker claimed and lost is found, tried again and brought to its end."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connection, transaction

from backend.triage import lifecycle, queries, statements
from backend.triage.values import Claimed, Submission
from ml.case import parse_case
from ml.schema import Level
from tests.integration.conftest import SORE_THROAT
from tests.integration.test_lifecycle import claim_one, finished, submit

Sql = Callable[..., list[Any]]


def test_first_attempts_come_in_batches_and_lost_ones_singly(owner_id: int, sql: Sql) -> None:
    for _ in range(3):
        submit(owner_id)
    taken = lifecycle.claim(10)
    assert (len(taken.rows), taken.lost) == (3, False)
    sql("UPDATE triage_triagerequest SET due_at = now()")
    taken = lifecycle.claim(10)
    assert taken.rows == [], "a lost row must not join a batch again"
    assert taken.lost, "but somebody is told"
    assert len(lifecycle.claim_lost().rows) == 1
    assert sql("SELECT max(attempt), min(attempt) FROM triage_triagerequest") == [(2, 1)]


def test_a_lost_row_is_found_in_a_backlog(owner_id: int, sql: Sql) -> None:
    """It is not looked for by every claim, but taken before rows that nobody has tried."""
    lost = submit(owner_id)
    assert [row.id for row in lifecycle.claim(1).rows] == [lost]
    held = {submit(owner_id) for _ in range(3)}
    assert {row.id for row in lifecycle.claim(3).rows} == held
    sql("UPDATE triage_triagerequest SET due_at = now() WHERE id = %s", lost)
    later = [submit(owner_id) for _ in range(4)]
    taken = lifecycle.claim(2)
    assert (len(taken.rows), taken.lost) == (2, False), "there is more that is due"
    assert [row.id for row in lifecycle.claim_lost().rows] == [lost]
    sql("UPDATE triage_triagerequest SET due_at = now() WHERE id = %s", lost)
    taken = lifecycle.claim(3)
    assert ({row.id for row in taken.rows} < {*later}, taken.lost) == (True, True)


def test_what_is_finished_while_it_is_taken_for_lost_stays_finished(
    owner_id: int, monkeypatch: pytest.MonkeyPatch, sql: Sql
) -> None:
    """A finish that was in time commits after the lease, and after another worker's look."""
    slow = "ARRAY(SELECT NULL::uuid FROM pg_sleep(0.7) UNION ALL"
    monkeypatch.setattr(statements, "CLAIM_LOST", statements.CLAIM_LOST.replace("ARRAY(", slow, 1))
    monkeypatch.setattr(settings, "LEASE_SECONDS", 0.5)
    submit(owner_id)
    token, row = claim_one()

    def look() -> list[Claimed]:
        try:
            return lifecycle.claim_lost().rows
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert lifecycle.finish(token, [finished(row, Level.SOON)]).answered == 1
            time.sleep(0.6)
            looking = pool.submit(look)
            time.sleep(0.3)
        assert looking.result() == []
    assert sql("SELECT work, attempt FROM triage_triagerequest") == [("done", 1)]


def test_an_open_lost_row_is_found_among_any_number_of_answered_ones(
    owner_id: int, sql: Sql
) -> None:
    """Workers were away: a thousand answered rows are due, which are looked through no further
    than it takes."""
    case = parse_case(SORE_THROAT)
    ids = [row.id for row in lifecycle.submit(owner_id, [Submission(case) for _ in range(1_000)])]
    lifecycle.answer_now(ids)
    lost = submit(owner_id)
    assert [row.id for row in lifecycle.claim(1).rows] == [lost]
    oldest = {row.id for row in lifecycle.claim(3).rows}
    sql("UPDATE triage_triagerequest SET due_at = now() WHERE work = 'leased'")
    found = [row.id for _ in range(5) for row in lifecycle.claim_lost().rows]
    assert found[0] == lost
    assert {*found[1:]} == oldest
    assert len(found) == 4
    # One that stands behind them all waits until they are done.
    [(last,)] = sql("SELECT id FROM triage_triagerequest ORDER BY id DESC OFFSET 1 LIMIT 1")
    sql(
        "UPDATE triage_triagerequest SET work = 'leased', attempt = 1, token = id, due_at = now()"
        " WHERE id = %s",
        last,
    )
    assert lifecycle.claim_lost().rows == []
    sql("UPDATE triage_triagerequest SET work = 'done' WHERE id <> %s", last)
    assert lifecycle.claim(10).lost
    assert [row.id for row in lifecycle.claim_lost().rows] == [last]


def test_a_drain_of_a_backlog_serves_what_was_lost(
    owner_id: int, monkeypatch: pytest.MonkeyPatch, sql: Sql
) -> None:
    """A child died with three rows, and more come than can be served."""
    from workers import inference

    monkeypatch.setattr(settings, "BATCH_ROWS", 2)
    lost = _lost_before_a_backlog(owner_id, sql)
    assert inference.drain()["answered"] == 15
    served = sql("SELECT request_id FROM triage_triageanswer ORDER BY answered_at LIMIT 9")
    assert lost < {row[0] for row in served}, "one beside each batch"
    monkeypatch.setattr(settings, "DRAIN_SECONDS", 0)
    lost = _lost_before_a_backlog(owner_id, sql)
    for left in (2, 1, 0):
        inference.drain()
        of_these = "answer = 'open' AND id = ANY(%s)"
        counted = sql(f"SELECT count(*) FROM triage_triagerequest WHERE {of_these}", [*lost])
        assert counted == [(left,)], "also where each drain ends after a batch"


def _lost_before_a_backlog(owner_id: int, sql: Sql) -> set[UUID]:
    lost = {submit(owner_id) for _ in range(3)}
    assert {row.id for row in lifecycle.claim(3).rows} == lost
    sql("UPDATE triage_triagerequest SET due_at = now() WHERE work = 'leased'")
    for _ in range(12):
        submit(owner_id)
    return lost


def test_three_lost_attempts_end_with_the_rules_and_a_person(owner_id: int, sql: Sql) -> None:
    request_id = submit(owner_id)
    for attempt in range(settings.MAX_ATTEMPTS):
        claim_one(retry=attempt > 0)
        assert lifecycle.abandon_exhausted() == 0, "its last lease still runs"
        sql("UPDATE triage_triagerequest SET due_at = now()")
    assert not lifecycle.claim(1).lost
    assert lifecycle.claim_lost().rows == []
    assert lifecycle.abandon_exhausted() == 1
    resource = queries.get(owner_id, request_id)
    assert resource is not None
    assert resource.answer is not None
    assert resource.answer.method == "rules"
    assert resource.answer.needs_review is True
    assert resource.answer.reason == "attempts_exhausted"
    assert sql("SELECT work, attempt, ended FROM triage_triagerequest") == [("abandoned", 3, 1)]
    assert lifecycle.abandon_exhausted() == 0
