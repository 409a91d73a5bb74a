"""The compiled lexicon: every table in its place, and the spelling index over its words."""

from typing import Final

from ml.rules.classes import CLASSES
from ml.rules.context import CONDITIONS, CONTEXT
from ml.rules.cues import CUES, MARKING, ON_PAPER
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
from ml.rules.spoken_body import SPOKEN_BODY
from ml.rules.spoken_classes import SPOKEN_CLASSES
from ml.rules.spoken_events import SPOKEN_EVENTS
from ml.rules.spoken_inner import SPOKEN_INNER
from ml.rules.symptoms import MINOR, SYMPTOMS

RULES: Final[tuple[Rule, ...]] = (
    *HEART, *VESSELS, *BRAIN, *LUNGS, *TRAUMA, *BURNS, *ALLERGY, *POISON, *MIND, *ENVIRONMENT,
    *ABDOMEN, *OBSTETRIC, *METABOLIC, *SEPSIS, *CHILD, *EYE_AND_UROLOGY,
    *SPOKEN_BODY, *SPOKEN_INNER, *SPOKEN_EVENTS,
    *SYMPTOMS, *MINOR, *CONTEXT, *CONDITIONS,
)  # fmt: skip

LEXICON: Final = Lexicon(RULES, {**CLASSES, **SPOKEN_CLASSES, "onpaper": ON_PAPER}, CUES, MARKING)
