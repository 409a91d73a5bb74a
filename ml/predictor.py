"""The lean serving path: a fitted model from cases to predictions, one or many at a time.

It repeats scikit-learn's pipeline, the calibration and the thresholds; a test holds the two
together to 1e-9. A row of a batch of 32 costs a fraction of what scikit-learn's own path costs
(docs/model.md has the numbers).
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.attribution import Attribution, Naming, strongest
from ml.calibration import Calibration, Thresholds
from ml.case import TriageCase
from ml.explain import INTERCEPT
from ml.features import Features, extract
from ml.pipeline import Extractor
from ml.prediction import Contribution, Prediction
from ml.rules.answer import RulesAnswer
from ml.schema import Level
from ml.scoring import Scored, ScoredAlone, Scorer
from ml.vocabulary import BLOCKS

Floats = npt.NDArray[np.float64]
Rows = Sequence[tuple[TriageCase, RulesAnswer]]

_TERMS, _GRAMS, _ = range(len(BLOCKS))


class Predictor:
    """One fitted model, ready to serve. Thread-safe: all that changes are bounded caches."""

    def __init__(
        self,
        extractor: Extractor,
        model: Any,
        calibration: Calibration,
        thresholds: Thresholds,
    ) -> None:
        """`model` is a fitted multinomial `LogisticRegression` over the four levels.

        Raises `ValueError` if its classes are not the four levels in order.
        """
        if list(model.classes_) != [int(level) for level in Level]:
            raise ValueError("the model's classes are not the four levels in order")
        # Softmax does not see a constant added to all classes; centred, a coefficient is the
        # log-odds of one level against the geometric mean of all four.
        coefficients = model.coef_ - model.coef_.mean(axis=0)
        self._intercept: Floats = model.intercept_ - model.intercept_.mean()
        self._calibration = calibration
        self._thresholds = thresholds
        self._scorer = Scorer(extractor, coefficients, self._intercept)
        self._attribution = Attribution(self._scorer.by_level, self._scorer.vocabulary)

    def predict_many(self, rows: Rows, *, explain: bool = True) -> list[Prediction]:
        """One prediction per row, in order; with `explain` its strongest contributions too."""
        if not rows:
            return []
        if len(rows) == 1:
            return [self._predict_alone(*rows[0], explain)]
        features = [extract(case, rules) for case, rules in rows]
        scored = self._scorer.score(features)
        probabilities = self._calibration.probabilities(scored.scores).tolist()
        chosen = [self._thresholds.choose_one(row) for row in probabilities]
        why: list[tuple[Contribution, ...]] = [()] * len(features)
        if explain:
            levels = [int(level) for level, _ in chosen]
            why = list(map(strongest, self._contributions(features, scored, levels)))
        return [
            Prediction(level, tuple(p), raised, row.missing, said)
            for (level, raised), p, row, said in zip(
                chosen, probabilities, features, why, strict=True
            )
        ]

    def _predict_alone(self, case: TriageCase, rules: RulesAnswer, explain: bool) -> Prediction:
        """As `predict_many` for one row: no array for what are four numbers."""
        features = extract(case, rules)
        scored = self._scorer.score_alone(features)
        probabilities = self._calibration.probabilities_of_one(scored.scores)
        level, raised = self._thresholds.choose_one(probabilities)
        why = strongest(self._contributions_alone(features, scored, level)) if explain else ()
        return Prediction(level, probabilities, raised, features.missing, why)

    def scores(self, features: Sequence[Features]) -> Floats:
        """Log-odds before calibration, shape (n, 4), each level against the mean of all four."""
        return self._scorer.score(features).scores

    def probabilities(self, features: Sequence[Features]) -> Floats:
        """Calibrated probabilities, shape (n, 4)."""
        return self._calibration.probabilities(self.scores(features))

    def attributions(self, case: TriageCase, rules: RulesAnswer, level: Level) -> dict[str, float]:
        """Every named contribution to the log-odds of `level`; with `intercept` they sum to it."""
        features = extract(case, rules)
        named = self._contributions_alone(features, self._scorer.score_alone(features), level)
        return {**dict(named()), INTERCEPT: float(self._intercept[level])}

    def _contributions(
        self, features: Sequence[Features], scored: Scored, levels: list[int]
    ) -> list[Naming]:
        """What names every contribution to the given level of each row."""
        terms, rules = scored.found.terms_and_rules()
        wording = scored.shares[:, _GRAMS].tolist()
        cases = zip(
            levels,
            self._attribution.fields(scored.dense, levels),
            [row.absent for row in features],
            terms,
            rules,
            scored.lengths[:, _TERMS, 0].tolist(),
            [said[level] for said, level in zip(wording, levels, strict=True)],
            strict=True,
        )
        return [partial(self._attribution.named, *case) for case in cases]

    def _contributions_alone(self, features: Features, scored: ScoredAlone, level: Level) -> Naming:
        """As `_contributions` for one row."""
        [terms], [rules] = scored.found.terms_and_rules()
        return partial(
            self._attribution.named,
            level,
            self._attribution.fields_alone(scored.dense, level),
            features.absent,
            terms,
            rules,
            scored.lengths[_TERMS],
            scored.shares[_GRAMS][level],
        )
