"""What a rule of the lexicon is, and the little language in which its patterns are written.

A pattern is groups of words that must stand near each other in one statement, in any order:
`chest @pain` finds "pain, sharp, in my chest". A group is one word, alternatives (`arm|jaw`),
a fixed phrase (`short_of_breath`) or a class (`@pain`). Patterns of one rule end with `;`.
"""

from dataclasses import dataclass
from typing import Final

from ml.schema import Level

# How far apart, in words with content, the parts of a pattern may stand.
WINDOW: Final = 4


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the lexicon.

    `level` is the least level it asks for. A `fixed` level stands whatever the context says
    ("mild", "for years"); any other is the level of a typical case and context may move it.
    `red_flag` makes emergency final; `floor` binds the model as well.
    """

    rule_id: str
    category: str
    level: Level
    source: str
    patterns: str
    red_flag: bool = False
    fixed: bool = False
    floor: Level = Level.ROUTINE
    window: int = WINDOW


def red(rule_id: str, source: str, patterns: str, window: int = WINDOW) -> Rule:
    """A clear-cut emergency: the category is what stands before the dot of the id."""
    return Rule(
        rule_id,
        rule_id.split(".")[0],
        Level.EMERGENCY,
        source,
        patterns,
        red_flag=True,
        fixed=True,
        floor=Level.EMERGENCY,
        window=window,
    )


def grave(
    rule_id: str,
    source: str,
    patterns: str,
    level: Level = Level.EMERGENCY,
    floor: Level = Level.ROUTINE,
    window: int = WINDOW,
) -> Rule:
    """A serious finding whose level context does not lower; the model keeps its say."""
    return Rule(
        rule_id,
        rule_id.split(".")[0],
        level,
        source,
        patterns,
        fixed=True,
        floor=floor,
        window=window,
    )


def usual(
    rule_id: str, level: Level, source: str, patterns: str, category: str = "", window: int = WINDOW
) -> Rule:
    """A symptom at the level of its typical case; context may raise or lower it."""
    return Rule(rule_id, category or rule_id.split(".")[0], level, source, patterns, window=window)
