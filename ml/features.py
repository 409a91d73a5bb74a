"""From one case and the rules' answer to the features of the model; shared by training and serving.

Pure Python floats: for single requests this is faster than arrays, and there is one code path.
Missing values are NaN here; the fitted extractor (ml.pipeline) fills and scales them.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from ml.case import TriageCase
from ml.rules.answer import RuleHit, RulesAnswer
from ml.schema import CONSCIOUSNESS, LEVELS, VITAL_SIGNS, Level
from ml.wording import character_grams, terms, word_list

_NAN: Final = math.nan
# Upper and lower normal heart and breathing rates by age (years below which they hold); rounded
# from Fleming et al., Lancet 2011;377:1011-18 (1st-99th centile), adults from NEWS2 (RCP 2017).
_NORMAL_RATES: Final = (
    (1.0, 107.0, 168.0, 27.0, 56.0),
    (2.0, 97.0, 155.0, 22.0, 45.0),
    (5.0, 85.0, 142.0, 19.0, 36.0),
    (12.0, 69.0, 122.0, 16.0, 27.0),
    (18.0, 57.0, 107.0, 13.0, 23.0),
    (200.0, 50.0, 100.0, 12.0, 20.0),
)
_AGE_BANDS: Final = (1.0, 5.0, 16.0, 40.0, 65.0, 80.0)
_PROGRESSIONS: Final = {
    "worse": ("wors", "progress", "increas", "deterior"),
    "sudden": ("sudden", "abrupt", "acute"),
    "better": ("better", "improv", "resolv", "decreas"),
}
# One flag a value; all 0 where it is unknown.
_CONSCIOUS: Final[dict[str | None, tuple[float, ...]]] = {
    code: tuple(float(code == other) for other in CONSCIOUSNESS) for code in (None, *CONSCIOUSNESS)
}
_LEVEL: Final[dict[int | None, tuple[float, ...]]] = {
    level: tuple(float(level == other) for other in range(4)) for level in (None, *range(4))
}
_SEVERITY_WORDS: Final = {"mild": 2.0, "slight": 2.0, "moderate": 5.0, "severe": 8.0, "worst": 10.0}
# Histories that change how a complaint is read: starts of words; short ones are whole words.
_HISTORY: Final = {
    "heart": (" cardiac", " heart", " coronary", " angina", " infarct", " cabg ", " mi ", " chf "),
    "stroke": (" stroke", " tia ", " cva ", " cerebro"),
    "lung": (" copd ", " asthma", " emphysema", " pulmonary"),
    "diabetes": (" diabet", " dm ", " insulin"),
    "immune": (" cancer", " chemo", " transplant", " hiv ", " leuk", " lymphoma", " steroid"),
    "bleeding": (" warfarin", " anticoag", " apixaban", " rivaroxaban", " haemophil", " hemophil"),
    "kidney": (" kidney", " renal", " dialysis", " ckd "),
    "mental": (" depress", " schizo", " bipolar", " anxiety", " suicid"),
    "pressure": (" hypertens", " htn ", " high blood pressure"),
    "epilepsy": (" epilep", " seizure"),
}

_RAW: Final = ("patient_age", *VITAL_SIGNS, "severity_score")
NUMBER_NAMES: Final[tuple[str, ...]] = (
    *_RAW,
    "symptom_severity",
    "shock_index",
    "mean_arterial_pressure",
    "pulse_pressure",
    "news2",
    "age_squared",
    *(f"age_below_{band:g}" for band in _AGE_BANDS),
    "heart_rate_high",
    "heart_rate_low",
    "respiratory_rate_high",
    "respiratory_rate_low",
    "systolic_low",
    "systolic_high",
    "temperature_high",
    "temperature_low",
    "spo2_low",
    "pain_severe",
    "deviations",
)
FLAG_NAMES: Final[tuple[str, ...]] = (
    *(f"missing_{name}" for name in _RAW),
    "missing_patient_sex",
    "missing_consciousness",
    "missing_complaint",
    "sex_female",
    "sex_male",
    *(f"consciousness_{code}" for code in CONSCIOUSNESS),
    "pregnant",
    *(f"stated_{level}" for level in LEVELS),
    *(f"history_{name}" for name in _HISTORY),
    "history_items",
    "symptom_items",
    *(f"progression_{name}" for name in _PROGRESSIONS),
    "words",
    *(f"rules_level_{level}" for level in LEVELS),
    *(f"rules_floor_{level}" for level in LEVELS),
    "rules_severity",
    "rules_red_flag",
    "rules_not_understood",
)


@dataclass(frozen=True)
class Features:
    """What the model sees of one case.

    `numbers` follow `NUMBER_NAMES` (NaN where unknown), `flags` follow `FLAG_NAMES` (never NaN);
    of the `tokens` of all texts and the rules' `hits` come `terms`, `grams` and `rules`: sets of
    names whose vocabulary is learnt in training. `missing` names the absent request fields that
    the extractor fills; `absent` also those for which nothing is filled in, by the name under
    which explanations show them.
    """

    numbers: list[float]
    flags: list[float]
    tokens: list[str]
    hits: tuple[RuleHit, ...]
    missing: tuple[str, ...]
    absent: tuple[str, ...]

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
    tokens = word_list(" . ".join([text for _, text in case.texts()]))
    vitals = case.vital_signs
    age = _or_nan(case.patient_age)
    signs = [
        _or_nan(vitals.heart_rate_bpm),
        _or_nan(vitals.respiratory_rate_bpm),
        _or_nan(vitals.systolic_bp_mmhg),
        _or_nan(vitals.diastolic_bp_mmhg),
        _or_nan(vitals.temperature_c),
        _or_nan(vitals.spo2_percent),
        _or_nan(vitals.pain_score),
    ]
    raw = [age, *signs, _or_nan(case.severity_score)]
    missing = [name for name, value in zip(_RAW, raw, strict=True) if value != value]
    derived = _derived(case, age, signs, rules.news2)
    others = {
        "patient_sex": case.patient_sex in {None, "unknown"},
        "consciousness": vitals.consciousness is None,
        "symptom_severity": derived[0] != derived[0],
        "news2": rules.news2 is None,
    }
    return Features(
        numbers=[*raw, *derived],
        flags=_flags(case, rules, raw, len(tokens)),
        tokens=tokens,
        hits=rules.hits,
        missing=tuple(missing),
        absent=(*missing, *[name for name, gone in others.items() if gone]),
    )


def _or_nan(value: float | None) -> float:
    return _NAN if value is None else float(value)


def _derived(case: TriageCase, age: float, signs: list[float], news2: int | None) -> list[float]:
    """The numbers after `_RAW`; NaN follows from NaN, except in hinges, where it means normal."""
    heart, breath, systolic, diastolic, temperature, spo2, pain = signs
    years = 40.0 if age != age else age
    for limit, heart_low, heart_high, breath_low, breath_high in _NORMAL_RATES:  # noqa: B007
        if years < limit:
            break
    hinges = [
        _over(heart, heart_high) / 20,
        _over(heart_low, heart) / 10,
        _over(breath, breath_high) / 5,
        _over(breath_low, breath) / 3,
        _over(100.0 if years >= 12 else 70.0 + 2 * years, systolic) / 10,
        _over(systolic, 160.0) / 20,
        _over(temperature, 38.0),
        _over(36.0, temperature),
        _over(95.0, spo2) / 3,
        _over(pain, 6.0),
    ]
    return [
        _worst_symptom(case),
        heart / systolic if systolic > 0 else _NAN,
        (systolic + 2 * diastolic) / 3,
        systolic - diastolic,
        _or_nan(news2),
        age * age / 100,
        *[_NAN if age != age else float(age < band) for band in _AGE_BANDS],
        *hinges,
        float(sum([hinge > 0 for hinge in hinges[:9]])),
    ]


def _over(value: float, limit: float) -> float:
    """How far `value` lies above `limit`, at least 0; 0 where either is unknown."""
    return value - limit if value > limit else 0.0


def _worst_symptom(case: TriageCase) -> float:
    """The worst stated symptom severity, 0-10; NaN where none is understood."""
    worst = _NAN
    for symptom in case.symptoms_data.symptoms:
        severity = symptom.severity
        if isinstance(severity, str):
            words = severity.lower()
            number = next((v for word, v in _SEVERITY_WORDS.items() if word in words), _NAN)
        else:
            number = _or_nan(severity)
        if number == number and not worst >= number:
            worst = number
    return worst


def _flags(case: TriageCase, rules: RulesAnswer, raw: list[float], words: int) -> list[float]:
    vitals, sex, symptoms = case.vital_signs, case.patient_sex, case.symptoms_data.symptoms
    history = case.medical_history
    past = f" {' '.join(word_list(' '.join(history)))} " if history else ""
    courses = " ".join([symptom.progression.lower() for symptom in symptoms if symptom.progression])
    return [
        *[1.0 if value != value else 0.0 for value in raw],
        float(sex is None or sex == "unknown"),
        float(vitals.consciousness is None),
        float(words == 0),
        float(sex == "female"),
        float(sex == "male"),
        *_CONSCIOUS[vitals.consciousness],
        float(bool(case.pregnant)),
        *_LEVEL[case.stated_urgency],
        *_named(past, _HISTORY),
        min(len(history), 6) / 3,
        min(len(symptoms), 6) / 3,
        *_named(courses, _PROGRESSIONS),
        min(words, 30) / 10,
        *_LEVEL[rules.level],
        *_LEVEL[rules.floor],
        rules.severity / 25,
        float(rules.red_flag),
        float("not_understood" in rules.reasons),
    ]


def _named(text: str, groups: dict[str, tuple[str, ...]]) -> list[float]:
    """1.0 for each group of which the text holds a stem."""
    if not text:
        return [0.0] * len(groups)
    return [float(any(stem in text for stem in stems)) for stems in groups.values()]
