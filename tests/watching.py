"""How well the daily check finds a drop, beside the plain rule: `python -m tests.watching [RUNS]`.

Labels are coin tosses of a known accuracy: 85 % at first, as on the held-out data, then another.
The plain rule warns on each day whose share of right answers is under 75 %. Our warning is the
same; a breach asks that the day's whole interval is under 75 %, and the chart adds days up.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml.change_detection import Evidence, accuracy_evidence
from ml.statistics import wilson, wilson_interval

FLOOR = 0.75
HELD_OUT, RECORDS = 0.85, 3_000
QUIET_DAYS = 30
LONGEST = 120


@dataclass(frozen=True)
class Found:
    """Shares of days and runs for one number of labels a day; `within` maps days to the share of
    runs in which the chart's alarm stood by then, after the drop."""

    labels: int
    plain_false: float
    plain_missed: float
    breach_false: float
    breach_missed: float
    chart_false: float
    median_days: float
    within: dict[int, float]


def simulate(labels: int, dropped: float, runs: int, seed: int = 1) -> Found:
    """`runs` histories of `labels` labels a day: a quiet month at 85 %, then `dropped` (0-1)."""
    chance = np.random.default_rng(seed)
    held_out = wilson(round(HELD_OUT * RECORDS), RECORDS)
    assert held_out is not None
    good = chance.binomial(labels, HELD_OUT, (runs, QUIET_DAYS))
    bad = chance.binomial(labels, dropped, (runs, LONGEST))
    false_runs, delays = 0, []
    for run in range(runs):
        chart = after(Evidence(), good[run], labels, held_out.low)
        false_runs += chart is None
        chart = chart or Evidence()
        needed = LONGEST + 1
        for day, right in enumerate(bad[run], start=1):
            chart = one_day(chart, int(right), labels, held_out.low)
            if chart.alarm:
                needed = day
                break
        delays.append(needed)
    high = np.array([wilson_interval(k / labels, labels)[1] for k in range(labels + 1)])
    return Found(
        labels=labels,
        plain_false=float((good / labels < FLOOR).mean()),
        plain_missed=float((bad / labels >= FLOOR).mean()),
        breach_false=float((high[good] < FLOOR).mean()),
        breach_missed=float((high[bad] >= FLOOR).mean()),
        chart_false=false_runs / runs,
        median_days=float(np.median(delays)),
        within={n: float(np.mean(np.array(delays) <= n)) for n in (2, 5, 7, 14)},
    )


def one_day(chart: Evidence, right: int, labels: int, reference: float) -> Evidence:
    """The chart after a day with so many right answers."""
    return chart.after(accuracy_evidence([n < right for n in range(labels)], reference))


def after(chart: Evidence, days: Sequence[int], labels: int, reference: float) -> Evidence | None:
    """The chart after these days, None if its alarm stood on one of them."""
    for right in days:
        chart = one_day(chart, int(right), labels, reference)
        if chart.alarm:
            return None
    return chart


def run_length(labels: int, accuracy: float, runs: int, longest: int, seed: int = 2) -> float:
    """Mean days to a false alarm, at most `longest`: labels of `accuracy` (0-1) against the
    reference of a model that was measured at 85 % on 3,000 records."""
    chance = np.random.default_rng(seed)
    held_out = wilson(round(HELD_OUT * RECORDS), RECORDS)
    assert held_out is not None
    days = 0
    for _ in range(runs):
        chart = Evidence()
        for right in chance.binomial(labels, accuracy, longest):
            chart = one_day(chart, int(right), labels, held_out.low)
            days += 1
            if chart.alarm:
                break
    return days / runs


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    print(
        "| labels a day | falls to | plain rule: false / missed days "
        "| breach: false / missed days | chart: false in 30 days "
        "| median days to find | by 2 | by 5 | by 7 | by 14 |\n"
        f"|{'---|' * 10}"
    )
    for dropped in (0.70, 0.60):
        for labels in (20, 50, 200):
            one = simulate(labels, dropped, runs)
            within = " | ".join(f"{share:.0%}" for share in one.within.values())
            print(
                f"| {labels} | {dropped:.0%} | {one.plain_false:.1%} / {one.plain_missed:.1%} "
                f"| {one.breach_false:.2%} / {one.breach_missed:.1%} | {one.chart_false:.1%} "
                f"| {one.median_days:g} | {within} |"
            )
    held_out = wilson(round(HELD_OUT * RECORDS), RECORDS)
    assert held_out is not None
    for labels in (20, 200):
        edge = run_length(labels, held_out.low, 200, 3_000)
        same = run_length(labels, HELD_OUT, 100, 3_000)
        print(
            f"\nMean days to a false alarm at {labels} labels a day: {edge:.0f} at the edge of the "
            f"hypothesis ({held_out.low:.1%}), {same:.0f} (of at most 3,000) at {HELD_OUT:.0%}."
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
