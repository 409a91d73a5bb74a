"""One text read: known phrases with their place, their offsets and what is said of them."""

from itertools import accumulate, pairwise
from operator import attrgetter
from typing import Final

from ml.rules.cues import CARER_VERBS
from ml.rules.lexicon import LEXICON
from ml.rules.pattern import Trie
from ml.rules.scope import mark
from ml.rules.text import ends_no_sentence, fold, parts
from ml.rules.unit import NOTHING_STATED, Stated, Status, Unit
from ml.rules.word import Word, know, words_of
from ml.rules.words import MERGED

_CARER: Final = frozenset(map(fold, CARER_VERBS))
_JOINS: Final = attrgetter("joins")


class Reading:
    """What a text says. `known` and `unknown` count words with content; `present` holds the units
    that are asserted, now and of the patient; where some unit `is_marked` the others hold what is
    over (`gone`), only to be excluded (`query`) or of an earlier time (`past`).
    """

    __slots__ = (
        *("units", "present", "is_marked", "gone", "query", "past", "denied"),
        *("known", "unknown", "_parts", "_words", "_reach", "_offsets"),
    )

    def __init__(self, text: str) -> None:
        self.units: list[Unit] = []
        self.present = self.gone = self.query = self.past = NOTHING_STATED
        self.is_marked = False
        self.denied = self.known = self.unknown = 0
        self._parts = parts(text)
        # Of each word that is seen the parts it begins and ends with; of each unit its words.
        self._words: list[tuple[int, int]] = []
        self._reach: list[tuple[int, int]] = []
        self._offsets: list[int] = []

    def span(self, indexes: tuple[int, ...]) -> tuple[int, int]:
        """Offsets, end exclusive, of the stretch of text from the first unit to the last."""
        offsets = self._offsets
        if not offsets:
            offsets = self._offsets = list(accumulate(map(len, self._parts), initial=0))
        first = min(indexes)
        last = max([self._reach[index][1] for index in indexes])
        return offsets[self._words[self._reach[first][0]][0]], offsets[self._words[last][1] + 1]


def read(text: str, child_patient: bool = False) -> Reading:
    """Read one field. `child_patient`: relatives named are then those who speak for the child.

    1. Take the text apart into words; what each is by itself is remembered (`word`).
    2. Leave out those that no pattern sees, and put the others together to the longest phrases.
    3. Where something is said of others (a negation, a time, a person), mark what it is said of.
    """
    reading = Reading(text)
    words = words_of(reading._parts[1::2])
    if any(map(_JOINS, words)):
        words, places = _joined(words, reading._parts)
    else:
        places = [(place, place) for place in range(1, 2 * len(words), 2)]
    seen = [word for word in words if not word.dropped]
    if len(seen) < len(words):
        places = [p for p, word in zip(places, words, strict=True) if not word.dropped]
    reading._words = places
    stated = _units(reading, seen)
    if reading.is_marked:
        _mark(reading, stated, words, child_patient)
    else:
        # In most short texts nothing is: then everything in them is asserted.
        reading.present = Stated(stated)
    return reading


def _joined(words: list[Word], written: list[str]) -> tuple[list[Word], list[tuple[int, int]]]:
    """As `text.tokenise` does: pairs that are one word, no full stop after an abbreviation. The
    words, and the parts that each begins and ends with."""
    joined: list[Word] = []
    places: list[tuple[int, int]] = []
    before = ""
    for index, word in enumerate(words):
        place = 2 * index + 1
        first = place
        if word.joins:
            if not word.folded:
                continue
            following = "".join(written[place + 1 : place + 3])[:1]
            if word.folded == "." and ends_no_sentence(before, following):
                continue
            if merged := MERGED.get((before, word.folded)):
                word = know(merged)
                joined.pop()
                first = places.pop()[0]
        joined.append(word)
        places.append((first, place))
        before = word.folded
    return joined, places


Entries = list[tuple[int, int, Unit]]


def _units(reading: Reading, seen: list[Word]) -> Entries:
    """Greedy longest phrases over the words that are seen. Those with a meaning, each with its
    place counted in words with content."""
    units, reach = reading.units, reading._reach
    stated: Entries = []
    place = known = unknown = index = 0
    count = len(seen)
    while index < count:
        word = seen[index]
        unit, last, following = word.unit, index, index + 1
        longer = None
        if word.branches and following < count and seen[following].folded in word.branches:
            longer = _longest(word.branches, seen, index)
        if longer is not None:
            unit, last, following = longer
            known += following - index
        else:
            known += word.known
            unknown += word.strange
        place += unit.gap
        if unit.marks:
            reading.is_marked = True
        if unit.meanings:
            place += 1
            stated.append((place, len(units), unit))
        units.append(unit)
        reach.append((index, last))
        index = following
    reading.known, reading.unknown = known, unknown
    return stated


def _longest(
    branches: dict[str, Trie], seen: list[Word], index: int
) -> tuple[Unit, int, int] | None:
    """The longest phrase of several words that starts here, its last word, and where to read on.
    None where there is none."""
    found = None
    probe = index + 1
    while probe < len(seen):
        node = branches.get(seen[probe].folded)
        if node is None:
            break
        if unit := LEXICON.unit(node):
            # The words of a composed phrase stay to be read; this unit is also the first of them.
            found = unit, probe, index + 1 if node.composed else probe + 1
        branches = node.children
        probe += 1
    return found


def _mark(reading: Reading, stated: Entries, words: list[Word], child_patient: bool) -> None:
    """Tell apart what is said of each unit."""
    others = any("#rel" in unit.cues for unit in reading.units) and _others_are_others(
        reading.units, words, child_patient
    )
    status = mark(reading.units, _subjects(reading, words), others)
    said: dict[Status, Entries] = {}
    for entry in stated:
        said.setdefault(status[entry[1]], []).append(entry)
    reading.present = Stated(said.pop(Status.PRESENT, []))
    reading.gone = Stated(said.pop(Status.GONE, []))
    reading.query = Stated(said.pop(Status.QUERY, []))
    reading.past = Stated(said.pop(Status.PAST, []))
    reading.denied = sum(map(len, said.values()))


def _subjects(reading: Reading, words: list[Word]) -> list[int]:
    """Who is named just before each unit: 1 the writer, 2 somebody else, 0 nobody."""
    of_words: list[int] = []
    subject = 0
    for word in words:
        if not word.dropped:
            of_words.append(subject)
            subject = 0
        elif word.subject == 1:
            subject = 1
        elif word.subject:
            subject = subject or 2
    return [of_words[first] for first, _ in reading._reach]


def _others_are_others(units: list[Unit], words: list[Word], child_patient: bool) -> bool:
    """Whether relatives named are bystanders, or the patient whom a carer writes about.

    "My father has chest pain" is the patient; "my father had a stroke" (no day named) is not,
    and neither is anyone where the writer tells of themselves.
    """
    if child_patient:
        return False
    cues = {cue for unit in units for cue in unit.cues}
    return _speaks_of_self(words) or ("#past" in cues and "#recent" not in cues)


def _speaks_of_self(words: list[Word]) -> bool:
    """Whether the writer names symptoms of their own ("I have", "my leg"), not a carer's part."""
    forms = [word.folded for word in words]
    for index, (word, following) in enumerate(pairwise(forms)):
        if word in {"i", "im", "ive"} and following not in _CARER:
            return True
        if word == "me" and index and forms[index - 1] in {"mad", "mak", "giv"}:
            return True
        if word == "my":
            node = LEXICON.trie.children.get(following)
            # "My friend" is somebody else, "my right arm" is not; other words say nothing.
            if node is not None and not any(tag.startswith("#") for tag in node.tags):
                return True
    return False
