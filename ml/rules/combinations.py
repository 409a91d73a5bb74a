"""Findings that no single phrase carries: two fields, an age, a condition, a number together."""

from typing import Final

from ml.rules.combination import Combination
from ml.rules.combinations_body import BODY
from ml.rules.combinations_inner import INNER
from ml.rules.combinations_people import PEOPLE
from ml.rules.facts import Facts

COMBINATIONS: Final[tuple[Combination, ...]] = (*BODY, *PEOPLE, *INNER)

# sign -> the combinations that stand on it, by their place in the table.
_ON: Final[dict[str, list[int]]] = {}
for _place, _combination in enumerate(COMBINATIONS):
    for _sign in _combination.on:
        _ON.setdefault(_sign, []).append(_place)


def holding(facts: Facts) -> list[Combination]:
    """The combinations that hold, in the order of the table."""
    near = {place for sign in _ON.keys() & facts.signs() for place in _ON[sign]}
    found = [COMBINATIONS[place] for place in sorted(near)]
    return [combination for combination in found if combination.also(facts)]
