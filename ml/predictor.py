"""The lean serving path: the fitted pipeline as a few numpy tables.

It repeats `Extractor.transform`, `LogisticRegression.decision_function` and the calibration for
a batch without building a sparse matrix; a test holds the two together to 1e-9. A row of a batch
of 32 costs a fraction of what scikit-learn's own path costs (docs/model.md has the numbers).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ml.calibration import Calibration, Thresholds
from ml.case import TriageCase
from ml.explain import ABSENT, GRAMS, INTERCEPT, REPORTED, TERMS, display_names, shown_as_absent
from ml.features import FLAG_NAMES, NUMBER_NAMES, Features, extract
from ml.pipeline import NUMBER_LIMIT, NUMBER_SCALE, Extractor
from ml.prediction import Contribution, Prediction
from ml.rules.answer import RulesAnswer
from ml.schema import LEVELS, Level

Floats = npt.NDArray[np.float64]
Rows = Sequence[tuple[TriageCase, RulesAnswer]]

_LIMIT: Final = NUMBER_LIMIT * NUMBER_SCALE
_LEVELS: Final = tuple(Level)


@dataclass(frozen=True, slots=True)
class _Text:
    """One vectoriser: name -> row of the tables; the last row is a sentinel of zeros.

    `weights` (names + 1, 4) hold coefficient × idf × scale; `squares` (names + 1,) hold idf² for
    the unit length, or None where the block is not normalised.
    """

    attribute: str
    index: dict[str, int]
    names: tuple[str, ...]
    weights: Floats
    squares: Floats | None


@dataclass(frozen=True, slots=True)
class _Scored:
    """A scored batch and what explaining it needs: one `_Text` part per text block."""

    scores: Floats
    dense: Floats
    texts: list[tuple[list[list[int]], Floats, Floats]]


class Predictor:
    """One fitted model, ready to serve. Thread-safe: nothing changes after construction."""

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
        self._medians: Floats = extractor.medians_
        self._means: Floats = extractor.means_
        self._scales: Floats = extractor.scales_
        self._calibration = calibration
        self._thresholds = thresholds
        numbers, flags = len(NUMBER_NAMES), len(FLAG_NAMES)
        self._numbers = numbers
        self._dense: Floats = np.ascontiguousarray(coefficients[:, : numbers + flags].T)
        columns = display_names((*NUMBER_NAMES, *FLAG_NAMES))
        self._shown = tuple(dict.fromkeys(columns))
        self._grouping: Floats = np.zeros((numbers + flags, len(self._shown)))
        for column, name in enumerate(columns):
            self._grouping[column, self._shown.index(name)] = 1.0
        self._texts: list[_Text] = []
        start = numbers + flags
        for attribute, (vectorizer, scale) in zip(
            (TERMS, GRAMS, "rules"), extractor.text_blocks(), strict=True
        ):
            if vectorizer is None:
                continue
            names = tuple(str(name) for name in vectorizer.get_feature_names_out())
            own = coefficients[:, start : start + len(names)].T
            start += len(names)
            idf = vectorizer.idf_ if vectorizer.use_idf else np.ones(len(names))
            weights = np.vstack([own * idf[:, None] * scale, np.zeros((1, len(LEVELS)))])
            squares = np.append(np.square(idf), 0.0) if vectorizer.norm else None
            index = {name: i for i, name in enumerate(names)}
            # Terms are shown apart from the fields: "pregnant" is the name of both.
            shown = [f"text:{name}" for name in names] if attribute == TERMS else names
            self._texts.append(_Text(attribute, index, tuple(shown), weights, squares))

    def predict_many(self, rows: Rows, *, explain: bool = True) -> list[Prediction]:
        """One prediction per row, in order; with `explain` its strongest contributions too."""
        if not rows:
            return []
        features = [extract(case, rules) for case, rules in rows]
        scored = self._score(features)
        probabilities = self._calibration.probabilities(scored.scores)
        levels = self._thresholds.choose(probabilities)
        raised = (levels == Level.EMERGENCY) & (probabilities.argmax(axis=1) != Level.EMERGENCY)
        if explain:
            contributions = [
                _strongest(found)
                for found in self._contributions(features, scored, levels.tolist())
            ]
        else:
            contributions = [()] * len(features)
        return [
            Prediction(
                level=_LEVELS[level],
                probabilities=(p[0], p[1], p[2], p[3]),
                raised=up,
                imputed=row.missing,
                contributions=why,
            )
            for level, p, up, row, why in zip(
                levels.tolist(),
                probabilities.tolist(),
                raised.tolist(),
                features,
                contributions,
                strict=True,
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
        [found] = self._contributions(features, self._score(features), [int(level)])
        return {**found, INTERCEPT: float(self._intercept[level])}

    def _score(self, features: Sequence[Features]) -> _Scored:
        numbers = np.array([row.numbers for row in features], dtype=np.float64)
        numbers = np.where(np.isnan(numbers), self._medians, numbers)
        dense = np.empty((len(features), len(self._dense)))
        np.clip(
            (numbers - self._means) / self._scales,
            -_LIMIT,
            _LIMIT,
            out=dense[:, : self._numbers],
        )
        dense[:, self._numbers :] = [row.flags for row in features]
        # einsum, not `@`: BLAS sums in another order for each batch size, and a replayed request
        # must give the same bits alone as it did among others.
        scores = np.einsum("ij,jk->ik", dense, self._dense) + self._intercept
        texts = []
        for text in self._texts:
            found, lengths, sums = _look_up(text, features)
            scores += sums / lengths[:, None]
            texts.append((found, lengths, sums))
        return _Scored(scores, dense, texts)

    def _contributions(
        self, features: Sequence[Features], scored: _Scored, levels: list[int]
    ) -> list[dict[str, float]]:
        moved = scored.dense * self._dense[:, levels].T
        grouped = np.einsum("ij,jk->ik", moved, self._grouping)
        rows = [dict(zip(self._shown, values, strict=True)) for values in grouped.tolist()]
        for case, row in zip(features, rows, strict=True):
            # A heart rate that nobody measured must not be given as a reason.
            row[ABSENT] = sum([row.pop(name, 0.0) for name in shown_as_absent(case.absent)])
        for text, (found, lengths, sums) in zip(self._texts, scored.texts, strict=True):
            names, weights = text.names, text.weights
            for row, level, indices, length, own in zip(
                rows, levels, found, lengths.tolist(), sums, strict=True
            ):
                if text.attribute == GRAMS:
                    row["wording"] = float(own[level]) / length
                elif len(indices) > 1:
                    # The last index is the sentinel of zeros.
                    values = (weights[indices[:-1], level] / length).tolist()
                    row.update(zip([names[i] for i in indices[:-1]], values, strict=True))
        return rows


def _look_up(text: _Text, features: Sequence[Features]) -> tuple[list[list[int]], Floats, Floats]:
    """Indices of each row's known names, their length (n,) and their summed weights (n, 4)."""
    get, sentinel = text.index.get, len(text.names)
    found = []
    flat: list[int] = []
    starts = []
    for row in features:
        indices = [i for i in map(get, getattr(row, text.attribute)) if i is not None]
        # Sorted, so that a row's sum does not depend on the order of a set of strings; the
        # sentinel, because reduceat gives no zero for an empty segment.
        indices.sort()
        indices.append(sentinel)
        starts.append(len(flat))
        flat += indices
        found.append(indices)
    sums = np.add.reduceat(text.weights[flat], starts, axis=0)
    if text.squares is None:
        return found, np.ones(len(found)), sums
    lengths = np.sqrt(np.add.reduceat(text.squares[flat], starts))
    lengths[lengths == 0.0] = 1.0
    return found, lengths, sums


def _strongest(found: dict[str, float]) -> tuple[Contribution, ...]:
    # The size that the last reported one has is found among plain numbers; only what reaches it
    # (equals included) is then put in order, by size and name.
    least = sorted(map(abs, found.values()))[-REPORTED:][0]
    near = [item for item in found.items() if abs(item[1]) >= least]
    best = sorted(near, key=lambda item: (-abs(item[1]), item[0]))[:REPORTED]
    return tuple([Contribution(name, value) for name, value in best if value != 0.0])
