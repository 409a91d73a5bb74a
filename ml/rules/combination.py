"""What a combination is, and the questions about a patient that several of them ask."""

from collections.abc import Callable
from typing import Final, NamedTuple

from ml.rules.facts import Facts
from ml.schema import Level

SICK: Final = ("neurological.consciousness", "neurological.coma", "ctx.drowsy")


class Combination(NamedTuple):
    """`holds` decides on the facts; `red_flag` makes emergency final, `floor` binds the model."""

    rule_id: str
    category: str
    level: Level
    source: str
    holds: Callable[[Facts], bool]
    red_flag: bool = False
    floor: Level = Level.ROUTINE


def fertile(f: Facts) -> bool:
    """Could be pregnant, as far as sex and age are known (11 to 54 years)."""
    return f.sex != "male" and (f.age is None or 11 <= f.age < 55)


def expecting(f: Facts) -> bool:
    """Pregnant by the field or by the words."""
    return f.pregnant or f.lives_with("hx.pregnant") or f.weeks is not None


def late_pregnancy(f: Facts) -> bool:
    """From 20 weeks; pregnancy of unknown length counts as late."""
    return expecting(f) and (f.weeks is None or f.weeks >= 20)


def ill(f: Facts) -> bool:
    """Confused, drowsy or unconscious."""
    return f.has(*SICK)
