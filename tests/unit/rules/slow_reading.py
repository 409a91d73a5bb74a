"""Reading as it is meant, word by word and nothing remembered: the oracle of `ml.rules.reading`."""

from dataclasses import dataclass, field
from typing import Any

from ml.rules.cues import CARER_VERBS
from ml.rules.lexicon import LEXICON
from ml.rules.pattern import Found, Trie
from ml.rules.plain_words import COMMON
from ml.rules.scope import mark
from ml.rules.text import DROPPED, FILLER, HARD_STOPS, Token, fold, tokenise
from ml.rules.unit import Places, Status, Unit
from ml.rules.word import SPELLING

WRITERS = {"i", "im", "ive", "me", "my", "myself"}
SUBJECTS = {"i", "im", "ive", "he", "she", "it", "they", "hes", "shes", "we"}
CARER = set(map(fold, CARER_VERBS))


@dataclass
class SlowReading:
    """Units as (word, tags, start, end); what is stated, by status and tag, with its places."""

    units: list[tuple[str, tuple[str, ...], int, int]] = field(default_factory=list)
    places: dict[Status, dict[str, Places]] = field(default_factory=dict)
    known: int = 0
    unknown: int = 0
    denied: int = 0


def slow_read(text: str, child: bool) -> SlowReading:
    found = SlowReading()
    tokens = tokenise(text)
    kept, subjects = _seen(tokens)
    marked: list[Unit] = []
    about: list[int] = []
    index = 0
    while index < len(kept):
        word, node = _corrected(kept[index][0])
        tags, last, following = _longest(node, kept, index)
        content = word not in FILLER and word[0].isalpha()
        if tags:
            found.known += following - index
        elif content:
            found.known += word in COMMON
            found.unknown += word not in COMMON and len(word) > 1
        found.units.append((word, tags, kept[index][1], kept[last][2]))
        marked.append(
            Unit(
                word,
                tags,
                cues=tuple(tag for tag in tags if tag[0] == "#"),
                meanings=tuple(tag for tag in tags if tag[0] not in "#="),
                gap=int(content),
                ends=word in HARD_STOPS,
            )
        )
        about.append(subjects[index])
        index = following
    cues = {cue for unit in marked for cue in unit.cues}
    others = "#rel" in cues and not child and _others_are_others(cues, tokens)
    _place(found, marked, mark(marked, about, others))
    return found


def _others_are_others(cues: set[str], tokens: list[Token]) -> bool:
    """Whether relatives named are not the patient."""
    if "#past" in cues and "#recent" not in cues:
        return True
    words = [word for word, _, _ in tokens]
    for before, word, following in zip(["", *words], words, words[1:], strict=False):
        node = LEXICON.trie.children.get(following)
        own = node is not None and not any(tag.startswith("#") for tag in node.tags)
        if (
            (word in {"i", "im", "ive"} and following not in CARER)
            or (word == "me" and before in {"mad", "mak", "giv"})
            or (word == "my" and own)
        ):
            return True
    return False


def _seen(tokens: list[Token]) -> tuple[list[Token], list[int]]:
    """The words that patterns see, and who was named just before each."""
    kept, subjects, subject = [], [], 0
    for token in tokens:
        if token[0] not in DROPPED:
            kept.append(token)
            subjects.append(subject)
            subject = 0
        elif token[0] in WRITERS:
            subject = 1
        elif token[0] in SUBJECTS:
            subject = subject or 2
    return kept, subjects


def _corrected(word: str) -> tuple[str, Trie | None]:
    node = LEXICON.trie.children.get(word)
    corrected = SPELLING.correct(word)
    if node or word in FILLER or word in COMMON or corrected is None:
        return word, node
    return corrected, LEXICON.trie.children.get(corrected)


def _longest(node: Trie | None, kept: list[Token], index: int) -> tuple[tuple[str, ...], int, int]:
    first = tags = node.tags if node else ()
    last, following = index, index + 1
    for probe in range(index + 1, len(kept)):
        node = node.children.get(kept[probe][0]) if node else None
        if node and node.tags:
            tags = (*first, *node.tags) if node.composed else node.tags
            last, following = probe, index + 1 if node.composed else probe + 1
    return tags, last, following


def _place(found: SlowReading, units: list[Unit], status: list[Status]) -> None:
    place = 0
    kinds = (Status.PRESENT, Status.GONE, Status.QUERY, Status.PAST)
    found.places = {kind: {} for kind in kinds}
    for index, unit in enumerate(units):
        if unit.ends:
            place += 100
        elif not unit.tags:
            place += unit.gap
        elif "#but" in unit.cues:
            place += 20
        if not unit.meanings:
            continue
        place += 1
        if status[index] not in kinds:
            found.denied += 1
            continue
        for tag in dict.fromkeys(unit.meanings):
            found.places[status[index]].setdefault(tag, []).append((place, index))


def every_pattern(places: dict[str, Places]) -> list[Found]:
    """Matching without an index: every pattern that is anchored at a tag, in their order."""
    found: dict[int, Found] = {}
    for tag, anchors in places.items():
        anchored: Any = LEXICON._index.get(tag)
        if anchored is None:
            continue
        patterns = [*anchored.alone, *(one for many in anchored.beside.values() for one in many)]
        for _, rule, order, others in sorted(patterns):
            if order in found or not all(other in places for other in others):
                continue
            units = _together(anchors, [places[other] for other in others], rule.window)
            if units is not None:
                found[order] = Found(rule, order, units)
    return list(found.values())


def _together(anchors: Places, near: list[Places], window: int) -> tuple[int, ...] | None:
    for place, unit in anchors:
        taken = [unit]
        for others in near:
            reached = [
                (abs(other - place), other, index)
                for other, index in others
                if abs(other - place) <= window and index not in taken
            ]
            if not reached:
                break
            taken.append(min(reached)[2])
        else:
            return tuple(taken)
    return None
