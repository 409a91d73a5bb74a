"""What a model says of one case. Plain values: the policy and the web need no numpy."""

from typing import NamedTuple

from ml.schema import Level


class Contribution(NamedTuple):
    """How far one feature moved the log-odds of the chosen level, signed."""

    feature: str
    log_odds: float


class Prediction(NamedTuple):
    """One model's opinion.

    `probabilities` follow `ml.schema.LEVELS` and sum to 1. `level` is chosen with the bundle's
    thresholds; `raised` says that a recall threshold, not the largest probability, chose it.
    `imputed` names the fields that were missing and filled.
    """

    level: Level
    probabilities: tuple[float, float, float, float]
    raised: bool = False
    imputed: tuple[str, ...] = ()
    contributions: tuple[Contribution, ...] = ()

    @property
    def confidence(self) -> float:
        """Probability of the chosen level, 0–1."""
        return self.probabilities[self.level]
