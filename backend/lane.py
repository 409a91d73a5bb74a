"""Calls that arrive together are served together, by a few threads.

A statement and its commit cost more than a row of them, and to hand a call to a thread of its own
costs more than some calls. So a thread that becomes free takes all calls that have come by then:
groups form by themselves under load, and in an idle process a call is alone and waits for nothing.
There is no timer. While one thread waits for the disk, another prepares what has come since.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import Final, Generic, NamedTuple, TypeVar

from django.db import InterfaceError, OperationalError, connections

from backend import logs

Call = TypeVar("Call")
Answer = TypeVar("Answer")
Outcome = TypeVar("Outcome")

THREADS: Final = 2
# One group's share of the interpreter: what comes later is taken by the next thread.
MOST: Final = 32


class _Arrival(NamedTuple, Generic[Call, Answer]):
    call: Call
    told: "asyncio.Future[Answer]"


class Lane(Generic[Call, Answer]):
    """Callers of one kind, all of one event loop, and the threads that serve them."""

    def __init__(
        self, name: str, serve: Callable[[Sequence[Call]], Sequence[Answer | Exception]]
    ) -> None:
        """`serve` answers each of at most `MOST` calls, in their order, or has an error in the
        place of an answer. What it raises itself, all of them are told."""
        self._name, self._serve = name, serve
        # None ends a thread.
        self._arrived: SimpleQueue[_Arrival[Call, Answer] | None] = SimpleQueue()
        self._start = threading.Lock()
        self._threads: list[threading.Thread] = []

    async def through(self, call: Call) -> Answer:
        """The answer of a group that this call was served in."""
        if not self._threads:
            self._run()
        told: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._arrived.put(_Arrival(call, told))
        return await told

    def close(self) -> None:
        """End the threads and their connections, when what has arrived is served."""
        with self._start:
            for _ in self._threads:
                self._arrived.put(None)
            for thread in self._threads:
                thread.join()
            self._threads = []

    def _run(self) -> None:
        with self._start:
            if not self._threads:
                self._threads = [
                    threading.Thread(target=self._for_ever, name=self._name, daemon=True)
                    for _ in range(THREADS)
                ]
                for thread in self._threads:
                    thread.start()

    def _for_ever(self) -> None:
        try:
            while (first := self._arrived.get()) is not None:
                self._answer([first, *self._others()])
        finally:
            connections.close_all()

    def _others(self) -> Iterator[_Arrival[Call, Answer]]:
        """What has come beside the first of a group."""
        with contextlib.suppress(Empty):
            for _ in range(MOST - 1):
                other = self._arrived.get_nowait()
                if other is None:
                    self._arrived.put(None)
                    return
                yield other

    def _answer(self, group: list[_Arrival[Call, Answer]]) -> None:
        answers: Sequence[Answer | BaseException]
        try:
            with logs.gathered():
                answers = self._serve([one.call for one in group])
        except BaseException as error:
            answers = [error] * len(group)
        with contextlib.suppress(RuntimeError):  # a loop that has ended has nobody to tell
            group[0].told.get_loop().call_soon_threadsafe(_tell, group, answers)


def _tell(
    group: Sequence[_Arrival[Call, Answer]], answers: Sequence[Answer | BaseException]
) -> None:
    for one, answer in zip(group, answers, strict=True):
        if one.told.done():  # its caller hung up
            continue
        if isinstance(answer, BaseException):
            one.told.set_exception(answer)
        else:
            one.told.set_result(answer)


def in_turn(work: Callable[[Call], Outcome], calls: Iterable[Call]) -> list[Outcome | Exception]:
    """The outcome of each, or its error in its place. Where the database is away for one, it is
    away for those after it: they are told so, and do not wait for it once more each."""
    outcomes: list[Outcome | Exception] = []
    away: Exception | None = None
    for call in calls:
        if away is not None:
            outcomes.append(away)
            continue
        try:
            outcomes.append(work(call))
        except Exception as error:
            outcomes.append(error)
            away = error if _is_away(error) else None
    return outcomes


def together(
    work: Callable[[Sequence[Call]], list[Outcome | Exception]],
    asked: Sequence[Call | Exception | None],
) -> list[Outcome | Exception | None]:
    """The work done at once for all that ask for it; errors, and those that ask for nothing, stay
    what they are. `work` raises when nothing was done."""
    wanted = [one for one in asked if one is not None and not isinstance(one, Exception)]
    outcomes = iter(_at_once(work, wanted))
    return [one if one is None or isinstance(one, Exception) else next(outcomes) for one in asked]


def _at_once(
    work: Callable[[Sequence[Call]], list[Outcome | Exception]], wanted: Sequence[Call]
) -> list[Outcome | Exception]:
    if not wanted:
        return []
    try:
        return work(wanted)
    except Exception as error:
        if len(wanted) == 1 or _is_away(error):
            return [error] * len(wanted)
        # The fault of one of them must not be the others'.
        return [outcome for one in wanted for outcome in _at_once(work, [one])]


def _is_away(error: Exception) -> bool:
    return isinstance(error, OperationalError | InterfaceError)
