"""From class scores to honest probabilities, and from probabilities to a level.

Both are fitted on scores of records the model had not seen (inner cross-validation), never on
its own training scores, and are a few numbers in the bundle's metadata: serving repeats them
exactly.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import product
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from ml.schema import Level

Floats = npt.NDArray[np.float64]
Levels = npt.NDArray[np.int64]
Probabilities = tuple[float, float, float, float]

_LEVELS: Final = tuple(Level)
_URGENT: Final = Level.URGENT
_EMERGENCY: Final = Level.EMERGENCY

# What the emergency threshold is asked to reach, and what it may cost at most: the share of
# all cases answered above their true level.
WANTED_RECALL: Final = 0.80
OVER_TRIAGE_CAP: Final = 0.22
# The share of emergencies that may be called soon or routine.
MOST_MISSED: Final = 0.035
# Cost of answering column for a case that is row (routine .. emergency): one level too high costs
# 1, one too low a little more, further off much more, and a missed emergency most.
_COSTS: Final = np.array(
    [
        [0.0, 1.0, 3.0, 5.0],
        [1.2, 0.0, 1.0, 3.0],
        [4.0, 1.3, 0.0, 1.0],
        [12.0, 6.0, 1.5, 0.0],
    ]
)
# A weak pull towards "change nothing" keeps the offsets of a rare level near 0.
_OFFSET_PENALTY: Final = 1.0


@dataclass(frozen=True)
class Calibration:
    """Vector scaling: softmax(scores / temperature + offsets) (Guo et al., ICML 2017)."""

    temperature: float
    offsets: tuple[float, float, float, float]

    def probabilities(self, scores: Floats) -> Floats:
        """Scores of shape (n, 4) to probabilities of shape (n, 4); each row sums to 1."""
        z = scores / self.temperature
        z += self._shift
        z -= np.maximum.reduce(z, axis=1, keepdims=True)
        np.exp(z, out=z)
        z /= np.add.reduce(z, axis=1, keepdims=True)
        return z

    def probabilities_of_one(self, scores: Probabilities) -> Probabilities:
        """As `probabilities` for one row of plain floats, in a third of the time.

        Only `exp` is numpy's, for that of `math` may differ in the last bit.
        """
        (a, b, c, d), (w, x, y, z), t = scores, self.offsets, self.temperature
        a, b, c, d = a / t + w, b / t + x, c / t + y, d / t + z
        highest = max(a, b, c, d)
        a, b, c, d = np.exp((a - highest, b - highest, c - highest, d - highest)).tolist()
        total = a + b + c + d
        return a / total, b / total, c / total, d / total

    @cached_property
    def _shift(self) -> Floats:
        return np.array(self.offsets)

    def to_json(self) -> dict[str, Any]:
        return {"temperature": self.temperature, "offsets": list(self.offsets)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        a, b, c, d = data["offsets"]
        return cls(temperature=data["temperature"], offsets=(a, b, c, d))


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How a level is chosen.

    `emergency`: from this probability on the case is an emergency whatever is likeliest.
    `not_below_urgent`: from this probability of emergency on it is at least urgent.
    `routine_weight`: the rare lowest level is compared with its probability times this.
    """

    emergency: float
    not_below_urgent: float
    routine_weight: float

    def choose(self, probabilities: Floats) -> Levels:
        """The level of each row, shape (n,)."""
        weighted = probabilities.copy()
        weighted[:, Level.ROUTINE] *= self.routine_weight
        levels = weighted.argmax(axis=1)
        danger = probabilities[:, Level.EMERGENCY]
        levels = np.where(danger >= self.not_below_urgent, np.maximum(levels, Level.URGENT), levels)
        return np.where(danger >= self.emergency, Level.EMERGENCY, levels).astype(np.int64)

    def choose_one(self, probabilities: Probabilities) -> tuple[Level, bool]:
        """As `choose` for one row of plain floats, and whether a threshold raised it.

        Raised is an emergency that is not the likeliest level. Few comparisons: for one row this
        takes a tenth of the time that arrays do.
        """
        routine, soon, urgent, danger = probabilities
        if danger >= self.emergency:
            return _EMERGENCY, max(routine, soon, urgent) >= danger
        weighted = (routine * self.routine_weight, soon, urgent, danger)
        level = _LEVELS[weighted.index(max(weighted))]
        if level is _EMERGENCY:
            return level, max(routine, soon, urgent) >= danger
        if danger >= self.not_below_urgent and level < _URGENT:
            return _URGENT, False
        return level, False

    def to_json(self) -> dict[str, float]:
        return asdict(self)


def fit_calibration(scores: Floats, labels: Sequence[int]) -> Calibration:
    """Least log loss of vector scaling on unseen scores of shape (n, 4). Deterministic."""
    truth = np.asarray(labels)
    rows = np.arange(len(truth))

    def loss(parameters: Floats) -> float:
        z = scores * np.exp(parameters[0]) + parameters[1:]
        z = z - z.max(axis=1, keepdims=True)
        log_p = z[rows, truth] - np.log(np.exp(z).sum(axis=1))
        return float(-log_p.sum() + _OFFSET_PENALTY * np.square(parameters[1:]).sum())

    best = minimize(loss, np.zeros(5), method="L-BFGS-B")
    a, b, c, d = (float(x) for x in best.x[1:])
    return Calibration(temperature=float(np.exp(-best.x[0])), offsets=(a, b, c, d))


def fit_thresholds(probabilities: Floats, labels: Sequence[int]) -> Thresholds:
    """The cheapest thresholds that keep the over-triage cap and reach the wanted recall.

    Where not all can be had, the cap comes first, then the recall, then how many emergencies are
    missed by more than one level.
    """
    truth = np.asarray(labels)
    emergencies = truth == Level.EMERGENCY
    best: tuple[tuple[float, ...], Thresholds] | None = None
    grid = product(
        [i / 100 for i in range(12, 29, 2)], (0.04, 0.06, 0.08, 0.10, 0.12, 0.20), (1.0, 1.5, 2.0)
    )
    for emergency, urgent, routine in grid:
        candidate = Thresholds(emergency, min(urgent, emergency), routine)
        levels = candidate.choose(probabilities)
        over = float(np.mean(levels > truth))
        recall = float(np.mean(levels[emergencies] == Level.EMERGENCY)) if any(emergencies) else 1.0
        missed = float(np.mean(levels[emergencies] < Level.URGENT)) if any(emergencies) else 0.0
        rank = (
            max(0.0, over - OVER_TRIAGE_CAP),
            max(0.0, WANTED_RECALL - recall),
            max(0.0, missed - MOST_MISSED),
            float(_COSTS[truth, levels].mean()),
        )
        if best is None or rank < best[0]:
            best = (rank, candidate)
    assert best is not None
    return best[1]
