"""Calibration and thresholds: exact, deterministic, and as asked for."""

import numpy as np
import pytest

from ml.calibration import (
    OVER_TRIAGE_CAP,
    WANTED_RECALL,
    Calibration,
    Thresholds,
    fit_calibration,
    fit_thresholds,
)
from ml.schema import Level


def sample(n: int, sharpness: float) -> tuple[np.ndarray, list[int]]:
    """Scores of known calibration: labels are drawn from softmax(scores), then scores scaled."""
    random = np.random.default_rng(3)
    scores = random.normal(size=(n, 4)) * 1.5
    p = Calibration(1.0, (0.0, 0.0, 0.0, 0.0)).probabilities(scores)
    labels = [int(random.choice(4, p=row)) for row in p]
    return scores * sharpness, labels


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_calibration_finds_the_temperature(sharpness: float) -> None:
    scores, labels = sample(6_000, sharpness)
    found = fit_calibration(scores, labels)
    assert found.temperature == pytest.approx(sharpness, rel=0.08)
    assert found.offsets == pytest.approx((0, 0, 0, 0), abs=0.12)
    assert Calibration.from_json(found.to_json()) == found


def test_probabilities_sum_to_one_for_extreme_scores() -> None:
    p = Calibration(0.5, (0.0, 0.0, 0.0, 0.0)).probabilities(np.array([[1e4, -1e4, 0, 0]]))
    assert p.sum() == pytest.approx(1.0)
    assert p[0, 0] == pytest.approx(1.0)


def test_thresholds_choose_upwards() -> None:
    t = Thresholds(emergency=0.25, not_below_urgent=0.08, routine_weight=2.0)
    p = np.array(
        [
            [0.1, 0.6, 0.05, 0.25],  # the threshold raises it
            [0.2, 0.6, 0.1, 0.1],  # too likely an emergency to be soon
            [0.3, 0.5, 0.2, 0.0],  # the rare level is weighted
            [0.1, 0.2, 0.65, 0.05],
        ]
    )
    expected = [Level.EMERGENCY, Level.URGENT, Level.ROUTINE, Level.URGENT]
    assert t.choose(p).tolist() == expected


def test_fitted_thresholds_reach_the_recall_under_the_cap() -> None:
    scores, labels = sample(4_000, 1.0)
    p = Calibration(0.45, (0.0, 0.0, 0.0, 0.0)).probabilities(scores)
    p = 0.75 * p + 0.25 * np.eye(4)[labels]  # a good model
    levels = fit_thresholds(p, labels).choose(p)
    truth = np.array(labels)
    assert np.mean(levels > truth) <= OVER_TRIAGE_CAP
    assert np.mean(levels[truth == 3] == 3) >= WANTED_RECALL


def test_the_cap_holds_where_the_recall_cannot_be_had() -> None:
    _, labels = sample(2_000, 1.0)
    p = np.tile([0.1, 0.5, 0.25, 0.15], (2_000, 1))  # a model that knows nothing
    levels = fit_thresholds(p, labels).choose(p)
    truth = np.array(labels)
    assert np.mean(levels > truth) < np.mean(np.full(2_000, 3) > truth)
    assert set(levels.tolist()) == {Level.SOON}
