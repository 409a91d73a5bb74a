"""The compiled lexicon: every table in its place, and the spelling index over its words."""

from typing import Final

from ml.rules.classes import CLASSES
from ml.rules.context import CONDITIONS, CONTEXT
from ml.rules.cues import CUES
from ml.rules.flags_body import BRAIN, HEART, LUNGS, VESSELS
from ml.rules.flags_injury import ALLERGY, BURNS, ENVIRONMENT, MIND, POISON, TRAUMA
from ml.rules.flags_inner import (
    ABDOMEN,
    CHILD,
    EYE_AND_UROLOGY,
    METABOLIC,
    OBSTETRIC,
    SEPSIS,
)
from ml.rules.pattern import Lexicon
from ml.rules.rule import Rule
from ml.rules.symptoms import MINOR, SYMPTOMS

RULES: Final[tuple[Rule, ...]] = (
    *HEART, *VESSELS, *BRAIN, *LUNGS, *TRAUMA, *BURNS, *ALLERGY, *POISON, *MIND, *ENVIRONMENT,
    *ABDOMEN, *OBSTETRIC, *METABOLIC, *SEPSIS, *CHILD, *EYE_AND_UROLOGY,
    *SYMPTOMS, *MINOR, *CONTEXT, *CONDITIONS,
)  # fmt: skip

LEXICON: Final = Lexicon(RULES, CLASSES, CUES)
