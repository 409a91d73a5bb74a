"""What the processes hold, and how long they take to begin."""

import time
from typing import Final

from backend.stack.process import Process
from benchmarks import machine
from benchmarks.report import Report
from benchmarks.system import System

ROUNDS: Final = 3
_MOST_WEB_MEGABYTES: Final = 120
_HEAVY: Final = ("numpy", "scipy", "sklearn")


def measure(system: System, scale: float) -> Report:
    from ml.bundle import load_latest

    report = Report("memory", "processes of both services after a first request; start to ready")
    del scale  # a size is a size
    starts: dict[str, list[float]] = {"web": [], "worker": [], "naive web": [], "naive worker": []}
    loads = []
    for number in range(ROUNDS):
        last = number == ROUNDS - 1
        for name, start in (
            ("web", system.web),
            ("worker", system.worker),
            ("naive web", system.naive_web),
        ):
            began = time.monotonic()
            with start() as running:
                starts[name].append(time.monotonic() - began)
                process = running[0] if isinstance(running, tuple) else running
                if last:
                    _tell(report, name, process)
        began = time.monotonic()
        load_latest()
        loads.append((time.monotonic() - began) * 1e3)
    report.compare("web: start to ready", "s", starts["web"], starts["naive web"], cost=True)
    report.tell("worker: start to both children proven", "s", starts["worker"])
    report.tell("model: read, prove, repeat its golden cases", "ms", loads)
    return report


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
    where = "its children" if name == "worker" else "it"
    report.notes.append(f"{name}: {where} holds {', '.join(heavy) or 'no numeric library'}.")
