"""Single requests that arrive together, on the real database."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import DataError, connection, connections, transaction

from backend.triage import lifecycle
from backend.triage.lifecycle import _gathering
from backend.triage.values import Accepted, Submission
from ml.case import parse_case
from tests.eventually import eventually
from tests.integration.conftest import SORE_THROAT

Sql = Callable[..., list[Any]]
TOGETHER = 5
TOO_LONG = "k" * 5_000


def submit(client_id: int, number: int, key: str | None = None) -> Accepted:
    try:
        case = parse_case(SORE_THROAT | {"patient_id": f"p-{number}"})
        return lifecycle.submit(client_id, [Submission(case, key)])[0]
    finally:
        connections.close_all()


def behind_a_lock(pool: ThreadPoolExecutor, client_id: int, *keys: str | None) -> list[Future[Any]]:
    """Each request arrives while the first of them waits for a lock on the table."""
    futures = []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE triage_triagerequest IN SHARE MODE")
        for number, key in enumerate(keys):
            futures.append(pool.submit(submit, client_id, number, key))
            eventually(lambda n=number: _gathering._busy and len(_gathering._arrived) == n, 5)
    return futures


@pytest.fixture
def pool(database: None) -> Any:
    with ThreadPoolExecutor(TOGETHER + 1) as threads:
        yield threads


def test_requests_that_arrive_together_are_one_commit(pool: Any, owner_id: int, sql: Sql) -> None:
    futures = behind_a_lock(pool, owner_id, *[None] * (TOGETHER + 1))
    ids = {future.result(10).id for future in futures}
    assert {row[0] for row in sql("SELECT id FROM triage_triagerequest")} == ids
    commits = sql("SELECT count(*) FROM triage_triagerequest GROUP BY xmin ORDER BY 1")
    assert commits == [(1,), (TOGETHER,)]


def test_the_same_key_at_the_same_moment_is_one_request(pool: Any, owner_id: int, sql: Sql) -> None:
    futures = behind_a_lock(pool, owner_id, None, "k", None, None)
    submitted = [future.result(10) for future in futures]
    with ThreadPoolExecutor(1) as one:
        again = one.submit(submit, owner_id, 1, "k").result(10)
    assert again == (submitted[1].id, None)
    assert sql("SELECT count(*) FROM triage_triagerequest") == [(4,)]


def test_a_row_that_the_database_refuses_costs_the_others_nothing(
    pool: Any, owner_id: int, sql: Sql
) -> None:
    first, second, bad, last = behind_a_lock(pool, owner_id, None, None, TOO_LONG, None)
    stored = {future.result(10).id for future in (first, second, last)}
    with pytest.raises(DataError):
        bad.result(10)
    assert {row[0] for row in sql("SELECT id FROM triage_triagerequest")} == stored


def test_inside_a_transaction_a_request_is_part_of_it(owner_id: int, sql: Sql) -> None:
    """What its caller undoes is undone: it must not be committed by another thread."""
    case = parse_case(SORE_THROAT)
    with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012
        lifecycle.submit(owner_id, [Submission(case)])
        1 / 0  # noqa: B018
    assert sql("SELECT count(*) FROM triage_triagerequest") == [(0,)]
