"""Everything dies: random kills of every kind of process, rolling restarts, more than it can do."""

import os
import random
import signal
import time
from pathlib import Path

from tests.drills.drill import Drilled, drill
from tests.drills.harness import KEEPERS, OTHERS, WEBS, WORKERS, System, alive
from tests.drills.load import Load
from tests.eventually import eventually

KINDS = ("web", "web child", "worker", "worker child", "keeper", "other", "broker", "database")
_FREEZE_SHARE = 0.15
# A web whose only child was killed accepts connections and answers them when the next has started.
BOOT_SECONDS = 15.0


def random_kills(system: System, directory: Path, seed: int, faults: int) -> Drilled:
    """kill -9 of a process of a random kind, or a freeze of it for a moment, every half second.

    What is dead is started again a moment later, as a supervisor does, without waiting for it.
    """

    def fault(system: System, chance: random.Random, load: Load) -> int:
        made = 0
        while made < faults:
            time.sleep(chance.uniform(0.2, 0.8))
            _revive(system)
            made += _strike(system, chance, chance.choice(KINDS))
        return made

    name = "random kills and freezes"
    return drill(system, directory, name, fault, seed=seed, within=60, answer_seconds=BOOT_SECONDS)


def _strike(system: System, chance: random.Random, kind: str) -> int:
    """One fault; 0 where there is nothing alive of that kind just now."""
    names = {
        "web": WEBS,
        "worker": WORKERS,
        "keeper": KEEPERS,
        "other": OTHERS,
        "broker": ("valkey",),
        "database": ("postgres",),
    }[kind.split()[0]]
    name = chance.choice(names)
    if kind.endswith("child"):
        children = alive(system.family(name)[1:])
        if not children:
            return 0
        pid = chance.choice(children)
        if chance.random() < _FREEZE_SHARE:
            system.freeze(pid)
            time.sleep(chance.uniform(0.2, 2))
            system.thaw(pid)
        else:
            os.kill(pid, signal.SIGKILL)
        return 1
    process = system.processes[name]
    if process.exit_code() is not None:
        return 0
    if name == "postgres":
        os.kill(process.pid, signal.SIGQUIT)  # as kill -9 of its main process, but in one go
        eventually(lambda: process.exit_code() is not None, 20, what="it ends")
    else:
        system.kill(name)
    return 1


def _revive(system: System) -> None:
    dead = [name for name, one in system.processes.items() if one.exit_code() is not None]
    stores = [name for name in dead if name in ("postgres", "valkey")]
    if stores:
        system.begin(*stores)
    for name in dead:
        if name not in stores:
            system.launch(name)


def rolling_restarts(system: System, directory: Path, seed: int, rounds: int) -> Drilled:
    """SIGTERM to one process after another, each started again before the next: a deployment."""

    def fault(system: System, chance: random.Random, load: Load) -> int:
        count = 0
        for _ in range(rounds):
            for name in (*WORKERS, *KEEPERS, *OTHERS, *WEBS):
                system.processes[name].ask_to_stop()
                eventually(
                    lambda one=system.processes[name]: one.exit_code() is not None,
                    30,
                    what=f"{name} ends by itself",
                )
                system.begin(name)
                count += 1
        assert set(load.statuses) == {202}, "no error beyond a refused connection"
        return count

    name = "rolling restarts"
    return drill(system, directory, name, fault, seed=seed, answer_seconds=BOOT_SECONDS)
