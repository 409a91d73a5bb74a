"""The "try it" form: fields of a web form into the body of a request, and errors back to fields.

A browser sends text; here it becomes what a client of the API would have sent, and the same
strict parser judges it. Empty fields are left out: not measured is not zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ml.case import TriageCase, parse_case
from ml.errors import InvalidCase
from ml.schema import CONSCIOUSNESS, LEVELS, MAX_COMPLAINT_CHARS, RANGES, SEXES

COMPLAINT: Final = "symptoms_data.chief_complaint"


@dataclass(frozen=True, slots=True)
class Field:
    """One input. `choices` makes it a list to choose from, `unit` is shown beside a number."""

    path: str
    label: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        return self.path.replace(".", "-")


def _number(path: str, label: str, unit: str) -> Field:
    bounds = RANGES[path.rpartition(".")[2]]
    return Field(path, label, unit, bounds.low, bounds.high)


_CONSCIOUS = ("alert", "new confusion", "responds to voice", "responds to pain", "unresponsive")
PATIENT: Final = (
    _number("patient_age", "Age", "years"),
    Field("patient_sex", "Sex", choices=tuple((sex, sex) for sex in SEXES)),
    Field("urgency", "Patient says", choices=tuple((level, level) for level in LEVELS)),
    Field("pregnant", "Pregnant", choices=(("true", "yes"), ("false", "no"))),
)
VITALS: Final = (
    _number("vital_signs.heart_rate_bpm", "Heart rate", "/min"),
    _number("vital_signs.respiratory_rate_bpm", "Respiratory rate", "/min"),
    _number("vital_signs.systolic_bp_mmhg", "Systolic", "mmHg"),
    _number("vital_signs.diastolic_bp_mmhg", "Diastolic", "mmHg"),
    _number("vital_signs.temperature_c", "Temperature", "°C"),
    _number("vital_signs.spo2_percent", "Oxygen saturation", "%"),
    _number("vital_signs.pain_score", "Pain", "0–10"),
    Field(
        "vital_signs.consciousness",
        "Consciousness",
        choices=tuple(
            (letter, f"{letter} – {word}")
            for letter, word in zip(CONSCIOUSNESS, _CONSCIOUS, strict=True)
        ),
    ),
)
PATIENT_ID: Final = Field("patient_id", "Patient reference")
HISTORY: Final = Field("medical_history", "Medical history")


def parse(form: Mapping[str, str]) -> TriageCase:
    """The case that the form describes. Raises `InvalidCase` with the API's own errors."""
    body: dict[str, Any] = {
        "symptoms_data": {"chief_complaint": _text(form.get(COMPLAINT.replace(".", "-"), ""))},
        "patient_id": form.get(PATIENT_ID.name, "").strip(),
    }
    history = form.get(HISTORY.name, "")
    if lines := [line.strip() for line in _text(history).split("\n") if line.strip()]:
        body["medical_history"] = lines
    for field in (*PATIENT, *VITALS):
        text = form.get(field.name, "").strip()
        if text:
            _put(body, field.path, _value(field, text))
    return parse_case(body)


def errors_by_name(error: InvalidCase) -> dict[str, str]:
    """Messages by the name of the input; what belongs to none is under the complaint's."""
    inputs = {field.path: field.name for field in (*PATIENT, *VITALS, PATIENT_ID, HISTORY)}
    complaint = COMPLAINT.replace(".", "-")
    return {inputs.get(_whole(one.field), complaint): one.message for one in reversed(error.errors)}


def _whole(field: str) -> str:
    """The field itself, for an item of the only list that the form has."""
    return HISTORY.path if field.startswith(HISTORY.path) else field


def _value(field: Field, text: str) -> Any:
    if field.path == "pregnant":
        return {"true": True, "false": False}.get(text, text)
    if field.choices:
        return text
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return text  # the parser says what it expected


def _put(body: dict[str, Any], path: str, value: Any) -> None:
    *parents, name = path.split(".")
    for parent in parents:
        body = body.setdefault(parent, {})
    body[name] = value


def _text(text: str) -> str:
    """A browser ends lines with CR LF, and counts them as one character."""
    return text.replace("\r\n", "\n")


MAX_COMPLAINT: Final = MAX_COMPLAINT_CHARS
