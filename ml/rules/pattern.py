"""Patterns compiled to a trie of phrases and an index by rarest word, and their matching.

Matching reads a text once: greedy longest phrases from the trie, then for every word present
the few patterns anchored at it. Positions are compared by bisection, so no text can make it
worse than n log n.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ml.rules.rule import Rule
from ml.rules.text import CLOSED, COMPOSED, DROPPED, tokenise

# Positions of one tag: (place counted in content words, index of the unit).
Places = list[tuple[int, int]]


class Pattern(NamedTuple):
    """One compiled alternative of a rule: the anchor is where it is indexed; `place` is its own
    in the order of the tables."""

    place: int
    rule: Rule
    order: int
    others: tuple[str, ...]


class Found(NamedTuple):
    rule: Rule
    order: int
    units: tuple[int, ...]


class Trie:
    """Phrases of folded words; `tags` are the classes to which a phrase belongs."""

    __slots__ = ("children", "composed", "tags")

    def __init__(self) -> None:
        self.children: dict[str, Trie] = {}
        self.tags: tuple[str, ...] = ()
        self.composed = False

    def add(self, words: tuple[str, ...], tag: str) -> None:
        node = self
        for word in words:
            node = node.children.setdefault(word, Trie())
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
    words = tuple(word for word, _, _ in tokens if word not in DROPPED)
    if not words:
        raise ValueError(f"nothing is kept of the lexicon's phrase {written!r}")
    return words


class Lexicon:
    """All rules, classes and cues, compiled once on import."""

    def __init__(
        self, rules: Iterable[Rule], classes: dict[str, str], cues: dict[str, str]
    ) -> None:
        self.trie = Trie()
        self.words: set[str] = set()
        self._classes = {name: text.split() for name, text in classes.items()}
        self._expanded: dict[str, frozenset[tuple[str, ...]]] = {}
        # anchor -> the rarest word beside it (itself, if it stands alone) -> patterns.
        self._index: dict[str, dict[str, list[Pattern]]] = {}
        self._patterns = 0
        for name, text in cues.items():
            for written in text.split():
                self._add(phrase(written), name)
        for order, rule in enumerate(rules):
            for alternative in filter(None, map(str.strip, rule.patterns.split(";"))):
                self._compile(rule, order, alternative.split())
        for name in self._classes:
            self._register(f"@{name}")

    def _compile(self, rule: Rule, order: int, groups: list[str]) -> None:
        tags = [self._register(group) for group in groups]
        anchor = min(tags, key=lambda tag: len(self._expanded[tag]))
        others = list(tags)
        others.remove(anchor)
        second = min(others, key=lambda tag: len(self._expanded[tag]), default=anchor)
        pattern = Pattern(self._patterns, rule, order, tuple(others))
        self._index.setdefault(anchor, {}).setdefault(second, []).append(pattern)
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

    def match(self, places: dict[str, Places]) -> list[Found]:
        """Every rule that fires on units at these places, at most once each."""
        found: list[Found] = []
        fired: set[int] = set()
        for tag in filter(self._index.__contains__, places):
            anchors, beside = places[tag], self._index[tag]
            # Of a common word's patterns most miss the other word; they are not even looked at.
            candidates = [one for second in beside.keys() & places.keys() for one in beside[second]]
            candidates.sort()
            for _, rule, order, others in candidates:
                if order in fired:
                    continue
                units: tuple[int, ...] | None = None
                if not others:
                    units = (anchors[0][1],)
                elif all(map(places.__contains__, others)):
                    units = _together(anchors, [places[other] for other in others], rule.window)
                if units is not None:
                    fired.add(order)
                    found.append(Found(rule, order, units))
        return found


def _together(anchors: Places, near: list[Places], window: int) -> tuple[int, ...] | None:
    """Units of the first anchor that has a different unit of every group within the window."""
    for place, unit in anchors:
        units = [unit]
        for others in near:
            nearest = _nearest(others, place, window, units)
            if nearest is None:
                break
            units.append(nearest)
        else:
            return tuple(units)
    return None


def _nearest(others: Places, place: int, window: int, taken: list[int]) -> int | None:
    # At most 2 * window + 1 places lie in reach, whatever the length of the text.
    low = bisect_left(others, (place - window, -1))
    high = bisect_right(others, (place + window, 1 << 30))
    best: tuple[int, int] | None = None
    for other, unit in others[low:high]:
        if unit not in taken and (best is None or abs(other - place) < best[0]):
            best = (abs(other - place), unit)
    return None if best is None else best[1]
