"""The counters of all processes of this machine or container, dead ones included.

`prometheus_client` keeps a file a process and never forgets one: what a dead process counted must
stay in the sum, or Prometheus would take the drop for a restart. So that a worker whose children
die often leaves no heap of files behind, the dead ones' are added up into one file now and then.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from backend.monitoring.presence import exists

# Of one kind (counters, histograms). A file has 64 kB; reading so many takes some milliseconds.
_MOST_FILES: Final = 64
_KINDS: Final = ("counter", "histogram")
# A pid of no process: the sum of the dead.
_DEAD: Final = "0"
# Flower counts its own things in the same directory; they are at its own /metrics.
_OURS: Final = "triage_"


class _Shared(Collector):
    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def collect(self) -> Iterable[Metric]:
        with _locked(self._directory, fcntl.LOCK_EX | fcntl.LOCK_NB) as alone:
            if alone:
                for kind in _KINDS:
                    _add_up_the_dead(self._directory, kind)
        with _locked(self._directory, fcntl.LOCK_SH):
            found = MultiProcessCollector(None, str(self._directory)).collect()
        return [metric for metric in found if metric.name.startswith(_OURS)]


class _Own(Collector):
    """This process alone: where no directory is shared."""

    def collect(self) -> Iterable[Metric]:
        return [metric for metric in REGISTRY.collect() if metric.name.startswith(_OURS)]


def register(registry: CollectorRegistry) -> None:
    """Put the processes' counters into `registry`."""
    directory = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    registry.register(_Shared(Path(directory)) if directory else _Own())


@contextmanager
def _locked(directory: Path, how: int) -> Iterator[bool]:
    """Readers share, whoever adds up is alone: else a dead process would be counted twice."""
    with (directory / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, how)
        except BlockingIOError:
            yield False
        else:
            yield True


def _add_up_the_dead(directory: Path, kind: str) -> None:
    files = sorted(directory.glob(f"{kind}_*.db"))
    if len(files) <= _MOST_FILES:
        return
    dead = [file for file in files if not _lives(file)]
    beside = directory / f"{kind}.sum"
    beside.unlink(missing_ok=True)
    total: dict[str, float] = {}
    for file in dead:
        for key, value, _, _ in _values(file):
            total[key] = total.get(key, 0.0) + value
    into = MmapedDict(str(beside))
    for key, value in total.items():
        into.write_value(key, value, 0.0)
    into.close()
    beside.rename(directory / f"{kind}_{_DEAD}.db")
    for file in dead:
        if file.stem != f"{kind}_{_DEAD}":
            file.unlink()


def _lives(file: Path) -> bool:
    pid = file.stem.rpartition("_")[2]
    return not pid.isdecimal() or (pid != _DEAD and exists(int(pid)))


def _values(file: Path) -> Iterable[tuple[str, float, float, Any]]:
    found: Iterable[tuple[str, float, float, Any]] = MmapedDict.read_all_values_from_file(str(file))
    return found
