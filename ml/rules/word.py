"""What a written word is by itself, to the rules: folded, corrected, known or strange.

Words come again and again, so that what is found out of one is remembered (decision 29): single
words as written, none longer than a word is, and only so many.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ml.rules.lexicon import LEXICON
from ml.rules.pattern import Trie
from ml.rules.plain_words import COMMON
from ml.rules.spelling import Spelling
from ml.rules.text import DROPPED, FILLER, HARD_STOPS, LONGEST_WORD, SECOND, folded
from ml.rules.unit import Unit
from ml.rules.words import FOLDED

SPELLING: Final = Spelling({**{word: word for word in LEXICON.words}, **FOLDED}, COMMON)

# Further apart than any window: statements do not mix.
_STATEMENT: Final = 100
_FIRST: Final = frozenset({"i", "im", "ive", "me", "my", "myself"})
_SUBJECT: Final = frozenset({"i", "im", "ive", "he", "she", "it", "they", "hes", "shes", "we"})
_REMEMBERED: Final = 4_096


@dataclass(frozen=True, slots=True, eq=False)
class Word:
    """A written word.

    `folded` is the form under which the lexicon knows it. `unit` is what it is where no longer
    phrase starts with it, `branches` are the phrases' next words; both are those of the lexicon's
    word in its place after a slip of the keyboard. A `dropped` word is seen by no pattern but may
    name a `subject`: 1 the writer, 2 somebody else. `known` and `strange` are 1 or 0: words of
    plain English or the lexicon, and words that nobody knows. A word that `joins` may be one with
    the word before it, or no word at all.
    """

    folded: str
    unit: Unit
    branches: dict[str, Trie]
    dropped: bool
    subject: int
    known: int
    strange: int
    joins: bool


def know(form: str) -> Word:
    """What a folded word is."""
    node = LEXICON.trie.children.get(form)
    shown = form
    if node is None and form not in FILLER and form not in COMMON:
        corrected = SPELLING.correct(form)
        if corrected is not None:
            shown, node = corrected, LEXICON.trie.children.get(corrected)
    content = shown not in FILLER and shown[:1].isalpha()
    plain = content and shown in COMMON
    ends = shown in HARD_STOPS
    phrase = LEXICON.unit(node) if node else None
    return Word(
        folded=form,
        unit=phrase or Unit(shown, gap=_STATEMENT if ends else int(content), ends=ends),
        branches=node.children if node else {},
        dropped=form in DROPPED,
        subject=1 if form in _FIRST else 2 if form in _SUBJECT else 0,
        known=1 if phrase else int(plain),
        strange=0 if phrase else int(content and not plain and len(shown) > 1),
        joins=form in SECOND or form in {"", "."},
    )


def _know_written(raw: str) -> Word:
    return know(folded(raw))


_known = lru_cache(maxsize=_REMEMBERED)(_know_written)


def words_of(written: Iterable[str]) -> list[Word]:
    """What each of these written words is."""
    return [_known(raw) if len(raw) <= LONGEST_WORD else _know_written(raw) for raw in written]
