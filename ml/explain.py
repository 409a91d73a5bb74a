"""What contributions are called: names a clinician reads, and none of them is patient text.

Several columns stand for one finding (the heart rate, its distance from normal, whether it was
measured); they are shown as one. Clinical terms come from the vocabulary, each seen in at least
five training records; character grams are shown together as `wording`.
"""

from collections.abc import Iterable
from typing import Final

TERMS: Final = "terms"
GRAMS: Final = "grams"
RULES: Final = "rules"
INTERCEPT: Final = "intercept"
# All character grams together.
WORDING: Final = "wording"
# The typical values that stand in for absent fields, and what their absence itself says.
ABSENT: Final = "absent_fields"
# How many contributions a prediction carries.
REPORTED: Final = 6

_STEMS: Final = {
    "heart_rate": "heart_rate_bpm",
    "respiratory_rate": "respiratory_rate_bpm",
    "systolic": "systolic_bp_mmhg",
    "temperature": "temperature_c",
    "spo2": "spo2_percent",
    "pain": "pain_score",
    "consciousness": "consciousness",
    "age": "patient_age",
    "sex": "patient_sex",
    "stated": "stated_urgency",
    "history": "medical_history",
    "progression": "progression",
    "rules_level": "rules_level",
    "rules_floor": "rules_floor",
}
_RENAMED: Final = {
    "missing_complaint": "complaint_length",
    "words": "complaint_length",
    "missing_consciousness": "consciousness",
    "symptom_items": "symptoms",
}


# What is shown as absent when a field that it is computed from is absent.
_DERIVED: Final = {
    "shock_index": ("heart_rate_bpm", "systolic_bp_mmhg"),
    "mean_arterial_pressure": ("systolic_bp_mmhg", "diastolic_bp_mmhg"),
    "pulse_pressure": ("systolic_bp_mmhg", "diastolic_bp_mmhg"),
}


def shown_as_absent(absent: tuple[str, ...]) -> list[str]:
    """The names that stand for nothing but absence, given `Features.absent`."""
    derived = [name for name, fields in _DERIVED.items() if any(f in absent for f in fields)]
    return [*absent, *derived]


def display_names(columns: Iterable[str]) -> list[str]:
    """The name under which each dense column is shown."""
    return [_display(column.removeprefix("missing_"), column) for column in columns]


def _display(name: str, column: str) -> str:
    if column in _RENAMED:
        return _RENAMED[column]
    for stem, shown in _STEMS.items():
        if name == shown or name.startswith(stem + "_"):
            return shown
    return name
