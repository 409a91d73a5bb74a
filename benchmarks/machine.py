"""What it runs on, and what processes cost: read from /proc, so Linux only."""

import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from ml.bundle_files import check_bytes

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PACKAGES: Final = (
    "django",
    "djangorestframework",
    "celery",
    "psycopg",
    "numpy",
    "scikit-learn",
    "pandas",
    "gunicorn",
    "uvicorn",
    "granian",
)


def describe() -> dict[str, Any]:
    """The machine, the load of others at the start, and every version that matters."""
    found = {
        "processor": _processor(),
        "cores": cores(),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "kernel": platform.release(),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
    }
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    checked = check_bytes()
    return found | {"model": checked.version, "model_digest": checked.digest[:12]}


def cores() -> int:
    return len(os.sched_getaffinity(0))


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def family(*pids: int) -> list[int]:
    """These processes and all their descendants."""
    found = []
    for pid in pids:
        found.append(pid)
        try:
            tasks = list(Path(f"/proc/{pid}/task").iterdir())
            children = [int(one) for t in tasks for one in (t / "children").read_text().split()]
        except FileNotFoundError:
            continue
        found += family(*children)
    return found


def processor_seconds(pids: Iterable[int]) -> float:
    """User and system time of these processes so far, their ended children included."""
    total = 0
    for pid in pids:
        try:
            # The name may hold spaces; the numbers begin after its closing bracket.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(fields[place]) for place in (11, 12, 13, 14))
    return total / _TICKS


def memory(pid: int) -> dict[str, float]:
    """Resident (`rss`) and proportional (`pss`) memory of a process, in MB."""
    found = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in ("Rss", "Pss"):
            found[name.lower()] = int(rest.split()[0]) / 1024
    return found


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def has_loaded(pid: int, library: str) -> bool:
    """Whether a shared object of this Python package is mapped into the process."""
    return f"/{library}/" in Path(f"/proc/{pid}/maps").read_text()
