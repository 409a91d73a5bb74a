"""Single requests that arrive together are committed together.

A commit waits for the disk, and a statement costs both sides more than a row of it. While one is
under way, the rows that arrive wait for it and then go in one statement: batches form by themselves
under load, and an idle process waits for nothing. One of the waiting threads does the work of all;
there is no thread and no timer of our own.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from django.db import InterfaceError, OperationalError

Result = TypeVar("Result")
Row = dict[str, Any]


@dataclass(eq=False, slots=True)
class _Arrival(Generic[Result]):
    """A row and the thread that waits for it. `told` is set when there is a result or an error, or
    when this thread is to do the next commit (`leads`)."""

    row: Row
    phase: int
    told: threading.Event = field(default_factory=threading.Event)
    leads: bool = False
    result: Result | None = None
    error: BaseException | None = None


class Gathering(Generic[Result]):
    """What `commit` does for several rows of one phase, done for one row at a time."""

    def __init__(self, commit: Callable[[list[Row], int], Result]) -> None:
        self._commit = commit
        self._lock = threading.Lock()
        self._arrived: list[_Arrival[Result]] = []
        self._busy = False

    def store(self, row: Row, phase: int) -> Result:
        """The result of the commit that this row was part of. Raises what `commit` raised: nothing
        of this row is known to be stored then."""
        mine: _Arrival[Result] = _Arrival(row, phase)
        with self._lock:
            self._arrived.append(mine)
            mine.leads = not self._busy
            self._busy = True
        if not mine.leads:
            mine.told.wait()
        if mine.leads:
            self._lead(mine)
        if mine.error is not None:
            raise mine.error
        assert mine.result is not None
        return mine.result

    def _lead(self, mine: _Arrival[Result]) -> None:
        """Commit what has arrived, tell everybody, and let the next one lead."""
        with self._lock:
            together = [one for one in self._arrived if one.phase == mine.phase]
            self._arrived = [one for one in self._arrived if one.phase != mine.phase]
        try:
            self._run(together)
        finally:
            with self._lock:
                if isinstance(mine.error, OperationalError | InterfaceError):
                    # The database is away: who waited for it is told now, not after one more wait.
                    for one in self._arrived:
                        one.error = mine.error
                    together += self._arrived
                    self._arrived = []
                following = self._arrived[0] if self._arrived else None
                self._busy = following is not None
            for one in together:
                one.told.set()
            if following is not None:
                following.leads = True
                following.told.set()

    def _run(self, together: list[_Arrival[Result]]) -> None:
        try:
            result = self._commit([one.row for one in together], together[0].phase)
        except BaseException as error:
            if len(together) > 1 and not isinstance(error, OperationalError | InterfaceError):
                # Something is wrong with one of them; nothing was stored, and the others are fine.
                for one in together:
                    self._run([one])
                return
            for one in together:
                one.error = error
        else:
            for one in together:
                one.result = result
