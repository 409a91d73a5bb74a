"""Rows that arrive while others are committed go together; nobody waits without need."""

import random
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import DataError, OperationalError

from backend.triage.gathering import Gathering
from tests.eventually import eventually

Row = dict[str, Any]


class Store:
    """A commit that waits until it is let go on; a row may be told to fail."""

    def __init__(self, *, held: bool = False) -> None:
        self.commits: list[list[int]] = []
        self.phases: list[int] = []
        self.go = threading.Event()
        self.error: Exception | None = None
        if not held:
            self.go.set()

    def commit(self, rows: list[Row], phase: int) -> dict[int, str]:
        self.commits.append([row["id"] for row in rows])
        self.phases.append(phase)
        assert self.go.wait(5)
        if self.error is not None:
            raise self.error
        if any(row.get("bad") for row in rows):
            raise DataError("one of them")
        return {row["id"]: "stored" for row in rows}


@pytest.fixture
def pool() -> Any:
    with ThreadPoolExecutor(64) as threads:
        yield threads


def arrive(pool: Any, gathering: Gathering[Any], *rows: Row, phase: int = 0) -> list[Future[Any]]:
    """The rows arrive in this order, each before the next, while the first is being committed."""
    futures = []
    for row in rows:
        first, before = not gathering._busy, len(gathering._arrived)
        futures.append(pool.submit(gathering.store, row, phase))
        if first:
            eventually(lambda: gathering._busy and not gathering._arrived, 5)
        else:
            eventually(lambda before=before: len(gathering._arrived) > before, 5)
    return futures


def test_an_idle_process_commits_at_once_and_alone() -> None:
    store = Store()
    gathering = Gathering(store.commit)
    for number in range(3):
        assert gathering.store({"id": number}, 0) == {number: "stored"}
    assert store.commits == [[0], [1], [2]]


def test_what_arrives_during_a_commit_goes_together_in_the_next(pool: Any) -> None:
    store = Store(held=True)
    futures = arrive(pool, Gathering(store.commit), *({"id": number} for number in range(6)))
    assert store.commits == [[0]]
    store.go.set()
    results = [future.result(5) for future in futures]
    assert store.commits == [[0], [1, 2, 3, 4, 5]]
    assert all(number in result for number, result in enumerate(results))


def test_rows_of_two_phases_are_not_mixed(pool: Any) -> None:
    store = Store(held=True)
    gathering = Gathering(store.commit)
    futures = arrive(pool, gathering, {"id": 0}, {"id": 1})
    futures += arrive(pool, gathering, {"id": 2}, phase=7)
    futures += arrive(pool, gathering, {"id": 3})
    store.go.set()
    for future in futures:
        future.result(5)
    assert store.commits == [[0], [1, 3], [2]]
    assert store.phases == [0, 0, 7]


def test_one_bad_row_costs_the_others_nothing(pool: Any) -> None:
    store = Store(held=True)
    rows = [{"id": 0}, {"id": 1}, {"id": 2, "bad": True}, {"id": 3}]
    futures = arrive(pool, Gathering(store.commit), *rows)
    store.go.set()
    assert [futures[number].result(5)[number] for number in (0, 1, 3)] == ["stored"] * 3
    with pytest.raises(DataError):
        futures[2].result(5)


def test_a_database_that_is_away_is_told_to_all_who_wait_for_it_at_once(pool: Any) -> None:
    """Else the last of them would wait once more for every commit before it."""
    store = Store(held=True)
    store.error = OperationalError("away")
    gathering = Gathering(store.commit)
    futures = arrive(pool, gathering, *({"id": number} for number in range(5)))
    store.go.set()
    for future in futures:
        with pytest.raises(OperationalError):
            future.result(5)
    assert store.commits == [[0]]
    store.error = None
    assert gathering.store({"id": 9}, 0) == {9: "stored"}, "and the next one is served"


def test_every_row_is_committed_exactly_once_whatever_happens(pool: Any) -> None:
    chance = random.Random(2026)
    lock = threading.Lock()
    committed: list[int] = []

    def commit(rows: list[Row], phase: int) -> set[int]:
        with lock:
            luck = chance.random()
        time.sleep(luck / 500)
        if luck < 0.05:
            raise OperationalError("away")
        if any(row["id"] % 17 == 0 for row in rows):
            raise DataError("one of them")
        assert {row["id"] % 2 for row in rows} == {phase}
        with lock:
            committed.extend(row["id"] for row in rows)
        return {row["id"] for row in rows}

    gathering = Gathering(commit)
    futures = [pool.submit(gathering.store, {"id": n}, n % 2) for n in range(2_000)]
    stored, away, bad = [], [], []
    for number, future in enumerate(futures):
        error = future.exception(10)
        if error is None:
            assert number in future.result()
            stored.append(number)
        else:
            (away if isinstance(error, OperationalError) else bad).append(number)
    assert sorted(committed) == stored
    assert all(number % 17 == 0 for number in bad)
    assert bad
    assert away
    assert len(stored) > 1_000
