"""Findings that no single phrase carries: two fields, an age, a condition, a number together."""

from typing import Final

from ml.rules.combination import Combination
from ml.rules.combinations_body import BODY
from ml.rules.combinations_inner import INNER
from ml.rules.combinations_people import PEOPLE

COMBINATIONS: Final[tuple[Combination, ...]] = (*BODY, *PEOPLE, *INNER)
