"""Statistics of triage quality: intervals, agreement, direction of error, calibration.

Thin over scipy and scikit-learn; what is written here is only what they do not have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score, f1_score

from ml.schema import Level

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Proportion:
    """`successes` of `n` with a confidence interval; all shares lie in 0-1."""

    successes: int
    n: int
    share: float
    low: float
    high: float


def wilson(successes: int, n: int, confidence: float = 0.95) -> Proportion | None:
    """Wilson's score interval (JASA 1927;22:209-12); None when `n` is 0."""
    return _proportion(successes, n, confidence, "wilson")


def clopper_pearson(successes: int, n: int, confidence: float = 0.95) -> Proportion | None:
    """The exact interval (Biometrika 1934;26:404-13): never too narrow; None when `n` is 0."""
    return _proportion(successes, n, confidence, "exact")


def _proportion(
    successes: int, n: int, confidence: float, method: Literal["wilson", "exact"]
) -> Proportion | None:
    if n == 0:
        return None
    interval = binomtest(successes, n).proportion_ci(confidence, method=method)
    return Proportion(successes, n, successes / n, float(interval.low), float(interval.high))


def quadratic_kappa(truth: Sequence[Level], answers: Sequence[Level]) -> float | None:
    """Cohen's kappa with quadratic weights; None where it is undefined (one level only)."""
    if len(set(truth) | set(answers)) < 2:
        return None
    return float(
        cohen_kappa_score(_codes(truth), _codes(answers), labels=range(4), weights="quadratic")
    )


def macro_f1(truth: Sequence[Level], answers: Sequence[Level]) -> float:
    """Mean F1 over the levels that occur in `truth` or `answers`."""
    present = sorted({int(level) for level in (*truth, *answers)})
    return float(
        f1_score(_codes(truth), _codes(answers), labels=present, average="macro", zero_division=0)
    )


def under_triage(truth: Sequence[Level], answers: Sequence[Level]) -> float:
    """Share of all cases answered below their true level."""
    return sum(a < t for t, a in zip(truth, answers, strict=True)) / len(truth)


def over_triage(truth: Sequence[Level], answers: Sequence[Level]) -> float:
    """Share of all cases answered above their true level."""
    return sum(a > t for t, a in zip(truth, answers, strict=True)) / len(truth)


def brier(truth: Sequence[Level], probabilities: Floats) -> float:
    """Brier's original score over four levels: 0 is perfect, 2 the worst (Mon. Weather Rev. 1950).

    `probabilities` has shape (n, 4).
    """
    wanted = np.eye(4)[_codes(truth)]
    return float(np.square(probabilities - wanted).sum(axis=1).mean())


def calibration_error(
    truth: Sequence[Level], answers: Sequence[Level], probabilities: Floats, bins: int = 10
) -> float:
    """Expected calibration error of the answered level's probability (Naeini, AAAI 2015).

    The mean distance of stated confidence and share of right answers over equal-width bins,
    each weighted with its cases. `probabilities` has shape (n, 4).
    """
    answered = _codes(answers)
    confidence = probabilities[np.arange(len(answered)), answered]
    right = answered == _codes(truth)
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    total = 0.0
    for index in range(bins):
        inside = place == index
        if inside.any():
            total += abs(float(confidence[inside].sum() - right[inside].sum()))
    return total / len(answered)


def _codes(levels: Sequence[Level]) -> npt.NDArray[np.int64]:
    return np.array([int(level) for level in levels], dtype=np.int64)
