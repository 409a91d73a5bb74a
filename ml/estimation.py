"""How good answers probably are before anybody has labelled them.

Confidence-based performance estimation (Białek et al., arXiv:2401.08348): a calibrated probability
of the answered level is the chance that the answer is right, so its mean estimates the accuracy.
It sees cases becoming harder; it cannot see that the same complaint has come to mean something
else, which is why it is compared with the truth when labels arrive.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from ml.schema import Level
from ml.statistics import Floats


@dataclass(frozen=True, slots=True)
class Estimate:
    """Expected shares of `n` answers with the interval of the accuracy; shares lie in 0-1.

    `emergency_recall` is None where no emergency is expected.
    """

    n: int
    accuracy: float
    low: float
    high: float
    under_triage: float
    over_triage: float
    emergency_recall: float | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def estimate(
    answers: Sequence[Level],
    probabilities: Floats,
    calibrated_on: int,
    confidence: float = 0.95,
) -> Estimate | None:
    """What labels would say of these answers, from calibrated `probabilities` of shape (n, 4).

    The interval holds the chance of each single answer (the variance of a sum of unequal coins)
    and that the calibration itself was learnt from `calibrated_on` records. None without an answer.
    """
    if not answers:
        return None
    if probabilities.shape != (len(answers), len(Level)) or calibrated_on < 1:
        raise ValueError("expected four probabilities an answer and a calibration of records")
    answered = np.array([int(level) for level in answers])
    right = probabilities[np.arange(len(answered)), answered]
    levels = np.arange(len(Level))
    above = (probabilities * (levels > answered[:, None])).sum(axis=1)
    below = (probabilities * (levels < answered[:, None])).sum(axis=1)
    n, accuracy = len(answered), float(right.mean())
    chance = float((right * (1 - right)).sum()) / n**2
    learnt = accuracy * (1 - accuracy) / calibrated_on
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * math.sqrt(chance + learnt)
    emergencies = probabilities[:, Level.EMERGENCY]
    expected = float(emergencies.sum())
    found = float(emergencies[answered == Level.EMERGENCY].sum())
    return Estimate(
        n=n,
        accuracy=accuracy,
        low=max(0.0, accuracy - half),
        high=min(1.0, accuracy + half),
        under_triage=float(above.mean()),
        over_triage=float(below.mean()),
        emergency_recall=found / expected if expected > 0 else None,
    )
