"""Faults of the database under load."""

import os
import random
import signal
import time
from pathlib import Path

import psycopg

from tests.drills.drill import Drilled, drill
from tests.drills.harness import System
from tests.drills.load import Load
from tests.drills.small_disk import fill
from tests.eventually import eventually

_SIGNALS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}


def restarted(system: System, directory: Path, seed: int, faults: int, how: str) -> Drilled:
    """`pg_ctl restart -m fast|immediate`, as its signals."""

    def fault(system: System, chance: random.Random, load: Load) -> int:
        for _ in range(faults):
            time.sleep(chance.uniform(0.5, 2))
            chosen = chance.choice(["fast", "immediate"]) if how == "either" else how
            process = system.processes["postgres"]
            os.kill(process.pid, _SIGNALS[chosen])
            eventually(lambda one=process: one.exit_code() is not None, 20, what="it ends")
            time.sleep(chance.uniform(0, 0.5))
            system.begin("postgres")
        return faults

    return drill(system, directory, f"database restarted ({how})", fault, seed=seed)


def cut_off(system: System, directory: Path, seed: int, faults: int) -> Drilled:
    """Every connection of the service is terminated, whatever it is in the middle of."""
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"

    def fault(system: System, chance: random.Random, load: Load) -> int:
        for _ in range(faults):
            time.sleep(chance.uniform(0.1, 0.6))
            system.sql(f"{cut} AND datname = current_database()")
        return faults

    return drill(system, directory, "connections cut", fault, seed=seed, rate=40)


def locked(system: System, directory: Path, seed: int, seconds: float) -> Drilled:
    """Somebody holds the table, and everybody queues behind."""

    def fault(system: System, chance: random.Random, load: Load) -> int:
        time.sleep(1)
        with system.connect() as session, session.transaction():
            _lock(session)
            time.sleep(seconds)
        return 1

    return drill(system, directory, "table locked", fault, seed=seed)


def disk_full(system: System, directory: Path, seed: int, seconds: float, disk: Path) -> Drilled:
    """The file system of the database fills up under load, stays full, and is emptied. PostgreSQL
    may end over it; it is started again then, as a supervisor does, and nothing else is."""

    def fault(system: System, chance: random.Random, load: Load) -> int:
        others = {n: p.pid for n, p in system.processes.items() if n != "postgres"}
        time.sleep(2)
        ballast = disk / "ballast"

        def refused() -> bool:
            fill(ballast)
            return load.statuses.get(503, 0) > 0

        eventually(refused, 60, 0.2, what="the full disk is noticed")
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            fill(ballast)
            time.sleep(0.2)
        ballast.unlink()
        accepted = len(load.posted)
        if system.processes["postgres"].exit_code() is not None:
            system.begin("postgres")
        eventually(lambda: len(load.posted) > accepted + 10, 30, what="requests are accepted again")
        assert {n: p.pid for n, p in system.processes.items() if n != "postgres"} == others
        assert all(system.processes[name].exit_code() is None for name in others), "none was lost"
        return 1

    return drill(system, directory, "disk full", fault, seed=seed)


def _lock(session: psycopg.Connection[tuple[object, ...]]) -> None:
    session.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    session.execute("LOCK TABLE triage_triagerequest IN ACCESS EXCLUSIVE MODE")
