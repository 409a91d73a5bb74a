"""The scikit-learn pipeline: features to numbers, numbers to class scores.

This is what training fits and what the lean serving path (ml.predictor) must agree with.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, hstack
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from ml.feature_tables import FLAG_NAMES, NUMBER_NAMES
from ml.features import Features

Floats = npt.NDArray[np.float64]

# A term seen in fewer records is dropped: it teaches little and could be a person's name.
MINIMUM_RECORDS: Final = 5
# Standardised numbers beside unit-length text: how much each block weighs under one penalty.
NUMBER_SCALE: Final = 0.5
TERM_SCALE: Final = 1.0
GRAM_SCALE: Final = 0.7
RULE_SCALE: Final = 0.7
# Standard deviations beyond which a number says no more; keeps one slip from deciding alone.
NUMBER_LIMIT: Final = 6.0


class Extractor(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Fill, scale and vectorise: `Features` to one sparse row.

    Columns, in order: numbers (median for missing, standardised, clipped), flags (centred on
    nothing, as they are), clinical terms and character grams (binary TF-IDF, each of unit
    length), rule names (0/1). A number missing in the whole training set becomes a constant 0.
    """

    def fit(self, rows: Sequence[Features], y: object = None) -> Self:
        numbers = np.array([row.numbers for row in rows], dtype=np.float64)
        known = ~np.isnan(numbers)
        self.medians_ = np.array(
            [
                np.median(col[ok]) if ok.any() else 0.0
                for col, ok in zip(numbers.T, known.T, strict=True)
            ]
        )
        filled = np.where(known, numbers, self.medians_)
        self.means_ = filled.mean(axis=0)
        deviations = filled.std(axis=0)
        self.scales_ = np.where(deviations > 1e-9, deviations, 1.0) / NUMBER_SCALE
        self.terms_ = _vectorizer(rows, attrgetter("terms"), weighted=True)
        self.grams_ = _vectorizer(rows, attrgetter("grams"), weighted=True)
        self.rules_ = _vectorizer(rows, attrgetter("rules"), weighted=False)
        return self

    def transform(self, rows: Sequence[Features]) -> csr_array:
        """Shape (rows, features), float64."""
        numbers = np.array([row.numbers for row in rows], dtype=np.float64)
        numbers = np.where(np.isnan(numbers), self.medians_, numbers)
        limit = NUMBER_LIMIT * NUMBER_SCALE
        scaled = np.clip((numbers - self.means_) / self.scales_, -limit, limit)
        flags = np.array([row.flags for row in rows], dtype=np.float64)
        blocks = [
            csr_array(scaled),
            csr_array(flags),
            *[_weights(vectorizer, rows) * scale for vectorizer, scale in self.text_blocks()],
        ]
        return csr_array(hstack(blocks, format="csr"))

    def text_blocks(self) -> list[tuple[TfidfVectorizer | None, float]]:
        """The vectorisers in column order, each with its scale; None where nothing was common."""
        return [
            (self.terms_, TERM_SCALE),
            (self.grams_, GRAM_SCALE),
            (self.rules_, RULE_SCALE),
        ]

    def feature_names(self) -> list[str]:
        """One name per column; character grams carry the prefix `gram:`."""
        names = [*NUMBER_NAMES, *FLAG_NAMES]
        for prefix, (vectorizer, _) in zip(("text:", "gram:", ""), self.text_blocks(), strict=True):
            if vectorizer is not None:
                names += [prefix + term for term in vectorizer.get_feature_names_out()]
        return names


def _vectorizer(
    rows: Iterable[Features], read: Callable[[Features], set[str]], weighted: bool
) -> TfidfVectorizer | None:
    """A fitted vectoriser over the names seen in enough records, or None if there is none."""
    rows = list(rows)
    seen = Counter(name for row in rows for name in read(row))
    vocabulary = sorted(name for name, count in seen.items() if count >= MINIMUM_RECORDS)
    if not vocabulary:
        return None
    vectorizer = TfidfVectorizer(
        analyzer=read,
        vocabulary=vocabulary,
        binary=True,
        use_idf=weighted,
        norm="l2" if weighted else None,
        dtype=np.float64,
    )
    vectorizer.fit(rows)
    return vectorizer


def _weights(vectorizer: TfidfVectorizer | None, rows: Sequence[Features]) -> csr_array:
    if vectorizer is None:
        return csr_array((len(rows), 0), dtype=np.float64)
    return csr_array(vectorizer.transform(rows))


def linear_model(strength: float) -> LogisticRegression:
    """Multinomial logistic regression; `strength` is C, the inverse of the L2 penalty."""
    return LogisticRegression(C=strength, max_iter=2_000, tol=1e-3)
