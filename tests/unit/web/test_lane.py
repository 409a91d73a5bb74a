"""Calls that arrive while others are served go together; nobody waits without need."""

import asyncio
import random
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import DataError, InterfaceError, OperationalError

from backend import lane
from backend.lane import MOST, THREADS, Lane, in_turn, together
from tests.eventually import eventually


class Server:
    """Doubles numbers, but waits until it is let go on; some numbers are refused."""

    def __init__(self, *, held: bool = False) -> None:
        self.groups: list[list[int]] = []
        self.go = threading.Event()
        if not held:
            self.go.set()

    def serve(self, group: Sequence[int]) -> list[int]:
        self.groups.append(list(group))
        assert self.go.wait(5)
        if any(number < 0 for number in group):
            raise ValueError("negative")
        return [2 * number for number in group]


@pytest.fixture
def opened() -> Any:
    lanes: list[Lane[int, int]] = []

    def opened(server: Server) -> Lane[int, int]:
        lanes.append(Lane("test", server.serve))
        return lanes[-1]

    yield opened
    for one in lanes:
        one.close()


async def busy(one: Lane[int, int], server: Server) -> "list[asyncio.Future[int]]":
    """A call in the hands of every thread."""
    held = []
    for number in range(THREADS):
        held.append(asyncio.ensure_future(one.through(number)))
        await asyncio.to_thread(eventually, lambda n=number: len(server.groups) == n + 1, 5)
    return held


def test_in_an_idle_process_a_call_is_alone(opened: Any) -> None:
    server = Server()
    one = opened(server)

    async def callers() -> list[int]:
        return [await one.through(number) for number in range(3)]

    assert asyncio.run(callers()) == [0, 2, 4]
    assert server.groups == [[0], [1], [2]]


def test_what_arrives_while_all_are_busy_goes_together(opened: Any) -> None:
    server = Server(held=True)
    one = opened(server)

    async def callers() -> list[int]:
        held = await busy(one, server)
        later = [asyncio.ensure_future(one.through(number)) for number in range(10, 16)]
        await asyncio.sleep(0)
        server.go.set()
        return await asyncio.gather(*held, *later)

    assert asyncio.run(callers()) == [0, 2, 20, 22, 24, 26, 28, 30]
    assert server.groups == [[0], [1], [10, 11, 12, 13, 14, 15]]


def test_a_group_has_a_bound(opened: Any) -> None:
    server = Server(held=True)
    one = opened(server)

    async def callers() -> None:
        held = await busy(one, server)
        later = [asyncio.ensure_future(one.through(number)) for number in range(MOST + 1)]
        await asyncio.sleep(0)
        server.go.set()
        await asyncio.gather(*held, *later)

    asyncio.run(callers())
    assert sorted(len(group) for group in server.groups[THREADS:]) == [1, MOST]


def test_what_a_group_could_not_do_all_of_it_are_told(opened: Any) -> None:
    server = Server(held=True)
    one = opened(server)

    async def callers() -> list[Any]:
        held = await busy(one, server)
        later = [asyncio.ensure_future(one.through(number)) for number in (5, -1)]
        await asyncio.sleep(0)
        server.go.set()
        return await asyncio.gather(*held, *later, return_exceptions=True)

    *held, first, second = asyncio.run(callers())
    assert held == [0, 2]
    assert isinstance(first, ValueError)
    assert isinstance(second, ValueError)

    async def next_caller() -> int:
        return await one.through(7)

    assert asyncio.run(next_caller()) == 14, "and the threads live on"


def test_a_caller_who_hangs_up_costs_the_others_nothing(opened: Any) -> None:
    server = Server(held=True)
    one = opened(server)

    async def callers() -> list[int]:
        held = await busy(one, server)
        left = asyncio.ensure_future(one.through(8))
        stays = asyncio.ensure_future(one.through(9))
        await asyncio.sleep(0)
        left.cancel()
        server.go.set()
        return [*await asyncio.gather(*held), await stays]

    assert asyncio.run(callers()) == [0, 2, 18]


def test_every_call_gets_its_own_answer_once(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(2026)
    monkeypatch.setattr(lane, "MOST", 7)
    server = Server()
    one = opened(server)
    plain = server.serve
    pauses = [chance.random() / 500 for _ in range(2_000)]

    def serve(group: Sequence[int]) -> list[int]:
        time.sleep(pauses[group[0]])
        return plain(group)

    one._serve = serve

    async def caller(number: int) -> int:
        await asyncio.sleep(pauses[-number])
        return int(await one.through(number))

    async def callers() -> list[int]:
        return await asyncio.gather(*(caller(number) for number in range(2_000)))

    assert asyncio.run(callers()) == [2 * number for number in range(2_000)]
    served = [number for group in server.groups for number in group]
    assert sorted(served) == list(range(2_000))
    assert max(len(group) for group in server.groups) == 7


def test_an_end_comes_after_what_has_arrived_and_is_no_end_for_good(opened: Any) -> None:
    server = Server(held=True)
    one = opened(server)

    async def callers() -> list[int]:
        held = await busy(one, server)
        later = [asyncio.ensure_future(one.through(number)) for number in (3, 4)]
        await asyncio.sleep(0)
        threads = list(one._threads)
        closing = asyncio.ensure_future(asyncio.to_thread(one.close))
        await asyncio.to_thread(eventually, lambda: one._arrived.qsize() == 2 + THREADS, 5)
        server.go.set()
        await closing
        assert not any(thread.is_alive() for thread in threads)
        return [*await asyncio.gather(*held, *later), await one.through(5)]

    assert asyncio.run(callers()) == [0, 2, 6, 8, 10]


def test_one_error_stands_in_its_place() -> None:
    def halve(number: int) -> int:
        if number % 2:
            raise ValueError(number)
        return number // 2

    first, second, third = in_turn(halve, [4, 5, 6])
    assert (first, third) == (2, 3)
    assert isinstance(second, ValueError)


@pytest.mark.parametrize("away", [OperationalError("away"), InterfaceError("away")])
def test_a_database_that_is_away_is_waited_for_once(away: Exception) -> None:
    tries = []

    def ask(number: int) -> int:
        tries.append(number)
        if number == 2:
            raise away
        return number

    assert in_turn(ask, range(1, 6)) == [1, away, away, away, away]
    assert tries == [1, 2]
    tries.clear()

    def ask_all(numbers: Sequence[int]) -> list[int | Exception]:
        return [ask(number) for number in numbers]

    assert together(ask_all, [2, None, 3]) == [away, None, away]
    assert tries == [2]


def test_what_is_done_together_is_done_for_those_who_ask() -> None:
    groups = []

    def double(numbers: Sequence[int]) -> list[int | Exception]:
        groups.append(list(numbers))
        return [2 * number for number in numbers]

    refused = ValueError("no")
    assert together(double, [1, refused, None, 3]) == [2, refused, None, 6]
    assert groups == [[1, 3]]
    assert together(double, [None, refused]) == [None, refused]
    assert len(groups) == 1, "nobody asks: nothing is done"


def test_the_fault_of_one_is_not_the_others() -> None:
    groups = []

    def double(numbers: Sequence[int]) -> list[int | Exception]:
        groups.append(list(numbers))
        if 2 in numbers:
            raise DataError("two")
        return [2 * number for number in numbers]

    first, second, third = together(double, [1, 2, 3])
    assert (first, third) == (2, 6)
    assert isinstance(second, DataError)
    assert groups == [[1, 2, 3], [1], [2], [3]]
