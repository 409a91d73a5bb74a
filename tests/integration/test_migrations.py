"""A migration finds requests under way: rows of the schema before it are served after it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import call_command

from backend.triage import lifecycle, queries
from backend.triage.values import Submission
from ml.case import parse_case
from tests.integration.conftest import SORE_THROAT

Sql = Callable[..., list[Any]]


@pytest.fixture
def before_0009(database: None) -> Iterator[None]:
    call_command("migrate", "triage", "0008", verbosity=0)
    try:
        yield
    finally:
        call_command("migrate", "triage", verbosity=0)


def test_due_and_leased_rows_of_the_schema_before_are_claimed_and_answered(
    before_0009: None, owner_id: int, sql: Sql
) -> None:
    made = lifecycle.submit(owner_id, [Submission(parse_case(SORE_THROAT)) for _ in range(3)])
    ids = [row.id for row in made]
    # One is leased to a worker that is gone, one was answered by its deadline meanwhile.
    sql(
        "UPDATE triage_triagerequest SET work = 'leased', attempt = 1, token = gen_random_uuid(),"
        " due_at = now() - interval '1 s' WHERE id = %s",
        ids[0],
    )
    lifecycle.answer_now([ids[1]])
    call_command("migrate", "triage", "0009", verbosity=0)
    taken = lifecycle.claim(10)
    assert [row.id for row in taken.rows] == [ids[2], ids[1]]
    assert taken.lost
    assert [row.id for row in lifecycle.claim_lost().rows] == [ids[0]]
    found = queries.get_many(owner_id, ids)
    assert [found[one].done for one in ids] == [False, True, False]
