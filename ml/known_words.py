"""Which terms and grams a fitted model knows of a word: their rows in its table.

Reading a text costs one look-up a word: the word's rows are joined, and so are the rows of it and
the word before it where the model has learnt that pair. What is remembered is bounded and holds
single words only, none longer than thirty characters; a text never stays here. The pairs are
those of the fitted vocabulary, made once.
"""

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final

from ml.wording import (
    LONGEST_REMEMBERED,
    MAX_WORDS,
    NEGATION_REACH,
    add_words,
    clinical_words,
    grams_of,
)
from ml.wording_tables import CONCEPTS, NEGATION_ENDS, NEGATIONS, SIDES, STOP_WORDS

_REMEMBERED: Final = 4_096
# How a denied term is called.
_DENIED: Final = "no "

# By one word of a pair: by the other word, the rows of the pair and of the concept it names.
Pairs = dict[str, dict[str, bytes]]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a word adds to the terms of a text: its own rows, and by the word before it, more."""

    rows: bytes
    after: Mapping[str, bytes]


_NOTHING: Final = Meaning(b"", {})


@dataclass(frozen=True, slots=True)
class Word:
    """One word, number or sentence end as it is read.

    `said` and `denied` are None for what is no term. Then `reach` tells how many of the next
    words are denied after it, and that it parts what stands before and after; None for a stop
    word. `last` is what the next word may pair with; empty for a side, which is skipped.
    """

    grams: bytes
    said: Meaning | None = None
    denied: Meaning | None = None
    last: str = ""
    reach: int | None = None


class KnownWords:
    """The terms and grams of a fitted vocabulary by words. Thread-safe."""

    def __init__(self, terms: Mapping[str, int], grams: Mapping[str, int]) -> None:
        self._terms, self._grams = terms, grams
        self._pairs = {prefix: _pairs(terms, prefix) for prefix in ("", _DENIED)}
        self.memory: Final = _Memory(self._read)

    def rows(self, tokens: Sequence[str]) -> list[bytes]:
        """The rows of all known terms and grams of a text, in no order and some more than once.

        As `wording.terms` and `wording.character_grams`, in rows.
        """
        words = list(map(self.memory.__getitem__, tokens))
        found = [word.grams for word in words[:MAX_WORDS]]
        previous, denied = "", 0
        for word in words if len(words) <= MAX_WORDS else _first(words):
            meaning = word.denied if denied else word.said
            if meaning is not None:
                found.append(meaning.rows)
                if previous in meaning.after:
                    found.append(meaning.after[previous])
                if word.last:
                    previous = word.last
                if denied:
                    denied -= 1
            elif word.reach is not None:
                previous, denied = "", word.reach
        return found

    def _read(self, token: str) -> Word:
        grams = _packed(self._grams, grams_of(token))
        if token in NEGATION_ENDS:
            return Word(grams, reach=0)
        if token in NEGATIONS:
            return Word(grams, reach=NEGATION_REACH)
        if token in STOP_WORDS:
            return Word(grams)
        words = clinical_words(token)
        names: set[str] = set()
        last = add_words(names, words, "", "")
        first = next((word for word in words if word not in SIDES), "")
        said, denied = [self._meaning(prefix, names, first) for prefix in ("", _DENIED)]
        return Word(grams, said, denied, last)

    def _meaning(self, prefix: str, names: set[str], first: str) -> Meaning:
        rows = _packed(self._terms, [prefix + name for name in names])
        after = self._pairs[prefix].get(first)
        return Meaning(rows, after or {}) if rows or after else _NOTHING


class _Memory(dict[str, Word]):
    """Words already read, at most `_REMEMBERED`; the oldest goes first. A long one is not kept.

    A dictionary, so that a known word costs no call of Python.
    """

    def __init__(self, read: Callable[[str], Word]) -> None:
        self._read = read
        self._lock = Lock()

    def __missing__(self, token: str) -> Word:
        word = self._read(token)
        if len(token) <= LONGEST_REMEMBERED:
            with self._lock:
                if len(self) >= _REMEMBERED:
                    del self[next(iter(self))]
                self[token] = word
        return word


def _first(words: list[Word]) -> list[Word]:
    """As much of a long text as is read: up to the word after `MAX_WORDS` read ones."""
    read = [place for place, word in enumerate(words) if word.said is not None]
    return words[: read[MAX_WORDS]] if len(read) > MAX_WORDS else words


def _pairs(terms: Mapping[str, int], prefix: str) -> Pairs:
    """What is known of neighbouring words, said or denied, from either of the two."""
    pairs: Pairs = {}
    for pair in {name.removeprefix(_DENIED) for name in terms} | CONCEPTS.keys():
        one, plus, other = pair.partition("+")
        # No pair; or one in an order in which none is looked for, as three of `CONCEPTS` are, which
        # a model to come may know: to turn them round would change the features of this one.
        if not plus or one >= other:
            continue
        names = [prefix + name for name in (pair, CONCEPTS.get(pair)) if name]
        if rows := _packed(terms, names):
            pairs.setdefault(one, {})[other] = rows
            pairs.setdefault(other, {})[one] = rows
    return pairs


def _packed(known: Mapping[str, int], names: Iterable[str]) -> bytes:
    """The rows of those names that are known, as eight bytes each."""
    rows = [known[name] for name in names if name in known]
    return array("q", rows).tobytes() if rows else b""
