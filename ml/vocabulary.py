"""What a fitted model knows of words: every term, character gram and rule as a row of one table.

Serving asks for the rows of a word, not for its strings: the grams of a word are looked up once
and remembered, so that a known word costs one probe. What is remembered is bounded and holds
single words only, none longer than thirty characters; a text never stays here.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from ml.explain import GRAMS, RULES, TERMS
from ml.features import Features, rule_names
from ml.pipeline import Extractor
from ml.schema import LEVELS, Level
from ml.wording import LONGEST_REMEMBERED, MAX_WORDS, grams_of
from ml.wording import terms as terms_of

Floats = npt.NDArray[np.float64]

BLOCKS: Final = (TERMS, GRAMS, RULES)
_REMEMBERED: Final = 4_096


class Vocabulary:
    """The text blocks of a fitted extractor with the weights of a fitted model.

    `table` (names + 1, 5) holds coefficient × idf × scale of the four levels and idf² for the
    unit length (0 where a block is not normalised); its last row is zeros, for a text of which
    nothing is known. `shown` are the names of its rows in explanations. Thread-safe.
    """

    def __init__(self, extractor: Extractor, coefficients: Floats) -> None:
        """`coefficients` (4, names) follow the extractor's text columns."""
        tables: list[Floats] = []
        shown: list[str] = []
        self._rows: dict[str, dict[str, int]] = {block: {} for block in BLOCKS}
        start = 0
        for block, (vectorizer, scale) in zip(BLOCKS, extractor.text_blocks(), strict=True):
            if vectorizer is None:
                continue
            names = [str(name) for name in vectorizer.get_feature_names_out()]
            own = coefficients[:, start : start + len(names)].T
            self._rows[block] = {name: start + i for i, name in enumerate(names)}
            start += len(names)
            idf = vectorizer.idf_ if vectorizer.use_idf else np.ones(len(names))
            squares = np.square(idf) if vectorizer.norm else np.zeros(len(names))
            tables.append(np.column_stack([own * idf[:, None] * scale, squares]))
            # Terms are shown apart from the fields: "pregnant" is the name of both.
            shown += [f"text:{name}" for name in names] if block == TERMS else names
        self.shown: Final = tuple(shown)
        self.table: Final = np.vstack([*tables, np.zeros((1, len(LEVELS) + 1))])
        self._nothing = start
        self._grams_of_word = lru_cache(maxsize=_REMEMBERED)(self._look_up_grams)
        self._of_hit = lru_cache(maxsize=_REMEMBERED)(self._look_up_hit)

    def rows(self, features: Features) -> tuple[list[int], list[int], list[int]]:
        """Rows of the known terms, grams and rules of one case, each in ascending order, so that
        a sum over them does not depend on the order of a set; at least one row each.
        """
        known = self._rows[TERMS]
        terms = sorted([known[name] for name in terms_of(features.tokens) if name in known])
        grams = sorted(self._grams(features.tokens))
        rules = sorted(
            {
                row
                for hit in features.hits
                for row in self._of_hit(hit.rule_id, hit.category, hit.level)
            }
        )
        # A sum over no rows is not defined: where nothing is known, the row of zeros.
        terms.append(self._nothing)
        grams.append(self._nothing)
        rules.append(self._nothing)
        return terms, grams, rules

    def _grams(self, tokens: Sequence[str]) -> set[int]:
        """As `wording.character_grams`, in rows."""
        found: set[int] = set()
        for token in tokens[:MAX_WORDS]:
            if len(token) <= LONGEST_REMEMBERED:
                found.update(self._grams_of_word(token))
            else:
                found.update(self._look_up_grams(token))
        return found

    def _look_up_grams(self, token: str) -> tuple[int, ...]:
        known = self._rows[GRAMS]
        return tuple([known[gram] for gram in grams_of(token) if gram in known])

    def _look_up_hit(self, rule_id: str, category: str, level: Level) -> tuple[int, ...]:
        known = self._rows[RULES]
        return tuple([known[n] for n in rule_names(rule_id, category, level) if n in known])
