"""Numbers written into the text: Glasgow coma scale, glucose, temperature, pressure, age, weeks.

Every pattern starts at a fixed word and is bounded, so the search is linear. A number is only
read beside its name: a bare "40" says nothing.
"""

import re
from dataclasses import dataclass
from typing import Final

_AGE: Final = re.compile(
    r"\b(\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)[ -]?"
    r"(day|week|wk|month|mo|year|yr|y|/7|/52|/12)s?[ -]?(?:old|of age|/o|o\b)",
    re.IGNORECASE,
)
_BABY: Final = re.compile(
    r"\b(?:baby|newborn|infant)(?:'s| is| was)? (?:only |just )?"
    r"(\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)[ -]?"
    r"(day|week|month)",
    re.IGNORECASE,
)
_WEEKS: Final = re.compile(
    r"\b(\d{1,2})(?:\+\d)?[ -]?(?:weeks?|wks?|/40)[ -]{0,2}(?:pregnan|gestation|gravid|ga\b)"
    r"|\b(\d{1,2})(?:\+\d)?/40\b"
    r"|\b(?:pregnant|iup)[ ,(]{1,3}(\d{1,2}) ?(?:weeks|wks|wk|w\b)",
    re.IGNORECASE,
)
_NAMED: Final = re.compile(
    r"\b(gcs|spo2|sats?|saturation|o2 sat|temp(?:erature)?|fever|bt|t|bp|sbp|hr|pulse|rr"
    r"|glucose|sugars?|bst|bsl|bm|hb|hemoglobin|potassium)(?![a-z])"
    r"(?: (?:of|is|was|at|level|about|around|over|above|below|under|reading|now|up|to|only))"
    r"{0,3}[ :=]{0,3}(\d{1,3}(?:[.,]\d)?)",
    re.IGNORECASE,
)
_DEGREES: Final = re.compile(r"\b(3[5-9]|4[0-3]|10[0-7])(?:[.,](\d))? ?°? ?([cf])\b", re.IGNORECASE)
_BARE: Final = re.compile(r"\b(3[89]\.\d|4[01]\.\d)\b")
_PAIN: Final = re.compile(r"\b(\d{1,2}) ?(?:/|out of) ?10\b", re.IGNORECASE)
_USUAL: Final = re.compile(r"\b(?:usual|usually|baseline|normally|target|goal)\b", re.IGNORECASE)
_HEAT: Final = re.compile(
    r"\b(?:hot|temp|temperature|fever|shiver|burning|chemo|thermometer)", re.IGNORECASE
)
_YEARS: Final = {
    "d": 1 / 365, "w": 7 / 365, "m": 1 / 12, "y": 1.0, "/7": 1 / 365, "/5": 7 / 365, "/1": 1 / 12,
}  # fmt: skip
_NUMBER_WORDS: Final = "one two three four five six seven eight nine ten eleven twelve"
_SPELLED: Final = {word: float(n) for n, word in enumerate(_NUMBER_WORDS.split(), start=1)}


@dataclass(slots=True)
class Measures:
    """What was read; None where the text names no such number. Units as in `ml.schema`."""

    age: float | None = None
    weeks_pregnant: float | None = None
    gcs: float | None = None
    spo2: float | None = None
    celsius: float | None = None
    systolic: float | None = None
    heart_rate: float | None = None
    glucose_mgdl: float | None = None
    pain: float | None = None


def measure(text: str) -> Measures:
    """Read the numbers of one text; the first of a kind counts."""
    found = Measures()
    if match := _AGE.search(text):
        number = _SPELLED.get(match[1].lower()) or float(match[1])
        found.age = number * _YEARS[match[2].lower()[:2].rstrip("aerko")]
    elif match := _BABY.search(text):
        number = _SPELLED.get(match[1].lower()) or float(match[1])
        found.age = number * _YEARS[match[2].lower()[:1]]
    if match := _WEEKS.search(text):
        found.weeks_pregnant = float(match[1] or match[2] or match[3])
    if "10" in text and (match := _PAIN.search(text)):
        found.pain = min(10.0, float(match[1]))
    for match in _NAMED.finditer(text):
        if _USUAL.search(text, max(0, match.start() - 20), match.start()) or _USUAL.search(
            match[0]
        ):
            # "Usual sats 90-91" is what is normal for this patient, not what is measured now.
            continue
        _take(found, match[1].lower(), float(match[2].replace(",", ".")))
    if (
        found.celsius is None
        and "." in text
        and (match := _BARE.search(text))
        and _HEAT.search(text)
    ):
        # "Feels hot, 38.5": a number that nothing but a fever can be.
        found.celsius = float(match[1])
    if found.celsius is None and (match := _DEGREES.search(text)):
        value = float(f"{match[1]}.{match[2] or 0}")
        found.celsius = _celsius(value)
    return found


def _take(found: Measures, name: str, value: float) -> None:
    if name == "gcs" and 3 <= value <= 15:
        found.gcs = value
    elif name in {"spo2", "sat", "sats", "saturation", "o2 sat"} and 40 <= value <= 100:
        found.spo2 = value
    elif name in {"temp", "temperature", "fever", "bt", "t"}:
        found.celsius = _celsius(value) or found.celsius
    elif name in {"bp", "sbp"} and 30 <= value <= 300:
        found.systolic = value
    elif name in {"hr", "pulse"} and 10 <= value <= 300:
        found.heart_rate = value
    elif name in {"glucose", "sugar", "sugars", "bst", "bsl", "bm"}:
        # Below 36 nobody would be measured alive in mg/dl: it is mmol/l.
        found.glucose_mgdl = value * 18 if value < 36 else value


def _celsius(value: float) -> float | None:
    if 30 <= value <= 43:
        return value
    return (value - 32) / 1.8 if 93 <= value <= 110 else None
