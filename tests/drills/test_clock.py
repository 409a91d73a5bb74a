"""Scenario 12: clocks that are wrong. Time is decided by PostgreSQL's clock alone.

libfaketime (Debian: `libfaketime`) shifts the clocks of one process. Its monotonic clock must be
shifted with the wall clock (Python cannot sleep under libfaketime otherwise), so a clock that jumps
while its process runs cannot be shown with it: here every process lives in an hour of its own.
"""

import json
import random
import time
from pathlib import Path

import pytest

from tests.drills.drill import drill
from tests.drills.harness import KEEPERS, OTHERS, WEBS, WORKERS, System
from tests.drills.load import Load, bodies

LIBRARY = next(iter(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)
pytestmark = pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")


def clock(shift: str) -> dict[str, str]:
    return {"LD_PRELOAD": str(LIBRARY), "FAKETIME": shift, "NO_FAKE_STAT": "1"}


@pytest.mark.slow
def test_clocks_an_hour_apart_change_no_answer(system: System, tmp_path: Path) -> None:
    names = (*WEBS, *WORKERS, *KEEPERS, *OTHERS)
    system.restart(*names[::2], **clock("+1h"))
    system.restart(*names[1::2], **clock("-1h"))

    def fault(system: System, chance: random.Random, load: Load) -> int:
        time.sleep(15)
        return len(names)

    drilled = drill(system, tmp_path, "clocks an hour apart", fault, seed=30)
    drilled.check()
    fallback = sum(n for name, n in drilled.verdict.by_method.items() if "fallback" in name)
    assert fallback == 0, "nobody's deadline is read from a wrong clock"


@pytest.mark.slow
def test_a_wrong_clock_makes_no_report_twice_early_or_late(system: System) -> None:
    with system.client() as web:
        assert web.post("/api/v1/triage/", json=bodies(31, 1)[0]).status_code == 202
    system.wait_for_quiet()
    system.sql("UPDATE triage_triagerequest SET accepted_at = accepted_at - interval '2 days'")
    system.sql("TRUNCATE monitoring_accuracyreport CASCADE")
    made = []
    for step in ("+25h", "-25h", "+0s", "+1h"):
        out = system.run("manage.py", "check_accuracy", "--json", **clock(step))
        made.append(json.loads(out)["reports"])
    today = system.sql("SELECT (now() AT TIME ZONE 'UTC')::date")[0][0]
    days = system.sql(
        "SELECT day, count(*) FROM monitoring_accuracyreport GROUP BY 1, model_digest"
    )
    assert {(today - day).days for day, _ in days} == {1, 2}, "whole days, all of them"
    assert {count for _, count in days} == {1}
    assert made[0] > 0
    assert made[1:] == [0, 0, 0]
