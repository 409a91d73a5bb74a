"""Marking the patient's words that rules matched: text cut at the ends of the spans."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ml.case import TriageCase
from ml.rules.answer import RuleHit
from ml.schema import Level


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text; `hits` are the rules that matched all of it, none for plain text."""

    text: str
    hits: tuple[RuleHit, ...] = ()

    @property
    def level(self) -> Level | None:
        return max((hit.level for hit in self.hits), default=None)

    @property
    def said(self) -> str:
        """What a pointer that rests on it is told."""
        return "; ".join(f"{hit.rule_id}: at least {hit.level.label}" for hit in self.hits)


@dataclass(frozen=True, slots=True)
class Passage:
    """One field of the case as pieces; joined they are its text again."""

    field: str
    name: str
    pieces: tuple[Piece, ...]


_NAMES = {
    "chief_complaint": "Complaint",
    "symptom_name": "Symptom",
    "description": "Description",
    "medical_history": "History",
}


def passages(case: TriageCase, hits: Sequence[RuleHit]) -> list[Passage]:
    """Every free text of the case, complaint first, with what the rules matched in it."""
    texts = [
        *case.texts(),
        *((f"medical_history.{i}", text) for i, text in enumerate(case.medical_history)),
    ]
    return [
        Passage(field, _name(field), pieces(text, [hit for hit in hits if hit.field == field]))
        for field, text in texts
    ]


def pieces(text: str, hits: Sequence[RuleHit]) -> tuple[Piece, ...]:
    """`text` cut wherever a span begins or ends; spans may overlap. Offsets are code points; what
    lies outside of the text is left out."""
    spans = [hit for hit in hits if 0 <= hit.start < hit.end <= len(text)]
    cuts = sorted({0, len(text), *(h.start for h in spans), *(h.end for h in spans)})
    return tuple(
        Piece(text[a:b], tuple(hit for hit in spans if hit.start <= a and b <= hit.end))
        for a, b in pairwise(cuts)
    )


def _name(field: str) -> str:
    known = (part for part in reversed(field.split(".")) if part in _NAMES)
    return _NAMES[next(known, "description")]
