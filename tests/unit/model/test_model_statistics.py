"""Statistics against values worked out by hand or printed in textbooks."""

import numpy as np
import pytest

from ml.case import parse_case
from ml.evaluation import arm_of, score, table
from ml.schema import Level
from ml.statistics import (
    brier,
    calibration_error,
    clopper_pearson,
    hajek,
    holm,
    macro_f1,
    over_triage,
    quadratic_kappa,
    under_triage,
    wilson,
    wilson_interval,
)

R, S, U, E = Level


def test_intervals() -> None:
    # Newcombe, Stat Med 1998;17:857-72, table I: 81 of 263.
    found = wilson(81, 263)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    exact = clopper_pearson(81, 263)
    assert exact is not None
    assert (exact.low, exact.high) == pytest.approx((0.2527, 0.3676), abs=1e-4)
    # None of n: the upper bound is 1 - (alpha / 2) ** (1 / n).
    none = clopper_pearson(0, 20)
    assert none is not None
    assert (none.low, none.high) == pytest.approx((0.0, 1 - 0.025 ** (1 / 20)))
    assert wilson(0, 0) is None
    assert clopper_pearson(0, 0) is None


def test_a_weighted_share_by_hand() -> None:
    # Weights 2, 2, 10, 10, of which 2 + 10 hold: 12 of 24. Variance: 0.25 * (4+4+100+100) / 576,
    # so 0.25 / variance = 576 / 208 cases, which is Kish's number here too.
    found = hajek([True, False, True, False], [0.5, 0.5, 0.1, 0.1])
    assert found is not None
    assert found.share == pytest.approx(0.5)
    assert found.effective_n == pytest.approx(576 / 208)
    # Equal probabilities: the plain share and Wilson's interval.
    plain, same = wilson(81, 263), hajek([n < 81 for n in range(263)], [0.2] * 263)
    assert plain is not None
    assert same is not None
    assert (same.share, same.low, same.high) == pytest.approx((plain.share, plain.low, plain.high))
    assert wilson_interval(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert hajek([], []) is None
    with pytest.raises(ValueError, match="probability"):
        hajek([True], [0.0])


def test_weights_undo_a_selective_sample() -> None:
    """Errors are looked at ten times as often: the plain share lies, the weighted one does not."""
    chance = np.random.default_rng(1)
    right = chance.random(20_000) < 0.8
    drawn = np.where(right, 0.05, 0.5)
    taken = chance.random(20_000) < drawn
    found = hajek(right[taken].tolist(), drawn[taken].tolist())
    assert found is not None
    assert right[taken].mean() < 0.4
    assert found.low < 0.8 < found.high
    assert found.share == pytest.approx(0.8, abs=0.03)


def test_holm_by_hand() -> None:
    # As Wright describes it, Biometrics 1992;48:1005-13: 4 p1, 3 p2, 2 p3, p4, never falling.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_quadratic_kappa_by_hand() -> None:
    # Observed disagreement (0+0+1+4)/4 over expected: truth R,S,U,E; answers R,S,S,S.
    # Expected is the mean squared distance over all 16 pairs: 4 rows against R, then S three times:
    # R: 0+1+4+9=14; S: 1+0+1+4=6 each, three times 18; together 32/16 = 2. Kappa = 1 - 1.25/2.
    assert quadratic_kappa([R, S, U, E], [R, S, S, S]) == pytest.approx(0.375)
    assert quadratic_kappa([R, S, U, E], [R, S, U, E]) == pytest.approx(1.0)
    assert quadratic_kappa([U, U], [U, U]) is None


def test_directions_of_error() -> None:
    truth, answers = [R, S, U, E, E], [S, S, S, E, R]
    assert over_triage(truth, answers) == pytest.approx(0.2)
    assert under_triage(truth, answers) == pytest.approx(0.4)


def test_macro_f1_by_hand() -> None:
    # R: no answer, F1 0. S: 1 of 2 found, 1 of 2 right, F1 0.5. E: F1 1. U does not occur.
    assert macro_f1([R, S, S, E], [S, S, E, E]) == pytest.approx((0 + 0.5 + 2 / 3) / 3)


def test_brier_by_hand() -> None:
    p = np.array([[1.0, 0, 0, 0], [0.0, 0.5, 0.5, 0]])
    assert brier([R, U], p) == pytest.approx((0 + 0.25 + 0.25) / 2)
    assert brier([E, E], np.array([[1.0, 0, 0, 0]] * 2)) == pytest.approx(2.0)


def test_calibration_error_by_hand() -> None:
    # Confidence 0.9 twice, right once: |1.8 - 1| = 0.8. Confidence 0.4 once, right: 0.6. Of 3.
    p = np.array([[0.9, 0.1, 0, 0], [0.9, 0.1, 0, 0], [0.2, 0.4, 0.2, 0.2]])
    assert calibration_error([R, S, S], [R, R, S], p) == pytest.approx((0.8 + 0.6) / 3)


def test_scores_put_it_together() -> None:
    found = score([R, S, U, E, E, E], [R, U, U, E, S, U])
    assert found.n == 6
    assert found.accuracy.share == pytest.approx(0.5)
    assert found.emergency_recall is not None
    assert found.emergencies_missed is not None
    assert (found.emergency_recall.successes, found.emergency_recall.n) == (1, 3)
    assert (found.emergencies_missed.successes, found.emergencies_missed.n) == (1, 3)
    assert found.confusion == ((1, 0, 0, 0), (0, 0, 1, 0), (0, 0, 1, 0), (0, 1, 1, 1))
    assert found.brier is None
    assert "0.500" in table({"model": found})


def test_no_emergencies_no_recall() -> None:
    found = score([R, S], [R, S])
    assert found.emergency_recall is None
    with pytest.raises(ValueError, match="as many answers"):
        score([R], [])


@pytest.mark.parametrize(
    ("changes", "arm"),
    [
        ({}, "ml"),
        ({"patient_id": "p"}, "ml"),
        ({"patient_age": 1.9}, "excluded"),
        ({"pregnant": True}, "excluded"),
    ],
)
def test_only_infants_and_pregnant_patients_are_excluded(
    changes: dict[str, object], arm: str
) -> None:
    assert arm_of(parse_case({"symptoms_data": {"chief_complaint": "cough"}, **changes})) == arm
