"""Has the model become worse than it was when it was trained? Evidence that adds up over days.

A day's labels are too few to tell 70 % from 75 %. Each day therefore bets against "nothing got
worse": its evidence E is a likelihood ratio whose expectation is at most 1 while that holds, and
the Shiryaev-Roberts sum M <- (1 + M) E starts a fresh bet every day, so that quiet months do not
hide a sudden drop. M less the number of days is a supermartingale, hence the mean time to a false
alarm is at least `RUN_LENGTH_DAYS` days and any k days hold one with a chance of at most
k / `RUN_LENGTH_DAYS`, however many labels there are (Pollak, Ann Statist 1985;13:206-27; Shin,
Ramdas and Rinaldo, "E-detectors", arXiv:2203.03532).

Two charts, both against odds ratios as in risk-adjusted charts of surgery (Steiner et al.,
Biostatistics 2000;1:441-52). `accuracy`: the odds of a wrong opinion are not above those that the
bundle's held-out data leave possible. `urgency`: patients are not more urgent than the model's
own probabilities say: a model may keep its share of right answers and still come to
underestimate a sicker population.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from ml.schema import Level
from ml.statistics import Floats

# The threshold of each chart, in days; docs/decisions/0010 has what it costs and finds.
RUN_LENGTH_DAYS: Final = 100
# The changes that are looked for. A smaller one than about the root of the first is left alone.
ODDS_RATIOS: Final = (1.5, 2.0, 3.0)
# Far beyond any threshold; keeps the sums numbers that JSON carries.
_CEILING: Final = 1e12
_MOST_A_DAY: Final = math.log(_CEILING)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One chart: a Shiryaev-Roberts sum for each odds ratio; their mean meets the threshold."""

    sums: tuple[float, ...] = ()

    @property
    def value(self) -> float:
        return sum(self.sums) / len(self.sums) if self.sums else 0.0

    @property
    def alarm(self) -> bool:
        return self.value >= RUN_LENGTH_DAYS

    def after(self, day: Sequence[float]) -> "Evidence":
        """With one more day's log evidence, a number for each odds ratio.

        A mean of Shiryaev-Roberts sums is one itself. Raises `ValueError` for another number of
        ratios than before.
        """
        before = self.sums or (0.0,) * len(day)
        grown = [
            (1 + one) * math.exp(min(found, _MOST_A_DAY))
            for one, found in zip(before, day, strict=True)
        ]
        return Evidence(tuple(min(one, _CEILING) for one in grown))

    def to_json(self) -> dict[str, Any]:
        return {
            "sums": list(self.sums),
            "value": self.value,
            "threshold": RUN_LENGTH_DAYS,
            "alarm": self.alarm,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any] | None) -> Self:
        """What `to_json` wrote; a fresh chart where nothing was stored, or for other ratios."""
        sums = tuple(float(value) for value in (stored or {}).get("sums", ()))
        return cls(sums if len(sums) == len(ODDS_RATIOS) else ())


def accuracy_evidence(
    right: Sequence[bool], reference: float, weights: Sequence[float] | None = None
) -> list[float]:
    """Log evidence of one day's labels that accuracy is below `reference` (over 0, under 1).

    `weights` in (0, 1] are inverse inclusion probabilities scaled by a constant that was fixed
    before the labels came. Raises `ValueError` for others.
    """
    if not 0 < reference < 1:
        raise ValueError("expected a reference accuracy between 0 and 1")
    correct = np.array(right, dtype=bool)
    scale = _checked(weights, len(correct))
    found = []
    for ratio in ODDS_RATIOS:
        wrong = ratio * (1 - reference) / (reference + ratio * (1 - reference))
        likelihood = np.where(correct, (1 - wrong) / reference, wrong / (1 - reference))
        found.append(_log_sum(likelihood, scale))
    return found


def urgency_evidence(
    truth: Sequence[Level], probabilities: Floats, weights: Sequence[float] | None = None
) -> list[float]:
    """Log evidence of one day's labels that patients are more urgent than the model says.

    `probabilities` are the model's, shape (n, 4): the alternative multiplies the odds of each
    level against the one below by the ratio. `weights` as for the accuracy.
    """
    scale = _checked(weights, len(truth))
    if not len(truth):
        return [0.0] * len(ODDS_RATIOS)
    if probabilities.shape != (len(truth), len(Level)):
        raise ValueError("expected four probabilities a label")
    levels = np.array([int(level) for level in truth])
    found = []
    for ratio in ODDS_RATIOS:
        tilt = float(ratio) ** np.arange(len(Level))
        found.append(_log_sum(tilt[levels] / (probabilities @ tilt), scale))
    return found


def _log_sum(likelihood: Floats, scale: Floats) -> float:
    return float(np.log1p(scale * (likelihood - 1)).sum())


def _checked(weights: Sequence[float] | None, n: int) -> Floats:
    scale = np.ones(n) if weights is None else np.array(weights, dtype=np.float64)
    if len(scale) != n or not ((scale > 0) & (scale <= 1)).all():
        raise ValueError("expected a weight over 0 and up to 1 for each label")
    return scale
