"""One patient's case as the API receives it: strict in, frozen ever after.

`parse_case` takes a decoded JSON object exactly as written and in range, or refuses it by
field name (promise 10): no coercion, no clamping, no unknown field, no echo of a value.
"""

import difflib
import re
import unicodedata
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from ml.errors import FieldError, InvalidCase
from ml.schema import (
    MAX_COMPLAINT_CHARS,
    MAX_HISTORY_ITEMS,
    MAX_NAME_CHARS,
    MAX_PATIENT_ID_CHARS,
    MAX_SYMPTOMS,
    RANGES,
    Level,
)


def _number(name: str, description: str) -> Any:
    r = RANGES[name]
    return Field(
        default=None,
        ge=r.low,
        le=r.high,
        allow_inf_nan=False,
        description=f"{description} ({r.unit}, {r.low:g}–{r.high:g})",
    )


Complaint = Annotated[str, StringConstraints(max_length=MAX_COMPLAINT_CHARS)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_CHARS)]
Words = Annotated[str, StringConstraints(max_length=MAX_NAME_CHARS)]


class _Strict(BaseModel):
    """Nothing is made into what it is not; only a JSON array becomes a tuple."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class VitalSigns(_Strict):
    """Measured values; any may be missing, none is ever clamped."""

    heart_rate_bpm: float | None = _number("heart_rate_bpm", "Heart rate")
    respiratory_rate_bpm: float | None = _number("respiratory_rate_bpm", "Respiratory rate")
    systolic_bp_mmhg: float | None = _number("systolic_bp_mmhg", "Systolic blood pressure")
    diastolic_bp_mmhg: float | None = _number("diastolic_bp_mmhg", "Diastolic blood pressure")
    temperature_c: float | None = _number("temperature_c", "Temperature")
    spo2_percent: float | None = _number("spo2_percent", "Oxygen saturation")
    consciousness: Literal["A", "C", "V", "P", "U"] | None = Field(
        default=None,
        description="A alert, C new confusion, V responds to voice, P to pain, U unresponsive",
    )
    pain_score: float | None = _number("pain_score", "Pain as the patient states it")


class Symptom(_Strict):
    symptom_name: Name
    description: Complaint | None = None
    severity: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] | Words | None = Field(
        default=None, description="0–10, or in words: mild, moderate, severe"
    )
    duration: Words | None = Field(default=None, description="In words: '2 days', 'since noon'")
    progression: Words | None = Field(
        default=None, description="In words: improving, stable, worsening, sudden"
    )


class SymptomsData(_Strict):
    chief_complaint: Complaint | None = Field(
        default=None, description="The patient's or nurse's own words"
    )
    symptoms: Annotated[tuple[Symptom, ...], Strict(False)] = Field(
        default=(), max_length=MAX_SYMPTOMS
    )


class TriageCase(_Strict):
    """The body of a triage request. Only a complaint or one symptom is required."""

    symptoms_data: SymptomsData
    patient_id: (
        Annotated[str, StringConstraints(min_length=1, max_length=MAX_PATIENT_ID_CHARS)] | None
    ) = Field(default=None, description="The client's own opaque reference; stored only as HMAC")
    urgency: Literal["routine", "soon", "urgent", "emergency"] | None = Field(
        default=None, description="How urgent the patient says it is"
    )
    patient_age: float | None = _number("patient_age", "Age, decimals for infants")
    patient_sex: Literal["female", "male", "other", "unknown"] | None = None
    severity_score: float | None = _number("severity_score", "Severity as the client scored it")
    vital_signs: VitalSigns = VitalSigns()
    medical_history: Annotated[tuple[Words, ...], Strict(False)] = Field(
        default=(), max_length=MAX_HISTORY_ITEMS
    )
    pregnant: bool | None = None

    @property
    def stated_urgency(self) -> Level | None:
        return None if self.urgency is None else Level.parse(self.urgency)

    def texts(self) -> tuple[tuple[str, str], ...]:
        """Every free text of the presenting problem as (field path, text), complaint first.

        Medical history is not part of it: what was is not what is.
        """
        data = self.symptoms_data
        found = [("symptoms_data.chief_complaint", data.chief_complaint or "")]
        for index, symptom in enumerate(data.symptoms):
            path = f"symptoms_data.symptoms.{index}"
            found.append((f"{path}.symptom_name", symptom.symptom_name))
            if symptom.description:
                found.append((f"{path}.description", symptom.description))
        return tuple((path, text) for path, text in found if text.strip())


# A client's own field name is repeated only where it looks like one: it may be patient text.
_FIELD_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TOP_FIELDS = tuple(TriageCase.model_fields)
_FIELDS_BY_PARENT = {
    "": _TOP_FIELDS,
    "symptoms_data": tuple(SymptomsData.model_fields),
    "vital_signs": tuple(VitalSigns.model_fields),
    "symptoms": tuple(Symptom.model_fields),
}


def parse_case(body: object) -> TriageCase:
    """Validate one decoded JSON body. Raises `InvalidCase` naming every refused field."""
    if not isinstance(body, dict):
        raise InvalidCase((FieldError("", "object", "expected a JSON object"),))
    try:
        case = TriageCase.model_validate(body)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=True)
        raise InvalidCase(tuple(_merge_unions(details))) from None
    if problems := _contradictions(case):
        raise InvalidCase(tuple(problems))
    return case


def _merge_unions(details: list[ErrorDetails]) -> list[FieldError]:
    """One error per field: a union such as `severity` reports each branch by itself."""
    found: dict[str, FieldError] = {}
    for detail in details:
        found.setdefault(_path(detail), _field_error(detail))
    return list(found.values())


def _path(detail: ErrorDetails) -> str:
    parts = [str(part) for part in detail["loc"]]
    if len(parts) > 1 and parts[-2] == "severity":
        parts.pop()  # the name that pydantic gives to a branch of the union
    return ".".join(part if _FIELD_NAME.fullmatch(part) else "unknown field" for part in parts)


def _field_error(detail: ErrorDetails) -> FieldError:
    field, kind, context = _path(detail), detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return FieldError(field, "unknown", _did_you_mean(detail))
    code, text = _EXPECTED.get(kind, ("invalid", "is not valid"))
    bounds = next((RANGES[str(p)] for p in reversed(detail["loc"]) if str(p) in RANGES), None)
    if code == "range" and bounds:
        text = f"expected {bounds.low:g} to {bounds.high:g} {bounds.unit}"
    elif code == "type" and bounds:
        text = f"{text} in {bounds.unit}"
    return FieldError(field, code, text.format(**context))


# pydantic's error type -> our code and what was expected; never what was given.
_EXPECTED: dict[str, tuple[str, str]] = {
    "missing": ("required", "is required"),
    "greater_than_equal": ("range", "expected a number from 0 to 10"),
    "less_than_equal": ("range", "expected a number from 0 to 10"),
    "finite_number": ("range", "expected a finite number"),
    "float_type": ("type", "expected a JSON number"),
    "string_type": ("type", "expected text"),
    "string_unicode": ("text", "expected valid Unicode text"),
    "string_too_long": ("length", "expected at most {max_length} characters"),
    "string_too_short": ("length", "must not be empty"),
    "literal_error": ("choice", "expected one of {expected}"),
    "bool_type": ("type", "expected true or false"),
    "tuple_type": ("type", "expected a list"),
    "too_long": ("length", "expected at most {max_length} items"),
    "model_type": ("type", "expected an object"),
    "model_attributes_type": ("type", "expected an object"),
}


def _did_you_mean(detail: ErrorDetails) -> str:
    *parents, name = (str(part) for part in detail["loc"])
    parent = next((p for p in reversed(parents) if not p.isdigit()), "")
    close = difflib.get_close_matches(name, _FIELDS_BY_PARENT.get(parent, _TOP_FIELDS), n=1)
    place = parent or "the request"
    return f"no such field in {place}" + (f"; did you mean '{close[0]}'?" if close else "")


def _contradictions(case: TriageCase) -> list[FieldError]:
    """What no single field can show."""
    found = []
    vitals = case.vital_signs
    data, written = case.symptoms_data, case.texts()
    if data.chief_complaint is None and not data.symptoms:
        field = "symptoms_data.chief_complaint"
        found.append(FieldError(field, "required", "is required, or at least one symptom"))
    elif not written and vitals == VitalSigns():
        # Nurses do leave the complaint blank beside full vital signs (1.4 % of real records);
        # those are triaged as "not understood". Blank and nothing measured says nothing at all.
        field = "symptoms_data.chief_complaint"
        found.append(FieldError(field, "blank", "must not be blank without vital signs"))
    systolic, diastolic = vitals.systolic_bp_mmhg, vitals.diastolic_bp_mmhg
    if systolic is not None and diastolic is not None and diastolic >= systolic > 0:
        field = "vital_signs.diastolic_bp_mmhg"
        found.append(FieldError(field, "contradiction", "must be below systolic_bp_mmhg"))
    if case.patient_id is not None and _hidden_characters(case.patient_id):
        found.append(
            FieldError("patient_id", "text", "must hold no control or invisible character")
        )
    texts = [*written, *(("medical_history", text) for text in case.medical_history)]
    for symptom in data.symptoms:
        texts += [
            ("symptoms_data.symptoms", w) for w in (symptom.duration, symptom.progression) if w
        ]
    for path, text in texts:
        if misleading(text):
            expected = "must hold no NUL, control or text-direction character"
            found.append(FieldError(path, "text", expected))
    return found


# C0 controls but tab and line ends, and what makes a text read otherwise than it is stored
# (Unicode Standard Annex 9: embeddings, overrides, isolates).
_MISLEADING = re.compile("[\x00-\x08\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def misleading(text: str) -> bool:
    """Whether a free text holds a character that a reader would not see, or see moved."""
    return _MISLEADING.search(text) is not None


def _hidden_characters(text: str) -> bool:
    """Control, format (zero-width, bidi), surrogate or unassigned characters."""
    if text.isascii() and text.isprintable():
        return False
    return any(unicodedata.category(character).startswith("C") for character in text)
