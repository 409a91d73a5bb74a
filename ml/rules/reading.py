"""One text read: known phrases with their place, their offsets and what is said of them."""

from dataclasses import dataclass, field
from typing import Final

from ml.rules.cues import CARER_VERBS
from ml.rules.lexicon import LEXICON
from ml.rules.pattern import Places, Trie
from ml.rules.plain_words import COMMON
from ml.rules.scope import mark
from ml.rules.spelling import Spelling
from ml.rules.text import DROPPED, FILLER, HARD_STOPS, Token, fold, tokenise
from ml.rules.unit import Status, Unit, meanings
from ml.rules.words import FOLDED

SPELLING: Final = Spelling({**{word: word for word in LEXICON.words}, **FOLDED}, COMMON)

# Further apart than any window: statements do not mix.
_STATEMENT: Final = 100
_TURN: Final = 20
_CARER: Final = frozenset(map(fold, CARER_VERBS))
_FIRST: Final = frozenset({"i", "im", "ive", "me", "my", "myself"})
_SUBJECT: Final = frozenset({"i", "im", "ive", "he", "she", "it", "they", "hes", "shes", "we"})


@dataclass(slots=True)
class Reading:
    """What a text says. `known` and `unknown` count words with content; `present` maps tags of
    units that are asserted, now and of the patient, to their places; the others hold what is
    over (`gone`) or only to be excluded (`query`).
    """

    units: list[Unit]
    present: dict[str, Places]
    gone: dict[str, Places] = field(default_factory=dict)
    query: dict[str, Places] = field(default_factory=dict)
    past: dict[str, Places] = field(default_factory=dict)
    denied: int = 0
    known: int = 0
    unknown: int = 0

    def span(self, indexes: tuple[int, ...]) -> tuple[int, int]:
        """Offsets, end exclusive, of the stretch of text from the first unit to the last."""
        return (
            min(self.units[i].start for i in indexes),
            max(self.units[i].end for i in indexes),
        )


def read(text: str, child_patient: bool = False) -> Reading:
    """Read one field. `child_patient`: relatives named are then those who speak for the child."""
    tokens = tokenise(text)
    units, known, unknown = _units(tokens)
    status = mark(units, _others_are_others(units, _speaks_of_self(tokens), child_patient))
    reading = Reading(units, {}, known=known, unknown=unknown)
    place = 0
    present = reading.present
    into = {Status.GONE: reading.gone, Status.QUERY: reading.query, Status.PAST: reading.past}
    for index, unit in enumerate(units):
        if unit.word in HARD_STOPS:
            place += _STATEMENT
            continue
        tags = unit.tags
        if not tags:
            place += unit.content
            continue
        if "#but" in tags:
            place += _TURN
        meant = meanings(tags)
        if not meant:
            continue
        place += 1
        state = status[index]
        target = present if state is Status.PRESENT else into.get(state)
        if target is None:
            reading.denied += 1
            continue
        for tag in meant:
            target.setdefault(tag, []).append((place, index))
    return reading


def _units(tokens: list[Token]) -> tuple[list[Unit], int, int]:
    """Greedy longest phrases over the words that are kept; how many words were known or not."""
    kept, subjects = _kept(tokens)
    units: list[Unit] = []
    known = unknown = 0
    root = LEXICON.trie.children
    index, count = 0, len(kept)
    while index < count:
        token = kept[index]
        word = token.word
        node = root.get(word)
        if node is None and word not in FILLER and word not in COMMON:
            corrected = SPELLING.correct(word)
            if corrected is not None:
                word, node = corrected, root.get(corrected)
        tags: tuple[str, ...] = ()
        last, following = index, index + 1
        if node is not None:
            tags, last, following = _longest(node, kept, index)
        content = 0
        if tags:
            known += following - index
        elif word not in FILLER and word[0].isalpha():
            content = 1
            if word in COMMON:
                known += 1
            elif len(word) > 1:
                unknown += 1
        units.append(Unit(word, tags, token.start, kept[last].end, content, subjects[index]))
        index = following
    return units, known, unknown


def _kept(tokens: list[Token]) -> tuple[list[Token], list[int]]:
    """Words that patterns see, and for each who was named just before it (see `Unit`)."""
    kept: list[Token] = []
    subjects: list[int] = []
    subject = 0
    for token in tokens:
        word = token.word
        if word not in DROPPED:
            kept.append(token)
            subjects.append(subject)
            subject = 0
        elif word in _FIRST:
            subject = 1
        elif word in _SUBJECT:
            subject = subject or 2
    return kept, subjects


def _longest(node: Trie, kept: list[Token], index: int) -> tuple[tuple[str, ...], int, int]:
    """Tags of the longest phrase that starts here, its last word, and where to read on."""
    first = tags = node.tags
    last, following = index, index + 1
    probe = index + 1
    while node.children and probe < len(kept):
        deeper = node.children.get(kept[probe].word)
        if deeper is None:
            break
        node = deeper
        if node.tags:
            last = probe
            # The words of a composed phrase stay to be read; this unit is also the first of them.
            tags = (*first, *node.tags) if node.composed else node.tags
            following = index + 1 if node.composed else probe + 1
        probe += 1
    return tags, last, following


def _speaks_of_self(tokens: list[Token]) -> bool:
    """Whether the writer names symptoms of their own ("I have", "my leg"), not a carer's part."""
    for index, token in enumerate(tokens[:-1]):
        following = tokens[index + 1].word
        if token.word in {"im", "ive"} and following not in _CARER:
            return True
        if token.word == "i" and following not in _CARER:
            return True
        if token.word == "me" and index and tokens[index - 1].word in {"mad", "mak", "giv"}:
            return True
        if token.word == "my":
            node = LEXICON.trie.children.get(following)
            # "My friend" is somebody else, "my right arm" is not; other words say nothing.
            if node is not None and not any(tag.startswith("#") for tag in node.tags):
                return True
    return False


def _others_are_others(units: list[Unit], speaks_of_self: bool, child_patient: bool) -> bool:
    """Whether relatives named are bystanders, or the patient whom a carer writes about.

    "My father has chest pain" is the patient; "my father had a stroke" (no day named) is not,
    and neither is anyone where the writer tells of themselves.
    """
    if child_patient:
        return False
    if speaks_of_self:
        return True
    past = recent = adult = False
    for unit in units:
        for tag in unit.tags:
            past = past or tag == "#past"
            recent = recent or tag == "#recent"
            adult = adult or tag == "#rel"
    return adult and past and not recent
