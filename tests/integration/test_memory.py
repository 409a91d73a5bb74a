"""A child that has served fifty thousand requests is no larger than one that has served a few."""

import gc
from pathlib import Path
from typing import Any

import pytest

from backend.triage import lifecycle
from backend.triage.values import Submission
from ml.case import parse_case
from ml.cohort import generate
from ml.records import body_of
from workers import inference
from workers.model_process import ModelProcess

ROWS, WARM, BATCH = 50_000, 5_000, 250
# What fragmentation and the allocator's pools may keep; a leak of 1 kB a row would be 45 MB.
GROWTH_MB = 16


def resident_mb() -> float:
    """Memory of this process, after what is unreachable was given back."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


@pytest.mark.slow
def test_fifty_thousand_requests_leave_the_memory_flat(
    owner_id: int, models_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    child = ModelProcess()
    child.refresh()
    monkeypatch.setattr(inference, "process", child)
    cases = [parse_case(body_of(r.case) | {"patient_id": "p"}) for r in generate(1_000, seed=9)]
    served, warm = 0, 0.0
    while served < ROWS:
        place = served % len(cases)
        lifecycle.submit(owner_id, [Submission(one) for one in cases[place : place + BATCH]])
        done = inference.drain()
        assert done["claimed"] == BATCH
        served += BATCH
        if served == WARM:
            warm = resident_mb()
    grown = resident_mb() - warm
    with capsys.disabled():
        print(f"\n  {ROWS - WARM} requests after {WARM}: {grown:+.1f} MB on {warm:.0f} MB")
    assert grown < GROWTH_MB
