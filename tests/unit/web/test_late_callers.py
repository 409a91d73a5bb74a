"""How long a request may take to come whole, an answer to be read, and who goes for whom."""

from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings

from backend.doorkeeper import Doorkeeper
from backend.wire import Connection

LARGEST = settings.MAX_BATCH_BODY_BYTES
A_SECOND = 64 * 1024


def reading(received: int) -> Connection:
    """A connection that has been reading since 0."""
    made = Connection.__new__(Connection)
    made.cycle, made.pipeline = None, deque()
    made.transport = SimpleNamespace(get_write_buffer_size=lambda: 0)
    made._reading_since, made._received = 0.0, received
    return made


@pytest.mark.parametrize(
    ("received", "more"),
    [(0, 0), (A_SECOND, 1), (LARGEST, LARGEST / A_SECOND), (LARGEST * 1_000, LARGEST / A_SECOND)],
)
def test_a_long_body_has_the_time_a_slow_line_needs_and_no_body_has_more(
    received: int, more: float
) -> None:
    allowed = settings.REQUEST_SECONDS + more
    assert not reading(received).is_late(allowed - 0.01)
    assert reading(received).is_late(allowed + 0.01)


class Held:
    """A connection as the doorkeeper sees it."""

    def __init__(self, *, is_reading: bool = False, is_unread: bool = False) -> None:
        self.is_reading, self.is_unread, self.is_cut = is_reading, is_unread, False

    def is_late(self, now: float) -> bool:
        return False

    def cut(self) -> None:
        self.is_cut = True


@pytest.mark.parametrize(
    ("held", "goes"),
    [
        ([Held(), Held(is_unread=True), Held(is_reading=True)], 2),
        ([Held(), Held(is_unread=True), Held(is_unread=True)], 1),
        ([Held(), Held(), Held()], 3),
    ],
)
def test_where_there_is_no_room_goes_who_asks_or_reads_nothing(held: list[Held], goes: int) -> None:
    everybody = [*held, Held(is_reading=True)]
    loop: Any = None  # only for looking again later
    keeper = Doorkeeper(loop, most=3)
    for one in everybody:
        keeper.opened(one)
    assert [place for place, one in enumerate(everybody) if one.is_cut] == [goes]


def test_an_answer_has_the_time_a_slow_line_needs_and_no_more() -> None:
    unread = 10 * A_SECOND
    made = reading(0)
    made.transport = SimpleNamespace(get_write_buffer_size=lambda: unread)
    assert not made.is_late(0.0)
    assert not made.is_late(settings.REQUEST_SECONDS + 9.99)
    assert made.is_late(settings.REQUEST_SECONDS + 10.01)
    # What is answered meanwhile counts; and from when all is read, a request has its own time.
    unread = 12 * A_SECOND
    assert not made.is_late(settings.REQUEST_SECONDS + 11.9)
    unread = 0
    assert not made.is_late(1_000.0)
    assert not made.is_late(1_000.0 + settings.REQUEST_SECONDS)
    assert made.is_late(1_000.01 + settings.REQUEST_SECONDS)
