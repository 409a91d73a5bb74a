"""Statistics of triage quality: intervals, agreement, direction of error, calibration.

Thin over scipy and scikit-learn; what is written here is only what they do not have.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
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


@dataclass(frozen=True, slots=True)
class Weighted:
    """A share estimated from `n` cases that were drawn with known, unequal probabilities;
    `effective_n` equally likely cases would tell as much."""

    n: int
    effective_n: float
    share: float
    low: float
    high: float


def hajek(
    values: Sequence[bool], probabilities: Sequence[float], confidence: float = 0.95
) -> Weighted | None:
    """The share of all cases for which `values` holds, from a sample in which each was drawn with
    its own probability (Hájek 1971: inverse-probability weights, divided by their sum).

    The interval is Wilson's with the effective sample size of the linearised variance
    (Korn and Graubard, Surv Methodol 1998;24:193-201; Kish's where the share is 0 or 1, or where
    that is smaller). None without a case; `ValueError` for a probability outside (0, 1].
    """
    drawn = np.array(probabilities, dtype=np.float64)
    if not len(drawn):
        return None
    if len(values) != len(drawn) or not ((drawn > 0) & (drawn <= 1)).all():
        raise ValueError("expected a probability over 0 and up to 1 for each value")
    x = np.array(values, dtype=np.float64)
    weights = 1 / drawn
    total = float(weights.sum())
    share = float((weights * x).sum() / total)
    effective = total**2 / float((weights**2).sum())
    variance = float((weights**2 * (x - share) ** 2).sum()) / total**2
    if variance > 0:
        effective = min(effective, share * (1 - share) / variance)
    low, high = wilson_interval(share, effective, confidence)
    return Weighted(len(drawn), effective, share, low, high)


def wilson_interval(share: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's bounds for a share of `n` cases; `n` need not be whole (effective sizes)."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def holm(p_values: Sequence[float]) -> list[float]:
    """P values adjusted for their number, in their order (Holm, Scand J Statist 1979;6:65-70)."""
    adjusted = [1.0] * len(p_values)
    most = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        most = max(most, min(1.0, p_values[place] * (len(p_values) - rank)))
        adjusted[place] = most
    return adjusted


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
