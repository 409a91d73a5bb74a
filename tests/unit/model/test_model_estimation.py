"""Performance without labels: by hand, and its interval's coverage by simulation."""

import numpy as np
import pytest

from ml.estimation import estimate
from ml.schema import Level

R, S, U, E = Level


def test_shares_by_hand() -> None:
    p = np.array([[0.7, 0.2, 0.1, 0.0], [0.1, 0.2, 0.3, 0.4]])
    found = estimate([R, U], p, calibrated_on=10_000)
    assert found is not None
    assert found.accuracy == pytest.approx((0.7 + 0.3) / 2)
    assert found.under_triage == pytest.approx((0.3 + 0.4) / 2)
    assert found.over_triage == pytest.approx((0.0 + 0.3) / 2)
    # All expected emergencies lie in the second case, which was answered urgent.
    assert found.emergency_recall == pytest.approx(0.0)
    assert estimate([], np.zeros((0, 4)), 100) is None
    with pytest.raises(ValueError, match="four probabilities"):
        estimate([R], np.zeros((1, 3)), 100)


def test_the_interval_holds_the_truth_of_a_calibrated_model() -> None:
    """Truths drawn from the model's own probabilities: 95 % of intervals hold the accuracy."""
    chance = np.random.default_rng(8)
    held, runs, n = 0, 300, 80
    for _ in range(runs):
        p = chance.dirichlet([2.0, 1.5, 1.0, 0.7], n)
        answers = [Level(level) for level in p.argmax(axis=1)]
        truth = [chance.choice(4, p=row) for row in p]
        found = estimate(answers, p, calibrated_on=1_000_000)
        assert found is not None
        accuracy = float(np.mean([t == a for t, a in zip(truth, answers, strict=True)]))
        held += found.low <= accuracy <= found.high
    assert 0.92 <= held / runs <= 0.98
