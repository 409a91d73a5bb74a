"""Free text as tokens that remember where they stood.

Words are folded (case, apostrophes, British spelling, plural, -ing, -ed) so that one entry of
the lexicon stands for all its forms; offsets always point into the text as it was written.
Every step is a single pass: a hostile text costs as much per character as an honest one.
"""

import re
from typing import Final

from ml.rules.words import (
    ABBREVIATED,
    BETWEEN,
    CAPITALS,
    CLOSING,
    COMPOSING,
    CORRECTIONS,
    EMPTY,
    FOLDED,
    MERGED,
)

# A plain word, which is most of them; shorthand with a slash, "(+)" and "(-)", numbers, any other
# word, with inner apostrophes; or one mark.
_TOKEN: Final = re.compile(
    r"([A-Za-z]{2,}+(?![^\W\d_]|['’ʼ`´])"
    r"|[A-Za-z]/[A-Za-z](?:/[A-Za-z])?(?![A-Za-z])"
    r"|\(\s?[+\-–−]\s?\)"
    r"|\d+(?:[.,]\d+)?"
    r"|[^\W\d_]+(?:['’ʼ`´][^\W\d_]+)*"
    r"|[.,;:!?\n=()?%])"
)
_APOSTROPHES: Final = str.maketrans("", "", "'’ʼ`´")
_BRITISH: Final = (
    ("haem", "hem"),
    ("aemi", "emi"),
    ("oed", "ed"),
    ("rrhoe", "rrhe"),
    ("pnoe", "pne"),
    ("oes", "es"),
    ("oet", "et"),
    ("paed", "ped"),
    ("aesth", "esth"),
    ("gynae", "gyne"),
    ("tumour", "tumor"),
    ("colour", "color"),
    ("odour", "odor"),
    ("labour", "labor"),
)
LONGEST_WORD: Final = 30
# The second words of pairs that are one word.
SECOND: Final = frozenset(second for _, second in MERGED)
HARD_STOPS: Final = frozenset(".;!?\n")


# A folded word and its place: code points in the original, end exclusive.
Token = tuple[str, int, int]


def tokenise(text: str) -> list[Token]:
    """Split `text` (any Unicode) into folded tokens; marks that end a clause are tokens too."""
    tokens: list[Token] = []
    before = ""
    for match in _TOKEN.finditer(text):
        word = folded(match[0])
        start, end = match.span()
        if word == "." and ends_no_sentence(before, text[end : end + 1]):
            continue
        # An apostrophe that is a letter to Unicode, and nothing else.
        if not word:
            continue
        if (before, word) in MERGED:
            word = MERGED[before, word]
            start = tokens.pop()[1]
        tokens.append((word, start, end))
        before = word
    return tokens


def parts(text: str) -> list[str]:
    """The text in turns of what is between words and a word or mark, as written."""
    return _TOKEN.split(text)


def ends_no_sentence(before: str, following: str) -> bool:
    """Whether a full stop between this word and this character only marks an abbreviation."""
    return before in ABBREVIATED and following != "\n"


def folded(raw: str) -> str:
    """The form under which the lexicon knows a written word; empty where it is none."""
    return _IN_CAPITALS.get(raw) or fold(raw)


def fold(raw: str) -> str:
    """A word without what its forms differ in, whether it is in capitals or not."""
    if raw[0] == "(" and len(raw) > 1:
        return "(+)" if "+" in raw else "(-)"
    word = raw.lower()[:LONGEST_WORD].translate(_APOSTROPHES)
    word = CORRECTIONS.get(word, word)
    return FOLDED.get(word) or stem(word)


def stem(word: str) -> str:
    """Strip plural, -ing, -ed, -ness, -ly and a final e. Applied to lexicon and text alike."""
    if len(word) <= 3 or not word.isalpha():
        return word
    if "ae" in word or "oe" in word or "our" in word:
        for british, american in _BRITISH:
            word = word.replace(british, american)
    for step in (_noun, _plural, _adverb, _verb):
        word = step(word)
    return word[:-1] if word.endswith("e") and len(word) > 3 else word


def _noun(word: str) -> str:
    if word.endswith("iness"):
        return word[:-5] + "y"
    return word[:-4] if word.endswith("ness") and len(word) > 6 else word


def _plural(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _adverb(word: str) -> str:
    if word.endswith("ation") and len(word) > 7:
        return word[:-3]
    if word.endswith("ily") and len(word) > 5:
        return word[:-3] + "y"
    return word[:-2] if word.endswith("ly") and len(word) > 5 else word


def _verb(word: str) -> str:
    if word.endswith("ing") and len(word) > 5:
        return _single(word[:-3])
    if word.endswith("ied") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("ed") and len(word) > 4 and not word.endswith("eed"):
        return _single(word[:-2])
    return word


def _single(word: str) -> str:
    """'vomitt' to 'vomit', but 'press' stays."""
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "slz":
        return word[:-1]
    return word


DROPPED: Final = frozenset(map(fold, BETWEEN))
FILLER: Final = frozenset(map(fold, EMPTY))
COMPOSED: Final = frozenset(map(fold, COMPOSING))
CLOSED: Final = frozenset(map(fold, CLOSING))

# Shorthand that is a plain word in another language when it is not in capitals ("ich", "mi").
_IN_CAPITALS: Final[dict[str, str]] = {word: f"{word.lower()}^" for word in CAPITALS}
