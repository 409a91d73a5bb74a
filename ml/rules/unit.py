"""One unit of a text, and what can be said of it."""

from dataclasses import dataclass
from enum import Enum
from typing import Final


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """A phrase of the lexicon or a single word, as it is wherever it stands: texts share it.

    Of its `tags` some are `cues` (they say something of other units: "#no", "#ago") and some
    are `meanings` (patterns look for them), also as a set (`meant`); at some of these patterns are
    anchored (`anchors`). `gap` is how far it moves what follows it away from what stands before:
    1 for a word with content and no tag, more for the end of a statement (`ends`) or a "but".
    Where no unit `marks`, everything in a text is asserted.
    """

    word: str
    tags: tuple[str, ...] = ()
    cues: tuple[str, ...] = ()
    meanings: tuple[str, ...] = ()
    meant: frozenset[str] = frozenset()
    anchors: tuple[str, ...] = ()
    gap: int = 0
    ends: bool = False
    marks: bool = False


class Status(Enum):
    PRESENT = "present"
    DENIED = "denied"
    OTHER = "other"
    PAST = "past"
    GONE = "gone"
    SUPPOSED = "supposed"
    QUERY = "query"


# Positions of one tag: (place counted in content words, index of the unit).
Places = list[tuple[int, int]]
# Up to so many entries are looked through for a tag; of more the places of all tags are kept.
_FEW: Final = 48


class Stated:
    """Units with a meaning of which a text says the same: that they are present, are over, …

    `entries` are (place, index of the unit, the unit) in the order of the text; `tags` what they
    mean all together.
    """

    __slots__ = ("_places", "entries", "tags")

    def __init__(self, entries: list[tuple[int, int, Unit]]) -> None:
        self.entries = entries
        self.tags: set[str] = set().union(*[unit.meant for _, _, unit in entries])
        self._places: dict[str, Places] | None = None

    def places(self, tag: str) -> Places:
        """Where it is stated; empty where it is not."""
        if len(self.entries) <= _FEW:
            return [(place, index) for place, index, unit in self.entries if tag in unit.meant]
        if self._places is None:
            self._places = _places(self.entries)
        return self._places.get(tag, [])


def _places(entries: list[tuple[int, int, Unit]]) -> dict[str, Places]:
    found: dict[str, Places] = {}
    for place, index, unit in entries:
        for tag in unit.meant:
            found.setdefault(tag, []).append((place, index))
    return found


NOTHING_STATED: Final = Stated([])
