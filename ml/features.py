"""From one case and the rules' answer to the features of the model; shared by training and serving.

Pure Python floats: for single requests this is faster than arrays, and there is one code path.
Missing values are NaN here; the fitted extractor (ml.pipeline) fills and scales them. What only
depends on a choice (an age group, which fields are absent, a level) is a row of a table.
"""

import math
from bisect import bisect_right
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

from ml.case import Symptom, TriageCase
from ml.feature_tables import (
    AGE_BORDERS,
    AGE_GROUPS,
    AGELESS,
    CONSCIOUS_FLAGS,
    FLAGGED,
    HISTORY,
    LEVEL_FLAGS,
    MAY_BE_ABSENT,
    NUMBER_NAMES,
    PROGRESSIONS,
    RAW,
    SEVERITY_WORDS,
    SEX_FLAGS,
    STATED_FLAGS,
)
from ml.rules.answer import RuleHit, RulesAnswer
from ml.schema import Level
from ml.wording import character_grams, terms, word_list

_NAN: Final = math.nan
_NO_HISTORY: Final = (0.0,) * (len(HISTORY) + 1)
_NO_SYMPTOMS: Final = (0.0,) * (len(PROGRESSIONS) + 1)


class _Read(NamedTuple):
    values: tuple[float, ...]
    tokens: list[str]
    hits: tuple[RuleHit, ...]
    missing: tuple[str, ...]
    absent: tuple[str, ...]


class Features(_Read):
    """What the model sees of one case; a tuple, for one is made of every case that is served.

    `values` are `numbers` and then `flags`: they follow `NUMBER_NAMES` (NaN where unknown) and
    `FLAG_NAMES` (never NaN). Of the `tokens` of all texts and the rules' `hits` come `terms`,
    `grams` and `rules`: sets of names whose vocabulary is learnt in training. `missing` names the
    absent request fields that the extractor fills; `absent` also those for which nothing is
    filled in, by the name under which explanations show them.
    """

    @property
    def numbers(self) -> tuple[float, ...]:
        return self.values[: len(NUMBER_NAMES)]

    @property
    def flags(self) -> tuple[float, ...]:
        return self.values[len(NUMBER_NAMES) :]

    @cached_property
    def terms(self) -> set[str]:
        return terms(self.tokens)

    @cached_property
    def grams(self) -> set[str]:
        return character_grams(self.tokens)

    @cached_property
    def rules(self) -> set[str]:
        return {
            name for hit in self.hits for name in rule_names(hit.rule_id, hit.category, hit.level)
        }


def rule_names(rule_id: str, category: str, level: Level) -> tuple[str, str]:
    """The names that one hit of the rules has as a feature."""
    return f"rule:{rule_id}", f"category:{category}:{level.label}"


def extract(case: TriageCase, rules: RulesAnswer) -> Features:
    """The features of one case. Never raises for a valid case."""
    vitals, sex, symptoms = case.vital_signs, case.patient_sex, case.symptoms_data.symptoms
    raw = (
        case.patient_age,
        vitals.heart_rate_bpm,
        vitals.respiratory_rate_bpm,
        vitals.systolic_bp_mmhg,
        vitals.diastolic_bp_mmhg,
        vitals.temperature_c,
        vitals.spo2_percent,
        vitals.pain_score,
        case.severity_score,
    )
    worst = _worst_symptom(symptoms) if symptoms else None
    missing, absent, missing_flags = _gaps(
        (
            *[value is None for value in raw],
            sex is None or sex == "unknown",
            vitals.consciousness is None,
            worst is None,
            rules.news2 is None,
        )
    )
    tokens = word_list(_presenting_problem(case))
    words = len(tokens)
    values = (
        *_numbers(raw, worst, rules.news2),
        *missing_flags,
        0.0 if words else 1.0,
        *SEX_FLAGS[sex],
        *CONSCIOUS_FLAGS[vitals.consciousness],
        1.0 if case.pregnant else 0.0,
        *STATED_FLAGS[case.urgency],
        *(_history(case.medical_history) if case.medical_history else _NO_HISTORY),
        *(_course(symptoms) if symptoms else _NO_SYMPTOMS),
        min(words, 30) / 10,
        *LEVEL_FLAGS[rules.level],
        *LEVEL_FLAGS[rules.floor],
        rules.severity / 25,
        1.0 if rules.red_flag else 0.0,
        1.0 if "not_understood" in rules.reasons else 0.0,
    )
    return Features(values, tokens, rules.hits, missing, absent)


def _presenting_problem(case: TriageCase) -> str:
    """All texts as one, each its own sentence."""
    data = case.symptoms_data
    if not data.symptoms:
        return data.chief_complaint or ""
    return " . ".join([text for _, text in case.texts()])


# Keeps nothing of a patient but which fields were left open.
@lru_cache(maxsize=4_096)
def _gaps(
    unknown: tuple[bool, ...],
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[float, ...]]:
    """`Features.missing`, `Features.absent` and the flags that say so, by `MAY_BE_ABSENT`."""
    absent = [name for name, gone in zip(MAY_BE_ABSENT, unknown, strict=True) if gone]
    missing = [name for name in absent if name in RAW]
    return tuple(missing), tuple(absent), tuple([float(gone) for gone in unknown[:FLAGGED]])


def _numbers(
    raw: tuple[float | None, ...], worst: float | None, news2: int | None
) -> tuple[float, ...]:
    """The values of `NUMBER_NAMES`; NaN follows from NaN, except in hinges, where it means normal.

    A hinge is how far a sign lies beyond what is normal, at least 0.
    """
    known = [_NAN if value is None else value for value in raw]
    age, heart, breath, systolic, diastolic, temperature, spo2, pain, _ = known
    group = AGE_GROUPS[bisect_right(AGE_BORDERS, age)] if age == age else AGELESS
    heart_low, heart_high, breath_low, breath_high, below = group
    systolic_low = 70.0 + 2 * age if age < 12 else 100.0
    hinges = (
        (heart - heart_high) / 20 if heart > heart_high else 0.0,
        (heart_low - heart) / 10 if heart < heart_low else 0.0,
        (breath - breath_high) / 5 if breath > breath_high else 0.0,
        (breath_low - breath) / 3 if breath < breath_low else 0.0,
        (systolic_low - systolic) / 10 if systolic < systolic_low else 0.0,
        (systolic - 160.0) / 20 if systolic > 160.0 else 0.0,
        temperature - 38.0 if temperature > 38.0 else 0.0,
        36.0 - temperature if temperature < 36.0 else 0.0,
        (95.0 - spo2) / 3 if spo2 < 95.0 else 0.0,
        pain - 6.0 if pain > 6.0 else 0.0,
    )
    return (
        *known,
        _NAN if worst is None else worst,
        heart / systolic if systolic > 0 else _NAN,
        (systolic + 2 * diastolic) / 3,
        systolic - diastolic,
        _NAN if news2 is None else float(news2),
        age * age / 100,
        *below,
        *hinges,
        9.0 - hinges[:9].count(0.0),  # of the signs, not of the pain
    )


def _worst_symptom(symptoms: tuple[Symptom, ...]) -> float | None:
    """The worst stated symptom severity, 0-10; None where none is understood."""
    found = []
    for symptom in symptoms:
        severity = symptom.severity
        if isinstance(severity, str):
            words = severity.lower()
            found += [number for word, number in SEVERITY_WORDS.items() if word in words][:1]
        elif severity is not None:
            found.append(severity)
    return max(found, default=None)


def _history(history: tuple[str, ...]) -> tuple[float, ...]:
    past = f" {' '.join(word_list(' '.join(history)))} "
    return (*_named(past, HISTORY), min(len(history), 6) / 3)


def _course(symptoms: tuple[Symptom, ...]) -> tuple[float, ...]:
    courses = " ".join([symptom.progression.lower() for symptom in symptoms if symptom.progression])
    return (min(len(symptoms), 6) / 3, *_named(courses, PROGRESSIONS))


def _named(text: str, groups: dict[str, tuple[str, ...]]) -> list[float]:
    """1.0 for each group of which the text holds a stem."""
    return [1.0 if any(map(text.__contains__, stems)) else 0.0 for stems in groups.values()]
