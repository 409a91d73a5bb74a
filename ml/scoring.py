"""The fitted pipeline as a few numpy tables: features to log-odds.

It repeats `Extractor.transform` and `LogisticRegression.decision_function` without building a
sparse matrix. For a batch everything is done by arrays; for one row, only the long sums are: for
a few numbers, an operation on arrays takes ten times as long as plain floats. Both ways, and any
batch size, give the same bits.
"""

from collections.abc import Sequence
from math import sqrt
from struct import Struct
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ml.feature_tables import FLAG_NAMES, NUMBER_NAMES
from ml.features import Features
from ml.pipeline import NUMBER_LIMIT, NUMBER_SCALE, Extractor
from ml.vocabulary import BLOCKS, Found, Vocabulary

Floats = npt.NDArray[np.float64]
Four = tuple[float, float, float, float]

_COLUMNS: Final = len(NUMBER_NAMES) + len(FLAG_NAMES)
_LIMIT: Final = NUMBER_LIMIT * NUMBER_SCALE
# A row of floats to bytes: a third of the time in which numpy reads a list.
_pack: Final = Struct(f"{_COLUMNS}d").pack


class Scored(NamedTuple):
    """A scored batch of n rows and what explaining it needs.

    `dense` (n, columns) are numbers and flags as weighed; `found` what is known of the texts;
    `lengths` (n, 3, 1) and `shares` (n, 3, 4) what each text block is divided by and adds.
    """

    scores: Floats
    dense: Floats
    found: Found
    lengths: Floats
    shares: Floats


class ScoredAlone(NamedTuple):
    """As `Scored` for one row, in plain floats."""

    scores: Four
    dense: list[float]
    found: Found
    lengths: list[float]
    shares: list[Four]


class Scorer:
    """The weights of one fitted model. Thread-safe."""

    def __init__(self, extractor: Extractor, coefficients: Floats, intercept: Floats) -> None:
        """`coefficients` (4, columns) follow the columns of `extractor`."""
        # A copy: a view would keep the weights of all terms.
        self.by_level: Final = coefficients[:, :_COLUMNS].copy()
        self.vocabulary: Final = Vocabulary(extractor, coefficients[:, _COLUMNS:])
        self._dense: Floats = np.ascontiguousarray(self.by_level.T)
        self._intercept = intercept
        # Numbers and flags go through the same steps; those of the numbers change no flag.
        flags = len(FLAG_NAMES)
        self._medians: Floats = np.append(extractor.medians_, np.zeros(flags))
        self._means: Floats = np.append(extractor.means_, np.zeros(flags))
        self._scales: Floats = np.append(extractor.scales_, np.ones(flags))
        self._highest = np.append(np.full(len(NUMBER_NAMES), _LIMIT), np.full(flags, np.inf))
        self._lowest = -self._highest
        unknown = Features((np.nan,) * len(NUMBER_NAMES) + (0.0,) * flags, [], (), (), ())
        steps = (self._read([unknown])[0], self._means, self._scales)
        self._steps = list(zip(*[step.tolist() for step in steps], strict=True))[:-flags]

    def score(self, features: Sequence[Features]) -> Scored:
        """Log-odds before calibration, each level against the mean of all four."""
        dense = self._read(features)
        scores = self._sums(dense)
        found = self.vocabulary.find(features)
        # A text of which something is known is at least 1 long (an idf is), the rules' block is
        # not normalised, and of nothing comes nothing.
        lengths = np.sqrt(found.sums[:, :, -1:])
        np.maximum(lengths, 1.0, out=lengths)
        shares = found.sums[:, :, :-1] / lengths
        for block in range(len(BLOCKS)):
            scores += shares[:, block]
        return Scored(scores, dense, found, lengths, shares)

    def score_alone(self, features: Features) -> ScoredAlone:
        """As `score` for one row."""
        dense = self._read_alone(features.values)
        packed = np.frombuffer(_pack(*dense)).reshape(1, _COLUMNS)
        [[routine, soon, urgent, emergency]] = self._sums(packed).tolist()
        found = self.vocabulary.find([features])
        lengths, shares = [], []
        for a, b, c, d, square in found.sums[0].tolist():
            length = sqrt(square) if square > 1.0 else 1.0
            share = a / length, b / length, c / length, d / length
            routine += share[0]
            soon += share[1]
            urgent += share[2]
            emergency += share[3]
            lengths.append(length)
            shares.append(share)
        return ScoredAlone((routine, soon, urgent, emergency), dense, found, lengths, shares)

    def _read(self, features: Sequence[Features]) -> Floats:
        """Numbers and flags as they are weighed, shape (n, columns)."""
        packed = bytearray().join([_pack(*row.values) for row in features])
        dense = np.frombuffer(packed).reshape(len(features), _COLUMNS)
        np.copyto(dense, self._medians, where=np.isnan(dense))
        dense -= self._means
        dense /= self._scales
        np.maximum(dense, self._lowest, out=dense)
        np.minimum(dense, self._highest, out=dense)
        return dense

    def _read_alone(self, values: tuple[float, ...]) -> list[float]:
        """As `_read` for one row."""
        dense = []
        for value, (filled, mean, scale) in zip(values, self._steps, strict=False):
            if value != value:
                dense.append(filled)
                continue
            scaled = (value - mean) / scale
            dense.append(-_LIMIT if scaled < -_LIMIT else _LIMIT if scaled > _LIMIT else scaled)
        dense += values[len(dense) :]
        return dense

    def _sums(self, dense: Floats) -> Floats:
        """Numbers and flags by their weights, and the intercept; shape (n, 4)."""
        # einsum, not `@`: BLAS sums in another order for each batch size, and a replayed request
        # must give the same bits alone as it did among others.
        sums: Floats = np.einsum("ij,jk->ik", dense, self._dense)
        sums += self._intercept
        return sums
