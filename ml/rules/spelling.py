"""One slip of the keyboard in a long word of the lexicon: "diarrea", "abdominla", "sezure".

An index of the lexicon's words with one letter left out; a lookup costs one probe per letter.
Short words are not corrected: too many plain words lie one letter from a clinical one.
"""

from collections.abc import Mapping
from typing import Final

SHORTEST: Final = 7
_LONGEST: Final = 20


class Spelling:
    """Corrects a word that nobody knows to the one known word next to it.

    `forms` maps what may be written to its folded form; `plain` words are never corrected.
    """

    def __init__(self, forms: Mapping[str, str], plain: frozenset[str]) -> None:
        self._near: dict[str, tuple[str, str] | None] = {}
        self._plain = plain
        for word, folded in sorted(forms.items()):
            if len(word) >= SHORTEST and word.isalpha():
                form = (word, folded)
                for key in (word, *_shortened(word)):
                    # Two words share a key: a guess would be a coin's toss.
                    known = self._near.setdefault(key, form)
                    if known is not None and known[1] != folded:
                        self._near[key] = None

    def correct(self, word: str) -> str | None:
        """The lexicon's word one slip away from `word`, or None."""
        if not SHORTEST <= len(word) <= _LONGEST or not word.isascii() or word in self._plain:
            return None
        for key in (word, *_shortened(word)):
            found = self._near.get(key)
            if found is None:
                continue
            form, folded = found
            if form[0] == word[0] and abs(len(form) - len(word)) <= 1:
                return folded
        return None


def _shortened(word: str) -> list[str]:
    return [word[:i] + word[i + 1 :] for i in range(1, len(word))]
