"""How long a request may take to come whole, by what has come of it."""

from collections import deque
from types import SimpleNamespace

import pytest
from django.conf import settings

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
