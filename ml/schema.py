"""The vocabulary that rules, model and API share: levels, fields, units, ranges.

Nothing here is configurable: a changed range or label is a changed contract.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class Level(IntEnum):
    """Triage level in order of urgency; comparisons and `max` mean clinical urgency."""

    ROUTINE = 0
    SOON = 1
    URGENT = 2
    EMERGENCY = 3

    # Set below: it is asked for many times a decision, and a property would cost a call each.
    label: str

    @classmethod
    def parse(cls, label: str) -> "Level":
        """Level of a lower-case label. Raises `ValueError` on any other text."""
        try:
            return _BY_LABEL[label]
        except KeyError:
            raise ValueError(f"expected one of {', '.join(LEVELS)}") from None


LEVELS: Final[tuple[str, ...]] = tuple(level.name.lower() for level in Level)
_BY_LABEL: Final[dict[str, Level]] = dict(zip(LEVELS, Level, strict=True))
for _label, _level in _BY_LABEL.items():
    _level.label = _label

CARE_LEVELS: Final = ("online", "gp", "specialist", "emergency")
SEXES: Final = ("female", "male", "other", "unknown")
# A alert, C new confusion, V responds to voice, P responds to pain, U unresponsive
# (Royal College of Physicians, NEWS2, 2017).
CONSCIOUSNESS: Final = ("A", "C", "V", "P", "U")


@dataclass(frozen=True, slots=True)
class Range:
    """Inclusive bounds of what an instrument can show on a living or arrested patient.

    They refuse a wrong unit or a slip of the keyboard; they do not judge health.
    """

    low: float
    high: float
    unit: str


RANGES: Final[dict[str, Range]] = {
    "patient_age": Range(0, 125, "years"),
    "severity_score": Range(0, 100, "points"),
    "heart_rate_bpm": Range(0, 350, "beats per minute"),
    "respiratory_rate_bpm": Range(0, 120, "breaths per minute"),
    "systolic_bp_mmhg": Range(0, 350, "mmHg"),
    "diastolic_bp_mmhg": Range(0, 250, "mmHg"),
    "temperature_c": Range(20, 46, "degrees Celsius"),
    "spo2_percent": Range(0, 100, "percent"),
    "pain_score": Range(0, 10, "points"),
}

# The numeric vital signs in the order in which features and tables use them.
VITAL_SIGNS: Final = (
    "heart_rate_bpm",
    "respiratory_rate_bpm",
    "systolic_bp_mmhg",
    "diastolic_bp_mmhg",
    "temperature_c",
    "spo2_percent",
    "pain_score",
)

MAX_COMPLAINT_CHARS: Final = 2_000
MAX_NAME_CHARS: Final = 200
MAX_SYMPTOMS: Final = 30
MAX_HISTORY_ITEMS: Final = 50
MAX_PATIENT_ID_CHARS: Final = 128
