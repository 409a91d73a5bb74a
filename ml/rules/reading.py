"""One text read: known phrases with their place, their offsets and what is said of them."""

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

from ml.rules.cues import CARER_VERBS
from ml.rules.lexicon import LEXICON
from ml.rules.pattern import Places, Trie
from ml.rules.plain_words import COMMON
from ml.rules.scope import mark
from ml.rules.spelling import Spelling
from ml.rules.text import DROPPED, FILLER, HARD_STOPS, Token, fold, tokenise
from ml.rules.unit import Status, Unit, sorted_tags
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
        units = [self.units[i] for i in indexes]
        return min([unit.start for unit in units]), max([unit.end for unit in units])


def read(text: str, child_patient: bool = False) -> Reading:
    """Read one field. `child_patient`: relatives named are then those who speak for the child."""
    tokens = tokenise(text)
    units, known, unknown = _units(tokens)
    reading = Reading(units, {}, known=known, unknown=unknown)
    # Most short texts hold no cue: then everything in them is asserted.
    cues = {cue for unit in units for cue in unit.cues}
    status = (
        mark(units, "#rel" in cues and _others_are_others(cues, tokens, child_patient))
        if cues
        else None
    )
    place = 0
    present = reading.present
    into = {Status.GONE: reading.gone, Status.QUERY: reading.query, Status.PAST: reading.past}
    for index, unit in enumerate(units):
        if unit.word in HARD_STOPS:
            place += _STATEMENT
            continue
        if not unit.tags:
            place += unit.content
            continue
        if "#but" in unit.cues:
            place += _TURN
        meant = unit.meanings
        if not meant:
            continue
        place += 1
        target: dict[str, Places] | None = present
        if status is not None and status[index] is not Status.PRESENT:
            target = into.get(status[index])
        if target is None:
            reading.denied += 1
            continue
        for tag in meant:
            if tag in target:
                target[tag].append((place, index))
            else:
                target[tag] = [(place, index)]
    return reading


class _Known(NamedTuple):
    """What a folded word is by itself: how a unit that starts with it reads.

    `word` is what the lexicon has in its place after a slip of the keyboard, `node` where its
    phrases start. A `dropped` word is seen by no pattern but may name a `subject` (see `Unit`).
    Without a phrase the word has `content` or not, and is `plain` English, `strange`, or neither.
    """

    word: str
    node: Trie | None
    dropped: bool
    subject: int
    content: int
    plain: int
    strange: int


def _know(word: str) -> _Known:
    node = LEXICON.trie.children.get(word)
    dropped = word in DROPPED
    subject = 1 if word in _FIRST else 2 if word in _SUBJECT else 0
    if node is None and word not in FILLER and word not in COMMON:
        corrected = SPELLING.correct(word)
        if corrected is not None:
            word, node = corrected, LEXICON.trie.children.get(corrected)
    content = int(word not in FILLER and word[0].isalpha())
    plain = int(content and word in COMMON)
    strange = int(content and not plain and len(word) > 1)
    return _Known(word, node, dropped, subject, content, plain, strange)


# Words come again and again. Single words are all that is kept, cut as folding cuts them.
_known = lru_cache(maxsize=4_096)(_know)

# A word that patterns see: folded, its place, who was named just before it, what it is.
_Kept = tuple[str, int, int, int, _Known]


def _units(tokens: list[Token]) -> tuple[list[Unit], int, int]:
    """Greedy longest phrases over the words that are kept; how many words were known or not."""
    kept = _kept(tokens)
    units: list[Unit] = []
    known = unknown = 0
    index, count = 0, len(kept)
    while index < count:
        _, start, end, subject, (word, node, _, _, content, plain, strange) = kept[index]
        tags: tuple[str, ...] = ()
        following = index + 1
        if node is not None:
            tags, last, following = _longest(node, kept, index)
            end = kept[last][2]
        if tags:
            known += following - index
            cues, meanings = sorted_tags(tags)
            units.append(Unit(word, tags, cues, meanings, start, end, 0, subject))
        else:
            known += plain
            unknown += strange
            units.append(Unit(word, (), (), (), start, end, content, subject))
        index = following
    return units, known, unknown


def _kept(tokens: list[Token]) -> list[_Kept]:
    """Words that patterns see, and for each who was named just before it."""
    kept: list[_Kept] = []
    subject = 0
    for word, start, end in tokens:
        what = _known(word)
        if not what.dropped:
            kept.append((word, start, end, subject, what))
            subject = 0
        elif what.subject == 1:
            subject = 1
        elif what.subject:
            subject = subject or 2
    return kept


def _longest(node: Trie, kept: list[_Kept], index: int) -> tuple[tuple[str, ...], int, int]:
    """Tags of the longest phrase that starts here, its last word, and where to read on."""
    first = tags = node.tags
    last, following = index, index + 1
    probe = index + 1
    while node.children and probe < len(kept):
        deeper = node.children.get(kept[probe][0])
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
    words = [word for word, _, _ in tokens]
    for index, (word, following) in enumerate(pairwise(words)):
        if word in {"i", "im", "ive"} and following not in _CARER:
            return True
        if word == "me" and index and words[index - 1] in {"mad", "mak", "giv"}:
            return True
        if word == "my":
            node = LEXICON.trie.children.get(following)
            # "My friend" is somebody else, "my right arm" is not; other words say nothing.
            if node is not None and not any(tag.startswith("#") for tag in node.tags):
                return True
    return False


def _others_are_others(cues: set[str], tokens: list[Token], child_patient: bool) -> bool:
    """Whether relatives named are bystanders, or the patient whom a carer writes about.

    "My father has chest pain" is the patient; "my father had a stroke" (no day named) is not,
    and neither is anyone where the writer tells of themselves.
    """
    if child_patient:
        return False
    return _speaks_of_self(tokens) or ("#past" in cues and "#recent" not in cues)
