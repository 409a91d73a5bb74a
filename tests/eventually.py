"""Waiting for what other processes do."""

import time
from collections.abc import Callable
from typing import Any


def eventually(
    condition: Callable[[], Any], seconds: float = 20, every: float = 0.05, what: str = ""
) -> Any:
    """The first true value of `condition`; fails with `what` after `seconds`."""
    until = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < until, f"not within {seconds} s: {what or condition}"
        time.sleep(every)
    return value
