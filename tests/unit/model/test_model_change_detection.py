"""Evidence that adds up: by hand, against its guarantee, and at finding what is there."""

import json
import math

import numpy as np
import pytest

from ml.change_detection import (
    ODDS_RATIOS,
    RUN_LENGTH_DAYS,
    Evidence,
    accuracy_evidence,
    urgency_evidence,
)
from ml.schema import Level

R, S, U, E = Level


def test_accuracy_evidence_by_hand() -> None:
    # Reference 0.8: odds of an error 1/4. Twice the odds are 1/2, an error of 1/3: a right label
    # counts (2/3)/0.8 = 5/6, a wrong one (1/3)/0.2 = 5/3.
    found = accuracy_evidence([True, True, False], 0.8)
    assert found[ODDS_RATIOS.index(2.0)] == pytest.approx(math.log(5 / 6 * 5 / 6 * 5 / 3))
    assert accuracy_evidence([], 0.8) == [0.0] * len(ODDS_RATIOS)
    # Half a weight moves a likelihood ratio half the way to 1.
    half = accuracy_evidence([False], 0.8, [0.5])
    assert half[ODDS_RATIOS.index(2.0)] == pytest.approx(math.log((1 + 5 / 3) / 2))


def test_urgency_evidence_by_hand() -> None:
    # Even odds of four levels; the alternative of ratio 2 has 1:2:4:8 of 15. An emergency counts
    # (8/15)/(1/4) = 32/15, a routine case (1/15)/(1/4) = 4/15.
    even = np.full((2, 4), 0.25)
    found = urgency_evidence([E, R], even)
    assert found[ODDS_RATIOS.index(2.0)] == pytest.approx(math.log(32 / 15 * 4 / 15))


def test_the_sum_by_hand_and_through_json() -> None:
    # M = (1 + 0) * 2 = 2, then (1 + 2) * 2 = 6, for every ratio.
    day = [math.log(2.0)] * len(ODDS_RATIOS)
    twice = Evidence().after(day).after(day)
    assert twice.value == pytest.approx(6.0)
    again = Evidence.from_json(json.loads(json.dumps(twice.to_json())))
    assert again == twice
    assert Evidence.from_json(None).value == 0.0
    grown = twice
    for _ in range(400):
        grown = grown.after([500.0] * len(ODDS_RATIOS))
    assert grown.alarm
    assert math.isfinite(grown.value)


def test_each_bet_is_fair_at_the_reference_and_loses_above_it() -> None:
    """The expectation of a day's evidence is what the guarantee rests on."""
    for reference in (0.55, 0.75, 0.95):
        right, wrong = (np.exp(accuracy_evidence([ok], reference)) for ok in (True, False))
        assert reference * right + (1 - reference) * wrong == pytest.approx(1.0)
        better = reference + 0.02
        assert (better * right + (1 - better) * wrong < 1).all()
    p = np.array([[0.4, 0.3, 0.2, 0.1]])
    bets = np.array([np.exp(urgency_evidence([level], p)) for level in Level])
    assert p @ bets == pytest.approx(np.ones((1, len(ODDS_RATIOS))))


@pytest.mark.parametrize("labels_a_day", [5, 60])
def test_false_alarms_are_as_rare_as_promised(labels_a_day: int) -> None:
    """At the edge of the hypothesis, its worst case: at most 5 % of five days hold an alarm."""
    chance = np.random.default_rng(4)
    runs, days = 400, 5
    alarms = 0
    for _ in range(runs):
        chart = Evidence()
        for _ in range(days):
            right = chance.random(labels_a_day) < 0.72
            chart = chart.after(accuracy_evidence(right.tolist(), 0.72))
            if chart.alarm:
                alarms += 1
                break
    assert alarms / runs <= days / RUN_LENGTH_DAYS


def test_a_drop_after_a_quiet_month_is_found_within_days() -> None:
    chance = np.random.default_rng(5)
    chart = Evidence()
    for _ in range(30):
        chart = chart.after(accuracy_evidence((chance.random(40) < 0.87).tolist(), 0.85))
    assert not chart.alarm
    for _day in range(1, 8):
        chart = chart.after(accuracy_evidence((chance.random(40) < 0.68).tolist(), 0.85))
        if chart.alarm:
            break
    assert chart.alarm
    assert _day <= 5


def test_patients_sicker_than_the_model_says_are_found() -> None:
    chance = np.random.default_rng(6)
    said = np.tile([0.4, 0.3, 0.2, 0.1], (40, 1))
    chart = Evidence()
    for _ in range(10):
        truth = [Level(level) for level in chance.choice(4, 40, p=said[0])]
        chart = chart.after(urgency_evidence(truth, said))
    assert not chart.alarm
    for _ in range(4):
        truth = [Level(level) for level in chance.choice(4, 40, p=[0.2, 0.3, 0.2, 0.3])]
        chart = chart.after(urgency_evidence(truth, said))
    assert chart.alarm


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        accuracy_evidence([True], 1.0)
    with pytest.raises(ValueError, match="weight"):
        accuracy_evidence([True], 0.8, [1.5])
    with pytest.raises(ValueError, match="four probabilities"):
        urgency_evidence([R], np.ones((1, 3)))
