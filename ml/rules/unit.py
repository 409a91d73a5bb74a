"""One unit of a text, and what can be said of it."""

from enum import Enum
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
