"""One unit of a text, and what can be said of it."""

from enum import Enum
from functools import cache
from typing import NamedTuple


class Unit(NamedTuple):
    """A phrase of the lexicon or a single word.

    `content` is 1 for a word that widens the gap within a pattern; `subject` is 1 where the
    writer, 2 where somebody else is named as subject or owner just before it.
    """

    word: str
    tags: tuple[str, ...]
    start: int
    end: int
    content: int
    subject: int


class Status(Enum):
    PRESENT = "present"
    DENIED = "denied"
    OTHER = "other"
    PAST = "past"
    GONE = "gone"
    SUPPOSED = "supposed"
    QUERY = "query"


# The lexicon makes some thousand tuples of tags, which units share: each is sorted once.
@cache
def cues(tags: tuple[str, ...]) -> tuple[str, ...]:
    """The tags that say something of other units: "#no", "#ago"."""
    return tuple(tag for tag in tags if tag[0] == "#")


@cache
def meanings(tags: tuple[str, ...]) -> tuple[str, ...]:
    """The tags that patterns look for."""
    return tuple(tag for tag in tags if tag[0] not in "#=")
