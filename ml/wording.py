"""From a patient's or nurse's words to the terms the model counts.

Nurses write "Lt. flank pain" or "PAIN, CHEST"; patients write "my left side really hurts". Both
are brought to the same few clinical words, as single terms and as unordered neighbouring pairs,
so that a model taught on one phrasing is of use on the other. A negated term becomes another
term. Everything here is linear in the length of the text.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from ml.wording_tables import (
    CLINICAL_WORDS,
    CONCEPTS,
    NEGATION_ENDS,
    NEGATIONS,
    SIDES,
    STOP_WORDS,
)

# The model reads this much of all texts together; the rules read everything. A longer story
# adds little to a sum of word weights and would let one request slow down its batch.
MAX_WORDS: Final = 150
# How many words a negation reaches ("no fever or chest pain"), as in NegEx (Chapman, 2001),
# shortened to what complaints need.
NEGATION_REACH: Final = 4

# No longer word is kept in memory once its text is read.
LONGEST_REMEMBERED: Final = 30
# Grams are taken of so many letters of a word.
_GRAM_LETTERS: Final = 24

_TOKEN = re.compile(r"[^\W\d_]+|\d+|[.;!?]")
# The same in a text of ASCII: two ranges are found in half the time of two classes of Unicode.
_ASCII_TOKEN = re.compile(r"[a-z]+|[0-9]+|[.;!?]")
_APOSTROPHES: Final = "'’`´"


def word_list(text: str) -> list[str]:
    """Lower-case words, numbers and sentence ends of `text`, accents folded."""
    folded = text.lower()
    for apostrophe in _APOSTROPHES:
        folded = folded.replace(apostrophe, "")
    if folded.isascii():
        return _ASCII_TOKEN.findall(folded)[: 2 * MAX_WORDS]
    folded = unicodedata.normalize("NFKD", folded)
    folded = "".join(c for c in folded if not unicodedata.combining(c))
    return _TOKEN.findall(folded)[: 2 * MAX_WORDS]


def terms(tokens: list[str]) -> set[str]:
    """Clinical words, concepts and neighbouring pairs; negated ones carry the prefix `no `.

    Pairs are written in alphabetical order ("chest+pain"), for "pain, chest" means the same.
    """
    found: set[str] = set()
    previous, negated, read = "", 0, 0
    for token in tokens:
        if token in NEGATION_ENDS:
            previous, negated = "", 0
        elif token in NEGATIONS:
            previous, negated = "", NEGATION_REACH
        elif token not in STOP_WORDS:
            read += 1
            if read > MAX_WORDS:
                break
            previous = add_words(found, clinical_words(token), previous, "no " if negated else "")
            negated = max(0, negated - 1)
    return found


def clinical_words(token: str) -> tuple[str, ...]:
    """The clinical words that a lay or short word stands for; mostly the word itself."""
    return CLINICAL_WORDS.get(token, (token,))


def add_words(found: set[str], words: tuple[str, ...], previous: str, prefix: str) -> str:
    """Add words and their pairs with the word before; returns the word that is now before."""
    for word in words:
        found.add(prefix + word)
        if word in SIDES:
            continue
        if previous and previous != word:
            pair = f"{previous}+{word}" if previous < word else f"{word}+{previous}"
            found.add(prefix + pair)
            if concept := CONCEPTS.get(pair):
                found.add(prefix + concept)
        previous = word
    return previous


def character_grams(tokens: list[str]) -> set[str]:
    """Character 3- and 4-grams inside padded words: what is left of a misspelt word."""
    found: set[str] = set()
    for token in tokens[:MAX_WORDS]:
        found.update((_remembered if len(token) <= LONGEST_REMEMBERED else grams_of)(token))
    return found


def grams_of(token: str) -> tuple[str, ...]:
    """The grams of one word; none of a word of one or two characters."""
    if len(token) < 3:
        return ()
    padded = f" {token[:_GRAM_LETTERS]} "
    size = len(padded)
    return (
        *[padded[i : i + 3] for i in range(size - 2)],
        *[padded[i : i + 4] for i in range(size - 3)],
    )


_remembered = lru_cache(maxsize=4_096)(grams_of)
