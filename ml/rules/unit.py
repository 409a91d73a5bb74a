"""One unit of a text, and what can be said of it."""

from enum import Enum
from functools import cache
from typing import NamedTuple


class Unit(NamedTuple):
    """A phrase of the lexicon or a single word.

    Of its `tags` some are `cues` (they say something of other units: "#no", "#ago") and some
    are `meanings` (patterns look for them). `content` is 1 for a word that widens the gap within
    a pattern; `subject` is 1 where the writer, 2 where somebody else is named as subject or
    owner just before it.
    """

    word: str
    tags: tuple[str, ...]
    cues: tuple[str, ...]
    meanings: tuple[str, ...]
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
def sorted_tags(tags: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The cues and the meanings among these tags."""
    return (
        tuple(tag for tag in tags if tag[0] == "#"),
        tuple(tag for tag in tags if tag[0] not in "#="),
    )
