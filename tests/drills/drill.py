"""One drill: load, faults, healing, quiet, verdict; and its row in the table."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.drills.harness import System
from tests.drills.load import Load
from tests.drills.oracle import Verdict, judge

HEALED_SECONDS: Final = 30
# 202 or 503 within 3 s, and what a machine busy with drills adds.
ANSWER_SECONDS: Final = 4.0
# The deadline, a sweep, and a database that comes back only then.
SLOWEST_SECONDS: Final = 30.0
# What a fault does: it gets the system, its own random numbers and the running load, and
# returns how many faults it made.
Fault = Callable[[System, random.Random, Load], int]


@dataclass(frozen=True, slots=True)
class Drilled:
    """One row of the table. Seconds."""

    scenario: str
    seed: int
    faults: int
    verdict: Verdict
    post_p99: float
    slowest_response: float
    healed: float
    statuses: dict[int, int]
    answer_seconds: float = ANSWER_SECONDS

    def check(self) -> None:
        """Every promise was kept."""
        assert self.verdict.accepted > 0, "a drill without load proves nothing"
        assert not self.verdict.wrong, self.verdict.wrong[:20]
        assert (self.verdict.lost, self.verdict.doubled) == (0, 0)
        assert set(self.statuses) <= {200, 202, 429, 503}, self.statuses
        assert self.verdict.slowest < SLOWEST_SECONDS, "an answer came long after its deadline"
        assert self.slowest_response < self.answer_seconds, "a caller was kept waiting"

    def cells(self) -> list[str]:
        methods = ", ".join(f"{n} {name}" for name, n in sorted(self.verdict.by_method.items()))
        return [
            self.scenario,
            str(self.faults),
            str(self.verdict.accepted),
            methods,
            str(self.verdict.lost),
            str(self.verdict.doubled),
            f"{self.verdict.slowest:.1f}",
            f"{self.post_p99 * 1000:.0f}",
            f"{self.healed:.1f}",
        ]


HEAD: Final = [
    "scenario", "faults", "accepted", "answered by", "lost", "doubled", "slowest s",
    "POST p99 ms", "quiet after s",
]  # fmt: skip


def table(rows: Sequence[Drilled]) -> str:
    """The table as Markdown."""
    lines = [HEAD, ["---"] * len(HEAD), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def drill(
    system: System,
    directory: Path,
    scenario: str,
    fault: Fault,
    *,
    seed: int,
    rate: float = 20.0,
    threads: int = 2,
    within: float = HEALED_SECONDS,
    answer_seconds: float = ANSWER_SECONDS,
) -> Drilled:
    """Run `fault` under load, heal, wait for quiet (at most `within` seconds) and judge."""
    with Load(system, directory / f"{scenario}-{seed}.jsonl", seed, rate, threads) as load:
        load.start()
        try:
            faults = fault(system, random.Random(seed), load)
        finally:
            system.heal()
            load.stop()
    ended = time.monotonic()
    system.wait_for_quiet(within)
    healed = time.monotonic() - ended
    verdict = judge(system, [load.path])
    return Drilled(
        scenario,
        seed,
        faults,
        verdict,
        p99(load),
        load.slowest,
        healed,
        load.statuses,
        answer_seconds,
    )


def p99(load: Load) -> float:
    """Seconds of the 99th percentile of accepted POSTs."""
    seconds = sorted(one.seconds for one in load.posted)
    return seconds[int(len(seconds) * 0.99)] if seconds else 0.0
