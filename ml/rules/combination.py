"""What a combination is, and the questions about a patient that several of them ask.

A combination is looked at only where one of the signs it stands on is known: most of them stand
on something rare, so that a case asks a few of a hundred.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from ml.rules.facts import Facts
from ml.schema import Level

# Signs that are no rule's id, and those that several combinations stand on.
HOT: Final = ("hot",)
SICK: Final = ("neurological.consciousness", "neurological.coma", "ctx.drowsy")


class Combination(NamedTuple):
    """Fires where one of the signs `on` is known (see `Facts.signs`) and `also` holds.

    `red_flag` makes emergency final, `floor` binds the model.
    """

    rule_id: str
    category: str
    level: Level
    source: str
    on: tuple[str, ...]
    also: Callable[[Facts], bool]
    red_flag: bool = False
    floor: Level = Level.ROUTINE

    def holds(self, facts: Facts) -> bool:
        return not facts.signs().isdisjoint(self.on) and self.also(facts)


def always(f: Facts) -> bool:
    """The signs are enough."""
    return True


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
