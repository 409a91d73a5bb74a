"""The slow and obvious ways of what is served quickly: what the quick ones are held against."""

import math
import re
import unicodedata

import numpy as np
import numpy.typing as npt

from ml.calibration import Calibration
from ml.case import TriageCase
from ml.explain import display_names
from ml.feature_tables import FLAG_NAMES, HISTORY, NUMBER_NAMES, PROGRESSIONS, RAW, SEVERITY_WORDS
from ml.prediction import Contribution
from ml.rules.answer import RulesAnswer
from ml.schema import CONSCIOUSNESS, VITAL_SIGNS, Level

Floats = npt.NDArray[np.float64]

_RATES = (
    (1.0, 107.0, 168.0, 27.0, 56.0),
    (2.0, 97.0, 155.0, 22.0, 45.0),
    (5.0, 85.0, 142.0, 19.0, 36.0),
    (12.0, 69.0, 122.0, 16.0, 27.0),
    (18.0, 57.0, 107.0, 13.0, 23.0),
    (200.0, 50.0, 100.0, 12.0, 20.0),
)
_BANDS = (1.0, 5.0, 16.0, 40.0, 65.0, 80.0)


def word_list(text: str) -> list[str]:
    folded = "".join(c for c in text.lower() if c not in "'’`´")
    folded = unicodedata.normalize("NFKD", folded)
    folded = "".join(c for c in folded if not unicodedata.combining(c))
    return re.findall(r"[^\W\d_]+|\d+|[.;!?]", folded)[:300]


def _raw(case: TriageCase) -> list[float]:
    vitals = case.vital_signs
    signs = [getattr(vitals, name) for name in VITAL_SIGNS]
    return [math.nan if v is None else v for v in (case.patient_age, *signs, case.severity_score)]


def _over(value: float, limit: float) -> float:
    return value - limit if value > limit else 0.0


def _worst_symptom(case: TriageCase) -> float:
    worst = math.nan
    for symptom in case.symptoms_data.symptoms:
        number = symptom.severity
        if isinstance(number, str):
            words = number.lower()
            number = next((v for word, v in SEVERITY_WORDS.items() if word in words), None)
        if number is not None and not worst >= number:
            worst = number
    return worst


def numbers(case: TriageCase, rules: RulesAnswer) -> dict[str, float]:
    """By name: NaN follows from NaN, except in hinges, where it means normal."""
    age, heart, breath, systolic, diastolic, temperature, spo2, pain, _ = _raw(case)
    years = 40.0 if math.isnan(age) else age
    _, heart_low, heart_high, breath_low, breath_high = next(r for r in _RATES if years < r[0])
    hinges = {
        "heart_rate_high": _over(heart, heart_high) / 20,
        "heart_rate_low": _over(heart_low, heart) / 10,
        "respiratory_rate_high": _over(breath, breath_high) / 5,
        "respiratory_rate_low": _over(breath_low, breath) / 3,
        "systolic_low": _over(100.0 if years >= 12 else 70.0 + 2 * years, systolic) / 10,
        "systolic_high": _over(systolic, 160.0) / 20,
        "temperature_high": _over(temperature, 38.0),
        "temperature_low": _over(36.0, temperature),
        "spo2_low": _over(95.0, spo2) / 3,
    }
    below = {f"age_below_{b:g}": math.nan if math.isnan(age) else float(age < b) for b in _BANDS}
    return {
        **dict(zip(RAW, _raw(case), strict=True)),
        "symptom_severity": _worst_symptom(case),
        "shock_index": heart / systolic if systolic > 0 else math.nan,
        "mean_arterial_pressure": (systolic + 2 * diastolic) / 3,
        "pulse_pressure": systolic - diastolic,
        "news2": math.nan if rules.news2 is None else float(rules.news2),
        "age_squared": age * age / 100,
        **below,
        **hinges,
        "pain_severe": _over(pain, 6.0),
        "deviations": float(sum(hinge > 0 for hinge in hinges.values())),
    }


def _groups(text: str, groups: dict[str, tuple[str, ...]]) -> list[float]:
    return [float(any(stem in text for stem in stems)) for stems in groups.values()]


def flags(case: TriageCase, rules: RulesAnswer) -> list[float]:
    """In the order of `FLAG_NAMES`."""
    sex, mind, symptoms = (
        case.patient_sex,
        case.vital_signs.consciousness,
        case.symptoms_data.symptoms,
    )
    history = case.medical_history
    words = len(word_list(" . ".join(text for _, text in case.texts())))
    past = f" {' '.join(word_list(' '.join(history)))} "
    courses = " ".join(s.progression.lower() for s in symptoms if s.progression)
    return [
        *[float(math.isnan(value)) for value in _raw(case)],
        float(sex in {None, "unknown"}),
        float(mind is None),
        float(words == 0),
        float(sex == "female"),
        float(sex == "male"),
        *[float(mind == code) for code in CONSCIOUSNESS],
        float(bool(case.pregnant)),
        *[float(case.stated_urgency == level) for level in Level],
        *_groups(past, HISTORY),
        min(len(history), 6) / 3,
        min(len(symptoms), 6) / 3,
        *_groups(courses, PROGRESSIONS),
        min(words, 30) / 10,
        *[float(rules.level == level) for level in Level],
        *[float(rules.floor == level) for level in Level],
        rules.severity / 25,
        float(rules.red_flag),
        float("not_understood" in rules.reasons),
    ]


def absent(case: TriageCase, rules: RulesAnswer) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """`Features.missing` and `Features.absent`."""
    missing = [name for name, value in zip(RAW, _raw(case), strict=True) if math.isnan(value)]
    others = {
        "patient_sex": case.patient_sex in {None, "unknown"},
        "consciousness": case.vital_signs.consciousness is None,
        "symptom_severity": math.isnan(_worst_symptom(case)),
        "news2": rules.news2 is None,
    }
    return tuple(missing), (*missing, *[name for name, gone in others.items() if gone])


def probabilities(calibration: Calibration, scores: Floats) -> Floats:
    z = scores / calibration.temperature + np.array(calibration.offsets)
    z = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(z / z.sum(axis=1, keepdims=True))


def fields(by_level: Floats, dense: Floats, levels: list[int]) -> Floats:
    """What the columns of each shown name add to a level, by a matrix of zeros and ones."""
    names = display_names((*NUMBER_NAMES, *FLAG_NAMES))
    shown = list(dict.fromkeys(names))
    grouping = np.zeros((len(names), len(shown)))
    for column, name in enumerate(names):
        grouping[column, shown.index(name)] = 1.0
    return np.einsum("ij,jk->ik", dense * by_level[levels], grouping)


def strongest(named: list[tuple[str, float]]) -> list[Contribution]:
    ordered = sorted(named, key=lambda one: (-abs(one[1]), one[0]))
    return [Contribution(*one) for one in ordered if one[1]][:6]
