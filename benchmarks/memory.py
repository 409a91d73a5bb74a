"""What the processes hold when they have served, and how long they take to begin."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from backend.stack.process import Process
from benchmarks import load, machine, rows, worker
from benchmarks.accept import NAIVE, OURS, key
from benchmarks.report import Report
from benchmarks.system import System

ROUNDS: Final = 3
_MOST_WEB_MEGABYTES: Final = 120
# More than one process has threads, so that none of them is left out.
_CALLERS: Final = 24
_BODIES: Final = 200
_SERVE_SECONDS: Final = 1.5
_HEAVY: Final = ("numpy", "scipy", "sklearn")


def measure(system: System, scale: float) -> Report:
    from ml.bundle import load_latest

    report = Report("memory", "processes of both services that have served; start to ready")
    del scale  # a size is a size
    starts: dict[str, list[float]] = {"web": [], "worker": [], "naive web": [], "naive worker": []}
    loads = []
    rows.empty()
    for number in range(ROUNDS):
        # What the webs accept is what the workers then work off.
        for name, start, use in (
            ("web", system.web, lambda port: _post(port, OURS, key(system))),
            ("worker", system.worker, lambda _: worker.wait(lambda: not rows.ours_unfinished())),
            ("naive web", system.naive_web, lambda port: _post(port, NAIVE, {})),
            ("naive worker", _naive_worker(system), lambda _: worker.wait(rows.naive_is_finished)),
        ):
            began = time.monotonic()
            with start() as running:
                starts[name].append(time.monotonic() - began)
                process, port = running if isinstance(running, tuple) else (running, 0)
                use(port)
                if number == ROUNDS - 1:
                    _tell(report, name, process)
        began = time.monotonic()
        load_latest()
        loads.append((time.monotonic() - began) * 1e3)
    report.compare("web: start to ready", "s", starts["web"], starts["naive web"], cost=True)
    report.tell("worker: start to both children proven", "s", starts["worker"])
    report.tell("model: read, prove, repeat its golden cases", "ms", loads)
    rows.empty()
    return report


def _post(port: int, path: str, headers: dict[str, str]) -> None:
    """So many requests that every process has served some."""
    requests = [load.post(port, path, one, headers) for one in rows.encoded(_BODIES)]
    load.closed_loop(port, requests, _CALLERS, _SERVE_SECONDS).only(201, 202)


def _naive_worker(system: System) -> Callable[[], AbstractContextManager[Process]]:
    return lambda: system.naive_worker(keeps_connections=True)


def _tell(report: Report, name: str, process: Process) -> None:
    """The main process and its children apart: a child shares with its parent what it can."""
    main, *children = machine.family(process.pid)
    found = [machine.memory(pid) for pid in children]
    bar = _MOST_WEB_MEGABYTES if name == "web" else None
    report.tell(f"{name}: main process, resident", "MB", [machine.memory(main)["rss"]])
    if found:
        report.tell(f"{name}: a child, resident", "MB", [o["rss"] for o in found], at_most=bar)
        report.tell(f"{name}: a child, its share", "MB", [o["pss"] for o in found])
    heavy = [one for one in _HEAVY if any(machine.has_loaded(p, one) for p in (main, *children))]
    report.notes.append(f"{name}: holds {', '.join(heavy) or 'no numeric library'}.")
