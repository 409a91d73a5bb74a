"""Names and tables behind `ml.features`.

What only depends on a choice (an age group, a level, a state of mind) is a row of a table.
"""

import math
from typing import Final

from ml.schema import CONSCIOUSNESS, LEVELS, SEXES, VITAL_SIGNS

# Upper and lower normal heart and breathing rates by age (years below which they hold); rounded
# from Fleming et al., Lancet 2011;377:1011-18 (1st-99th centile), adults from NEWS2 (RCP 2017).
_NORMAL_RATES: Final = (
    (1.0, 107.0, 168.0, 27.0, 56.0),
    (2.0, 97.0, 155.0, 22.0, 45.0),
    (5.0, 85.0, 142.0, 19.0, 36.0),
    (12.0, 69.0, 122.0, 16.0, 27.0),
    (18.0, 57.0, 107.0, 13.0, 23.0),
    (math.inf, 50.0, 100.0, 12.0, 20.0),
)
_AGE_BANDS: Final = (1.0, 5.0, 16.0, 40.0, 65.0, 80.0)
PROGRESSIONS: Final = {
    "worse": ("wors", "progress", "increas", "deterior"),
    "sudden": ("sudden", "abrupt", "acute"),
    "better": ("better", "improv", "resolv", "decreas"),
}
# One flag a value; all 0 where it is unknown.
SEX_FLAGS: Final[dict[str | None, tuple[float, ...]]] = {
    sex: (float(sex == "female"), float(sex == "male")) for sex in (None, *SEXES)
}
CONSCIOUS_FLAGS: Final[dict[str | None, tuple[float, ...]]] = {
    code: tuple(float(code == other) for other in CONSCIOUSNESS) for code in (None, *CONSCIOUSNESS)
}
STATED_FLAGS: Final[dict[str | None, tuple[float, ...]]] = {
    label: tuple(float(label == other) for other in LEVELS) for label in (None, *LEVELS)
}
# By `Level`: an index is quicker than the hash of an enumeration.
LEVEL_FLAGS: Final = tuple(STATED_FLAGS[label] for label in LEVELS)
SEVERITY_WORDS: Final = {"mild": 2.0, "slight": 2.0, "moderate": 5.0, "severe": 8.0, "worst": 10.0}
# Histories that change how a complaint is read: starts of words; short ones are whole words.
HISTORY: Final = {
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

RAW: Final = ("patient_age", *VITAL_SIGNS, "severity_score")
NUMBER_NAMES: Final[tuple[str, ...]] = (
    *RAW,
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
    *(f"missing_{name}" for name in RAW),
    "missing_patient_sex",
    "missing_consciousness",
    "missing_complaint",
    "sex_female",
    "sex_male",
    *(f"consciousness_{code}" for code in CONSCIOUSNESS),
    "pregnant",
    *(f"stated_{level}" for level in LEVELS),
    *(f"history_{name}" for name in HISTORY),
    "history_items",
    "symptom_items",
    *(f"progression_{name}" for name in PROGRESSIONS),
    "words",
    *(f"rules_level_{level}" for level in LEVELS),
    *(f"rules_floor_{level}" for level in LEVELS),
    "rules_severity",
    "rules_red_flag",
    "rules_not_understood",
)

# What a case may leave open; the first `FLAGGED` of them have a flag of their own.
MAY_BE_ABSENT: Final = (*RAW, "patient_sex", "consciousness", "symptom_severity", "news2")
FLAGGED: Final = len(RAW) + 2


# Lowest and highest normal heart rate, the same of the breathing rate, the flags `age_below_…`.
AgeGroup = tuple[float, float, float, float, tuple[float, ...]]
# From each of these ages on the next of `AGE_GROUPS` holds.
AGE_BORDERS: Final = sorted({*_AGE_BANDS, *[limit for limit, *_ in _NORMAL_RATES[:-1]]})


def _age_group(years: float) -> AgeGroup:
    _, *rates = next(row for row in _NORMAL_RATES if years < row[0])
    heart_low, heart_high, breath_low, breath_high = rates
    below = tuple(float(years < band) for band in _AGE_BANDS)
    return heart_low, heart_high, breath_low, breath_high, below


AGE_GROUPS: Final = tuple(_age_group(years) for years in (0.0, *AGE_BORDERS))
# Of unknown age: the rates of an adult, and nothing is known of the bands.
AGELESS: Final[AgeGroup] = (*AGE_GROUPS[-1][:4], (math.nan,) * len(_AGE_BANDS))
