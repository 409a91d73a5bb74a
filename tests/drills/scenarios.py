"""Faults of the broker and of its messages: lost, emptied, frozen, refusing, poisoned."""

import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.drills.drill import Drilled, drill
from tests.drills.harness import WORKERS, System
from tests.drills.load import Load
from tests.eventually import eventually


def dead_letter(system: System, directory: Path, seed: int, rounds: int) -> Drilled:
    """Worker mains are stopped while idle, hints go into their sockets, then they are killed:
    Celery on Redis loses such a message whatever is configured."""

    def fault(system: System, chance: random.Random, load: Load) -> int:
        for _ in range(rounds):
            system.freeze(*(system.pid(name) for name in WORKERS))
            _next_posts(load, 4)
            time.sleep(chance.uniform(0.2, 0.8))
            system.kill(*WORKERS)
            system.begin(*WORKERS)
        return rounds * len(WORKERS)

    return drill(system, directory, "hints lost in stopped workers", fault, seed=seed, rate=5)


def empty_broker(system: System, directory: Path, seed: int, faults: int) -> Drilled:
    """FLUSHALL about every second; every third fault kills the broker and deletes its log."""

    def fault(system: System, chance: random.Random, load: Load) -> int:
        for number in range(faults):
            time.sleep(chance.uniform(0.3, 1.0))
            if number % 3 == 2:
                system.kill("valkey")
                for file in (system.directory / "valkey" / "appendonlydir").glob("*"):
                    file.unlink()
                time.sleep(chance.uniform(0, 0.5))
                system.begin("valkey")
            else:
                system.broker().flushall()
        return faults

    return drill(system, directory, "broker emptied", fault, seed=seed)


def restarted_broker(system: System, directory: Path, seed: int, faults: int) -> Drilled:
    """Killed at random moments and started again, with what its log kept."""

    def fault(system: System, chance: random.Random, load: Load) -> int:
        for _ in range(faults):
            time.sleep(chance.uniform(0.1, 1.0))
            system.kill("valkey")
            time.sleep(chance.uniform(0, 0.3))
            system.begin("valkey")
        return faults

    return drill(system, directory, "broker restarted", fault, seed=seed)


@dataclass(frozen=True, slots=True)
class Added:
    """Seconds that a fault added to a POST, and what a POST takes without it."""

    p50: float
    p99: float
    base_p50: float
    base_p99: float

    def __str__(self) -> str:
        return (
            f"p50 {self.p50 * 1000:+.1f} ms, p99 {self.p99 * 1000:+.1f} ms"
            f" (without: {self.base_p50 * 1000:.1f} and {self.base_p99 * 1000:.1f} ms)"
        )


def frozen_broker(system: System, directory: Path, seed: int, posts: int) -> tuple[Drilled, Added]:
    """SIGSTOP: connections stay open and nothing ever answers."""
    measured: list[Added] = []

    def fault(system: System, chance: random.Random, load: Load) -> int:
        before = _next_posts(load, posts)
        system.freeze(system.pid("valkey"))
        frozen = _next_posts(load, posts)
        system.thaw(system.pid("valkey"))
        base = quantiles(before)
        found = quantiles(frozen)
        measured.append(Added(found[0] - base[0], found[1] - base[1], *base))
        return 1

    drilled = drill(system, directory, "broker frozen", fault, seed=seed, rate=40)
    return drilled, measured[0]


def _next_posts(load: Load, count: int) -> list[float]:
    start = len(load.posted)
    eventually(lambda: len(load.posted) >= start + count, 60, what="submissions go on")
    return [one.seconds for one in load.posted[start : start + count]]


def quantiles(seconds: list[float]) -> tuple[float, float]:
    ordered = sorted(seconds)
    return ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]


# How a broker refuses, and how it stops to: commands of its own.
REFUSALS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "read-only replica": (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
    "out of memory": (
        ("CONFIG", "SET", "maxmemory", "1kb"),
        ("CONFIG", "SET", "maxmemory", "256mb"),
    ),
    "denied": (("ACL", "SETUSER", "default", "-lpush"), ("ACL", "SETUSER", "default", "+lpush")),
    "dead": ((), ()),
}


def refusing_broker(system: System, directory: Path, seed: int, how: str) -> Drilled:
    """A broker that answers every publication with an error, or with no connection."""
    begin, end = REFUSALS[how]

    def fault(system: System, chance: random.Random, load: Load) -> int:
        if begin:
            system.broker().execute_command(*begin)
        else:
            system.kill("valkey")
        try:
            _next_posts(load, 40)
        finally:
            if end:
                system.broker().execute_command(*end)
        return 1

    return drill(system, directory, f"broker {how}", fault, seed=seed)
