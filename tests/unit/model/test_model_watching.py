"""The daily check against the plain rule, in the issue's own numbers and as a table."""

import pytest
from scipy.stats import binom

from ml.change_detection import RUN_LENGTH_DAYS
from ml.statistics import wilson
from tests.watching import HELD_OUT, RECORDS, run_length, simulate


def test_the_plain_rule_misses_and_cries_wolf() -> None:
    """Exact: at 20 labels 15 right are at the floor of 75 %, 14 are under it."""
    assert binom.sf(14, 20, 0.70) == pytest.approx(0.416, abs=0.001)
    assert binom.cdf(14, 20, 0.85) == pytest.approx(0.067, abs=0.001)
    found = simulate(20, 0.70, runs=60)
    assert found.plain_missed == pytest.approx(0.416, abs=0.03)
    assert found.plain_false == pytest.approx(0.067, abs=0.03)


def test_the_check_finds_the_same_drop_in_days_and_is_quiet_before() -> None:
    found = simulate(20, 0.70, runs=60)
    assert found.breach_false < 0.005
    assert found.chart_false <= 0.05
    assert found.within[14] >= 0.9


@pytest.mark.slow
def test_false_alarms_are_as_far_apart_as_promised() -> None:
    """At the edge of the hypothesis, where they are most frequent; and rare at the usual level."""
    held_out = wilson(round(HELD_OUT * RECORDS), RECORDS)
    assert held_out is not None
    for labels in (20, 200):
        assert run_length(labels, held_out.low, 100, 2_000) >= RUN_LENGTH_DAYS
        assert run_length(labels, HELD_OUT, 30, 1_000) >= 3 * RUN_LENGTH_DAYS
    strong = simulate(50, 0.60, runs=300)
    assert strong.chart_false <= 0.05
    assert strong.within[5] >= 0.95
