"""Patterns compiled to a trie of phrases and an index by rarest word, and their matching.

Matching reads a text once: greedy longest phrases from the trie, then for every word present
the few patterns anchored at it. Positions are found once and compared by bisection, so no text
can make it worse than n log n.
"""

import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from ml.rules.rule import Rule
from ml.rules.text import CLOSED, COMPOSED, DROPPED, tokenise
from ml.rules.unit import Places, Stated, Unit

# A "but" turns what is said: how far apart what stands on its two sides counts.
_TURN: Final = 20


class Pattern(NamedTuple):
    """One compiled alternative of a rule: `place` is its own in the order of the tables; `others`
    are the groups that stand beside its anchor."""

    place: int
    rule: Rule
    order: int
    others: tuple[str, ...]


class Anchored:
    """The patterns of one anchor, in the order of the tables: those of it alone, and the others by
    the rarer word beside it."""

    __slots__ = ("alone", "beside")

    def __init__(self) -> None:
        self.alone: list[Pattern] = []
        self.beside: dict[str, list[Pattern]] = {}

    def near(self, tags: set[str]) -> list[Pattern]:
        """Those that stand alone or beside one of these tags."""
        beside = [one for tag in self.beside.keys() & tags for one in self.beside[tag]]
        return sorted(self.alone + beside)


class Found(NamedTuple):
    rule: Rule
    order: int
    units: tuple[int, ...]


class Trie:
    """Phrases of folded words; `tags` are the classes to which a phrase belongs, `start` is where
    its first word (`word`) leads. The unit of a phrase is made when it is first read."""

    __slots__ = ("children", "composed", "start", "tags", "unit", "word")

    def __init__(self, word: str = "", start: "Trie | None" = None) -> None:
        self.children: dict[str, Trie] = {}
        self.tags: tuple[str, ...] = ()
        self.composed = False
        self.word = word
        self.start = start or self
        self.unit: Unit | None = None

    def add(self, words: tuple[str, ...], tag: str) -> None:
        node = self.children.setdefault(words[0], Trie(words[0]))
        for word in words[1:]:
            node = node.children.setdefault(word, Trie(words[0], node.start))
        # A phrase that asks for something leaves its words to other patterns; a cue or an idiom,
        # and one that turns its words round, keeps them.
        meant = tag[0] not in "#="
        node.composed = len(words) > 1 and (
            COMPOSED.issuperset(words)
            or (meant and (node.composed or not node.tags) and CLOSED.isdisjoint(words))
        )
        if tag not in node.tags:
            node.tags = (*node.tags, tag)


def phrase(written: str) -> tuple[str, ...]:
    """A phrase of the tables in the words that a text is folded to."""
    tokens = tokenise(written.replace("_", " "))
    words = tuple(sys.intern(word) for word, _, _ in tokens if word not in DROPPED)
    if not words:
        raise ValueError(f"nothing is kept of the lexicon's phrase {written!r}")
    return words


class Lexicon:
    """All rules, classes and cues, compiled once on import."""

    def __init__(
        self,
        rules: Iterable[Rule],
        classes: dict[str, str],
        cues: dict[str, str],
        marking: frozenset[str],
    ) -> None:
        """`marking`: the cues that change what is said of other units."""
        self.trie = Trie()
        self.words: set[str] = set()
        self._classes = {name: text.split() for name, text in classes.items()}
        self._expanded: dict[str, frozenset[tuple[str, ...]]] = {}
        self._marking = marking
        # Many units mean the same: they share the set.
        self._meant: dict[frozenset[str], frozenset[str]] = {}
        self._index: dict[str, Anchored] = {}
        self._patterns = 0
        for name, text in cues.items():
            for written in text.split():
                self._add(phrase(written), name)
        for order, rule in enumerate(rules):
            for alternative in filter(None, map(str.strip, rule.patterns.split(";"))):
                self._compile(rule, order, alternative.split())
        for name in self._classes:
            self._register(f"@{name}")
        # Only needed until here: a megabyte of every process.
        del self._expanded, self._classes

    def _compile(self, rule: Rule, order: int, groups: list[str]) -> None:
        tags = [self._register(group) for group in groups]
        anchor = min(tags, key=lambda tag: len(self._expanded[tag]))
        others = list(tags)
        others.remove(anchor)
        pattern = Pattern(self._patterns, rule, order, tuple(others))
        anchored = self._index.setdefault(anchor, Anchored())
        if others:
            second = min(others, key=lambda tag: len(self._expanded[tag]))
            anchored.beside.setdefault(second, []).append(pattern)
        else:
            anchored.alone.append(pattern)
        self._patterns += 1

    def _register(self, group: str) -> str:
        """Make every phrase of a group carry the group's name as a tag."""
        if group not in self._expanded:
            members = frozenset(self._members(group))
            self._expanded[group] = members
            for words in members:
                self._add(words, group)
        return group

    def _members(self, group: str) -> Iterator[tuple[str, ...]]:
        for part in group.split("|"):
            if part.startswith("@"):
                for written in self._classes[part[1:]]:
                    yield from self._members(written)
            else:
                yield phrase(part)

    def _add(self, words: tuple[str, ...], tag: str) -> None:
        self.words.update(words)
        self.trie.add(words, tag)

    def unit(self, node: Trie) -> Unit | None:
        """What the phrase that ends at this node is in a text; None where none ends."""
        if node.unit is None and node.tags:
            # A composed phrase is also the first of its words; the others are read by themselves.
            tags = (*node.start.tags, *node.tags) if node.composed else node.tags
            node.unit = self._unit(node.word, tags)
        return node.unit

    def _unit(self, word: str, tags: tuple[str, ...]) -> Unit:
        cues = tuple(tag for tag in tags if tag[0] == "#")
        meanings = tuple(tag for tag in tags if tag[0] not in "#=")
        anchors = tuple(tag for tag in dict.fromkeys(meanings) if tag in self._index)
        meant = self._meant.setdefault(frozenset(meanings), frozenset(meanings))
        gap = _TURN if "#but" in cues else 0
        marks = not self._marking.isdisjoint(cues)
        return Unit(word, tags, cues, meanings, meant, anchors, gap, marks=marks)

    def match(self, stated: Stated) -> list[Found]:
        """Every rule that fires on what is stated, at most once each."""
        found: list[Found] = []
        fired: set[int] = set()
        first: dict[str, int] = {}
        for _, index, unit in stated.entries:
            for tag in unit.anchors:
                if tag not in first:
                    first[tag] = index
        tags = stated.tags
        for tag, index in first.items():
            anchored = self._index[tag]
            # Of a common word's patterns most miss the other word: they are not even looked at.
            missed = tags.isdisjoint(anchored.beside)
            for _, rule, order, others in anchored.alone if missed else anchored.near(tags):
                if order in fired:
                    continue
                units: tuple[int, ...] | None = (index,)
                if others:
                    units = _together(stated, tag, others, rule.window)
                if units is not None:
                    fired.add(order)
                    found.append(Found(rule, order, units))
        return found


def _together(
    stated: Stated, anchor: str, others: tuple[str, ...], window: int
) -> tuple[int, ...] | None:
    """Units of the first anchor that has a different unit of every group within the window."""
    if not stated.tags.issuperset(others):
        return None
    near = [stated.places(other) for other in others]
    for place, unit in stated.places(anchor):
        units = [unit]
        for places in near:
            nearest = _nearest(places, place, window, units)
            if nearest is None:
                break
            units.append(nearest)
        else:
            return tuple(units)
    return None


def _nearest(others: Places, place: int, window: int, taken: list[int]) -> int | None:
    if len(others) == 1:
        ((other, unit),) = others
        return unit if abs(other - place) <= window and unit not in taken else None
    # At most 2 * window + 1 places lie in reach, whatever the length of the text.
    low = bisect_left(others, (place - window, -1))
    high = bisect_right(others, (place + window, 1 << 30))
    best: tuple[int, int] | None = None
    for other, unit in others[low:high]:
        if unit not in taken and (best is None or abs(other - place) < best[0]):
            best = (abs(other - place), unit)
    return None if best is None else best[1]
