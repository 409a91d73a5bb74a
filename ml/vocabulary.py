"""What a fitted model knows of words: every term, character gram and rule as a row of one table.

Serving asks for the rows of words and hits, not for their names, and adds them up for a whole
batch at once.
"""

from array import array
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ml.explain import GRAMS, RULES, TERMS
from ml.features import Features
from ml.known_words import KnownWords
from ml.pipeline import Extractor
from ml.schema import LEVELS

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_ROW: Final = np.dtype(np.int64)
_UNKNOWN: Final = [b""] * len(LEVELS)
BLOCKS: Final = (TERMS, GRAMS, RULES)


class Found(NamedTuple):
    """What is known of the texts of a batch of n cases.

    `rows` of the table, case by case and block by block, each once and in ascending order; each
    block ends with its row of zeros. `starts` (3 n) is where each begins; `sums` (n, 3, 5) adds
    up its rows.
    """

    rows: Integers
    starts: Integers
    sums: Floats

    def terms_and_rules(self) -> tuple[list[list[int]], list[list[int]]]:
        """The rows of the terms of each case and those of its rules, without those of zeros."""
        rows, starts = self.rows.tolist(), self.starts.tolist()
        starts.append(len(rows))
        cases = range(0, len(starts) - 1, len(BLOCKS))
        return (
            [rows[starts[i] : starts[i + 1] - 1] for i in cases],
            [rows[starts[i + 2] : starts[i + 3] - 1] for i in cases],
        )


class Vocabulary:
    """The text blocks of a fitted extractor with the weights of a fitted model.

    `table` (rows, 5) holds coefficient × idf × scale of the four levels and idf² for the unit
    length (0 where a block is not normalised). After each block stands a row of zeros, for a text
    of which nothing is known. `shown` are the names of the rows in explanations. Thread-safe.
    """

    def __init__(self, extractor: Extractor, coefficients: Floats) -> None:
        """`coefficients` (4, names) follow the extractor's text columns."""
        tables: list[Floats] = []
        shown: list[str] = []
        known: dict[str, dict[str, int]] = {block: {} for block in BLOCKS}
        starts, ends, column = [], [], 0
        for block, (vectorizer, scale) in zip(BLOCKS, extractor.text_blocks(), strict=True):
            starts.append(len(shown))
            if vectorizer is not None:
                names = [str(name) for name in vectorizer.get_feature_names_out()]
                own = coefficients[:, column : column + len(names)].T
                known[block] = {name: len(shown) + i for i, name in enumerate(names)}
                column += len(names)
                idf = vectorizer.idf_ if vectorizer.use_idf else np.ones(len(names))
                squares = np.square(idf) if vectorizer.norm else np.zeros(len(names))
                tables.append(np.column_stack([own * idf[:, None] * scale, squares]))
                # Terms are shown apart from the fields: "pregnant" is the name of both.
                shown += [f"text:{name}" for name in names] if block == TERMS else names
            ends.append(len(shown))
            tables.append(np.zeros((1, len(LEVELS) + 1)))
            shown.append("")
        self.shown: Final = tuple(shown)
        self.table: Final = np.vstack(tables)
        self.words: Final = KnownWords(known[TERMS], known[GRAMS])
        self._starts = np.array(starts)
        self._ends = array("q", ends).tobytes()
        self._rules, self._categories = _by_hit(known[RULES])
        # The number of a case stands in the bits above those of a row.
        self._bits = len(shown).bit_length()
        self._row_bits = (1 << self._bits) - 1

    def rows(self, features: Features) -> bytes:
        """Rows of all that is known of one case, eight bytes each: in no order, some more than
        once, with the row of zeros of each block.
        """
        found = self.words.rows(features.tokens)
        for hit in features.hits:
            found.append(self._rules.get(hit.rule_id, b""))
            found.append(self._categories.get(hit.category, _UNKNOWN)[hit.level])
        found.append(self._ends)
        return b"".join(found)

    def find(self, features: Sequence[Features]) -> Found:
        """All that is known of the texts and hits of a batch.

        A sum adds its rows in ascending order: the same alone and in any batch.
        """
        texts = [self.rows(row) for row in features]
        keys = np.frombuffer(bytearray().join(texts), _ROW)
        starts = self._starts
        several = len(texts) > 1
        if several:
            cases = np.arange(len(texts)) << self._bits
            keys |= cases.repeat([len(text) // keys.itemsize for text in texts])
            starts = (cases[:, None] + starts).ravel()
        keys.sort()
        first = np.empty(len(keys), dtype=np.bool_)
        first[0] = True
        np.not_equal(keys[1:], keys[:-1], out=first[1:])
        keys = keys[first]
        starts = keys.searchsorted(starts)
        rows = keys & self._row_bits if several else keys
        sums = np.add.reduceat(self.table.take(rows, axis=0), starts, axis=0)
        return Found(rows, starts, sums.reshape(len(texts), len(BLOCKS), -1))


def _by_hit(known: Mapping[str, int]) -> tuple[dict[str, bytes], dict[str, list[bytes]]]:
    """The rows of `features.rule_names`: by a rule's id, and by its category and level."""
    rules: dict[str, bytes] = {}
    categories: dict[str, list[bytes]] = {}
    for name, row in known.items():
        packed = array("q", [row]).tobytes()
        kind, _, rest = name.partition(":")
        if kind == "rule":
            rules[rest] = packed
        else:
            category, _, label = rest.rpartition(":")
            by_level = categories.setdefault(category, list(_UNKNOWN))
            by_level[LEVELS.index(label)] = packed
    return rules, categories
