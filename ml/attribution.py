"""How far each named finding moved the log-odds of the chosen level.

Exact, for the model is linear: a column's part is its value times its weight. What names mean is
in `ml.explain`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, compress, zip_longest
from typing import Final

import numpy as np
import numpy.typing as npt

from ml.explain import ABSENT, REPORTED, WORDING, display_names, shown_as_absent
from ml.feature_tables import FLAG_NAMES, NUMBER_NAMES
from ml.prediction import Contribution
from ml.vocabulary import Vocabulary

Floats = npt.NDArray[np.float64]

# Gives names and values of contributions, as often as it is called.
Naming = Callable[[], Iterator[tuple[str, float]]]

# In 97 of 100 synthetic and real cases enough contributions are larger than this, and the others
# need not be put in order. Elsewhere all are: it changes what is spent, not what is found.
_MOSTLY: Final = 0.15
# What makes a named tuple of a plain one: in half the time of its own constructor.
_tuple: Final = tuple.__new__


class Attribution:
    """The weights of one fitted model by the names they are shown under. Thread-safe."""

    def __init__(self, by_level: Floats, vocabulary: Vocabulary) -> None:
        """`by_level` (4, columns) weighs numbers and flags."""
        names = display_names((*NUMBER_NAMES, *FLAG_NAMES))
        self._names = tuple(dict.fromkeys(names))
        self._places = [self._names.index(name) for name in names]
        self._weights = by_level.tolist()
        self._layers = _layers(self._places)
        self._layer_weights = np.where(self._layers < 0, 0.0, by_level[:, self._layers])
        self._text_names = vocabulary.shown
        self._text_weights = vocabulary.table[:, :-1].T.tolist()
        self._parted = lru_cache(maxsize=1_024)(self._part)

    def fields(self, dense: Floats, levels: Sequence[int]) -> list[list[float]]:
        """What numbers and flags as weighed (n, columns) say for the given level of each row, by
        name: a row adds up the columns of a name in their order.
        """
        moved = dense.take(self._layers, axis=1)
        moved *= self._layer_weights.take(levels, axis=0)
        found: list[list[float]] = np.add.reduce(moved, axis=1, initial=0.0).tolist()
        return found

    def fields_alone(self, dense: list[float], level: int) -> list[float]:
        """As `fields` for one row."""
        found = [0.0] * len(self._names)
        columns = zip(self._places, dense, self._weights[level], strict=True)
        for place, value, weight in compress(columns, dense):  # of a 0 comes nothing
            found[place] += value * weight
        return found

    def named(
        self,
        level: int,
        fields: list[float],
        absent: tuple[str, ...],
        terms: list[int],
        rules: list[int],
        length: float,
        wording: float,
    ) -> Iterator[tuple[str, float]]:
        """Names and values of all contributions to a level in one case.

        `fields` as above, `absent` as in `Features`; `terms` and `rules` are rows of the
        vocabulary, terms are divided by `length`; `wording` is what all grams say together.
        """
        names, present, gone = self._parted(absent)
        shown, weights = self._text_names, self._text_weights[level]
        # A heart rate that nobody measured must not be given as a reason.
        assumed = sum([fields[i] for i in gone])
        return chain(
            zip(names, compress(fields, present), strict=True),
            ((ABSENT, assumed), (WORDING, wording)),
            [(shown[i], weights[i] / length) for i in terms],
            [(shown[i], weights[i]) for i in rules],
        )

    def _part(self, absent: tuple[str, ...]) -> tuple[list[str], list[bool], list[int]]:
        """Names of the fields to show, which they are, and the places of the others: those stand
        for absence.
        """
        gone = [self._names.index(n) for n in shown_as_absent(absent) if n in self._names]
        present = [i not in gone for i in range(len(self._names))]
        return list(compress(self._names, present)), present, gone


def strongest(named: Naming) -> tuple[Contribution, ...]:
    """The largest contributions by size, then name; what is 0 is no reason."""
    found = _beyond(_MOSTLY, named())
    if len(found) < REPORTED:
        found = _beyond(0.0, named())
    found.sort()
    return tuple([_tuple(Contribution, (name, value)) for _, name, value in found[:REPORTED]])


def _beyond(size: float, named: Iterable[tuple[str, float]]) -> list[tuple[float, str, float]]:
    """Those that are larger, as they are put in order."""
    return [(-abs(value), name, value) for name, value in named if value > size or value < -size]


def _layers(places: list[int]) -> npt.NDArray[np.int64]:
    """Columns by the places of their names, in layers: the first column of each name, the second
    of each, and so on; -1 where a name has no more.
    """
    columns: list[list[int]] = [[] for _ in range(max(places) + 1)]
    for column, place in enumerate(places):
        columns[place].append(column)
    return np.array(list(zip_longest(*columns, fillvalue=-1)))
