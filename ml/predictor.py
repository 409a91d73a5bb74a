"""The lean serving path: the fitted pipeline as a few numpy tables.

It repeats `Extractor.transform`, `LogisticRegression.decision_function` and the calibration for
a batch without building a sparse matrix; a test holds the two together to 1e-9. A row of a batch
of 32 costs a fraction of what scikit-learn's own path costs (docs/model.md has the numbers).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ml.calibration import Calibration, Probabilities, Thresholds
from ml.case import TriageCase
from ml.explain import ABSENT, INTERCEPT, REPORTED, WORDING, display_names, shown_as_absent
from ml.feature_tables import FLAG_NAMES, NUMBER_NAMES
from ml.features import Features, extract
from ml.pipeline import NUMBER_LIMIT, NUMBER_SCALE, Extractor
from ml.prediction import Contribution, Prediction
from ml.rules.answer import RulesAnswer
from ml.schema import Level
from ml.vocabulary import BLOCKS, Found, Vocabulary

Floats = npt.NDArray[np.float64]
Rows = Sequence[tuple[TriageCase, RulesAnswer]]

_LIMIT: Final = NUMBER_LIMIT * NUMBER_SCALE
_TERMS, _GRAMS, _ = range(len(BLOCKS))


@dataclass(frozen=True, slots=True)
class _Scored:
    """A scored batch of n rows and what explaining it needs.

    `dense` (n, columns) are numbers and flags as weighed; `found` what is known of the texts;
    `lengths` (n, 3, 1) and `shares` (n, 3, 4) what each text block is divided by and adds.
    """

    scores: Floats
    dense: Floats
    found: Found
    lengths: Floats
    shares: Floats


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
        flags, columns = len(FLAG_NAMES), len(NUMBER_NAMES) + len(FLAG_NAMES)
        # Numbers and flags go through the same steps; those of the numbers change no flag.
        self._medians: Floats = np.append(extractor.medians_, np.zeros(flags))
        self._means: Floats = np.append(extractor.means_, np.zeros(flags))
        self._scales: Floats = np.append(extractor.scales_, np.ones(flags))
        self._limits: Floats = np.append(np.full(columns - flags, _LIMIT), np.full(flags, np.inf))
        self._by_level: Floats = np.ascontiguousarray(coefficients[:, :columns])
        self._dense: Floats = np.ascontiguousarray(self._by_level.T)
        self._vocabulary = Vocabulary(extractor, coefficients[:, columns:])
        self._text_weights = self._vocabulary.table[:, :-1].T.tolist()
        names = display_names((*NUMBER_NAMES, *FLAG_NAMES))
        self._shown = tuple(dict.fromkeys(names))
        self._grouping: Floats = np.zeros((columns, len(self._shown)))
        for column, name in enumerate(names):
            self._grouping[column, self._shown.index(name)] = 1.0
        self._parted = lru_cache(maxsize=1_024)(self._part)

    def predict_many(self, rows: Rows, *, explain: bool = True) -> list[Prediction]:
        """One prediction per row, in order; with `explain` its strongest contributions too."""
        if not rows:
            return []
        features = [extract(case, rules) for case, rules in rows]
        scored = self._score(features)
        probabilities: list[Probabilities] = list(
            map(tuple, self._calibration.probabilities(scored.scores).tolist())
        )
        chosen = [self._thresholds.choose_one(row) for row in probabilities]
        contributions: list[tuple[Contribution, ...]] = [()] * len(features)
        if explain:
            moved = self._contributions(features, scored, [level for level, _ in chosen])
            contributions = [_strongest(names, values) for names, values in moved]
        return [
            Prediction(level, p, raised, row.missing, why)
            for (level, raised), p, row, why in zip(
                chosen, probabilities, features, contributions, strict=True
            )
        ]

    def scores(self, features: Sequence[Features]) -> Floats:
        """Log-odds before calibration, shape (n, 4), each level against the mean of all four."""
        return self._score(features).scores

    def probabilities(self, features: Sequence[Features]) -> Floats:
        """Calibrated probabilities, shape (n, 4)."""
        return self._calibration.probabilities(self.scores(features))

    def attributions(self, case: TriageCase, rules: RulesAnswer, level: Level) -> dict[str, float]:
        """Every named contribution to the log-odds of `level`; with `intercept` they sum to it."""
        features = [extract(case, rules)]
        [(names, values)] = self._contributions(features, self._score(features), [level])
        return {**dict(zip(names, values, strict=True)), INTERCEPT: float(self._intercept[level])}

    def _score(self, features: Sequence[Features]) -> _Scored:
        dense = np.array([row.values for row in features])
        np.copyto(dense, self._medians, where=np.isnan(dense))
        dense -= self._means
        dense /= self._scales
        np.maximum(dense, -self._limits, out=dense)
        np.minimum(dense, self._limits, out=dense)
        # einsum, not `@`: BLAS sums in another order for each batch size, and a replayed request
        # must give the same bits alone as it did among others.
        scores = np.einsum("ij,jk->ik", dense, self._dense) + self._intercept
        found = self._vocabulary.find(features)
        # A text of which something is known is at least 1 long (an idf is), the rules' block is
        # not normalised, and of nothing comes nothing.
        lengths = np.sqrt(found.sums[:, :, -1:])
        np.maximum(lengths, 1.0, out=lengths)
        shares = found.sums[:, :, :-1] / lengths
        for block in range(len(BLOCKS)):
            scores += shares[:, block]
        return _Scored(scores, dense, found, lengths, shares)

    def _contributions(
        self, features: Sequence[Features], scored: _Scored, levels: list[Level]
    ) -> list[tuple[list[str], list[float]]]:
        """Names and values of every contribution to the given level of each row."""
        moved = scored.dense * self._by_level[levels]
        grouped = np.einsum("ij,jk->ik", moved, self._grouping).tolist()
        wording = scored.shares[range(len(levels)), _GRAMS, levels].tolist()
        shown = self._vocabulary.shown
        rows = []
        lengths = scored.lengths[:, _TERMS, 0].tolist()
        texts = scored.found.terms_and_rules()
        for row, fields, words, terms, rules, length, level in zip(
            features, grouped, wording, *texts, lengths, levels, strict=True
        ):
            names, present, absent = self._parted(row.absent)
            weights = self._text_weights[level]
            values = [fields[i] for i in present]
            # A heart rate that nobody measured must not be given as a reason.
            values += (sum([fields[i] for i in absent]), words)
            values += [weights[i] / length for i in terms]
            values += [weights[i] for i in rules]  # which are not divided
            found = [shown[i] for i in chain(terms, rules)]
            rows.append(([*names, ABSENT, WORDING, *found], values))
        return rows

    def _part(self, absent: tuple[str, ...]) -> tuple[list[str], list[int], list[int]]:
        """Names and places of the fields to show, and places of what stands for absence."""
        gone = [self._shown.index(n) for n in shown_as_absent(absent) if n in self._shown]
        present = [i for i in range(len(self._shown)) if i not in gone]
        return [self._shown[i] for i in present], present, gone


def _strongest(names: list[str], values: list[float]) -> tuple[Contribution, ...]:
    # The size that the last reported one has is found among plain numbers; only what reaches it
    # (equals included) is then put in order, by size and name.
    sizes = list(map(abs, values))
    least = sorted(sizes)[-REPORTED:][0]
    near = [
        (-size, name, value)
        for size, name, value in zip(sizes, names, values, strict=True)
        if size >= least and value != 0.0
    ]
    near.sort()
    return tuple([Contribution(name, value) for _, name, value in near[:REPORTED]])
