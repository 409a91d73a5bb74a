"""Scenario 12: a clock that is wrong. Time is decided by PostgreSQL's clock alone.

libfaketime (Debian: `libfaketime`) shifts the clock of one command. It does not do for processes
that run on: with the monotonic clock left alone Python cannot sleep under it, with both shifted
waits with a deadline last as long as the shift.
"""

import json
from pathlib import Path

import pytest

from tests.drills.harness import TRIAGE, System
from tests.drills.load import bodies

LIBRARY = next(iter(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)
pytestmark = pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")


def clock(shift: str) -> dict[str, str]:
    return {"LD_PRELOAD": str(LIBRARY), "FAKETIME": shift, "NO_FAKE_STAT": "1"}


@pytest.mark.slow
def test_a_wrong_clock_makes_no_report_twice_early_or_late(system: System) -> None:
    with system.client() as web:
        assert web.post(TRIAGE, json=bodies(31, 1)[0]).status_code == 202
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
