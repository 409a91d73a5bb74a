"""Promise 10: taken exactly as written and in range, or refused by name."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.case import parse_case
from ml.errors import InvalidCase
from ml.schema import RANGES, VITAL_SIGNS

COMPLAINT = {"symptoms_data": {"chief_complaint": "cough"}}


def refused(body: Any) -> dict[str, str]:
    with pytest.raises(InvalidCase) as caught:
        parse_case(body)
    return {error.field: error.message for error in caught.value.errors}


def test_a_complaint_alone_is_enough() -> None:
    case = parse_case(COMPLAINT)
    assert case.texts() == (("symptoms_data.chief_complaint", "cough"),)
    assert case.patient_age is None


def test_one_symptom_is_enough() -> None:
    symptom = {"symptom_name": "cough", "severity": 3, "duration": "2 days"}
    case = parse_case({"symptoms_data": {"symptoms": [symptom]}})
    assert case.texts() == (("symptoms_data.symptoms.0.symptom_name", "cough"),)
    worded = parse_case({"symptoms_data": {"symptoms": [symptom | {"severity": "mild"}]}})
    assert worded.symptoms_data.symptoms[0].severity == "mild"


def test_a_blank_complaint_is_taken_only_beside_a_measurement() -> None:
    blank = {"symptoms_data": {"chief_complaint": "  "}}
    assert "symptoms_data.chief_complaint" in refused(blank)
    assert parse_case(blank | {"vital_signs": {"heart_rate_bpm": 80}}).texts() == ()


@pytest.mark.parametrize("name", VITAL_SIGNS)
def test_every_vital_sign_is_refused_outside_its_range_with_the_range(name: str) -> None:
    limits = RANGES[name]
    for value in (limits.low - 0.1, limits.high + 0.1, 1e300):
        message = refused(COMPLAINT | {"vital_signs": {name: value}})[f"vital_signs.{name}"]
        assert f"{limits.low:g} to {limits.high:g}" in message
        assert limits.unit in message
    for value in (limits.low, limits.high):
        case = parse_case(COMPLAINT | {"vital_signs": {name: value}})
        assert getattr(case.vital_signs, name) == value


@pytest.mark.parametrize("value", ["3", " 3 ", "3.0", "1_0", "٣", True, None, [3], {"v": 3}])
def test_an_age_is_a_json_number_only(value: Any) -> None:
    if value is None:
        assert parse_case(COMPLAINT | {"patient_age": None}).patient_age is None
    else:
        assert "JSON number" in refused(COMPLAINT | {"patient_age": value})["patient_age"]


def test_an_unknown_field_is_named_with_the_nearest() -> None:
    assert "patient_age" in refused(COMPLAINT | {"patient_agee": 3})["patient_agee"]
    nested = refused(COMPLAINT | {"vital_signs": {"sp02_percent": 97}})
    assert "spo2_percent" in nested["vital_signs.sp02_percent"]


def test_a_field_name_that_is_patient_text_is_not_repeated() -> None:
    found = refused(COMPLAINT | {"my father's chest hurts": 1})
    assert list(found) == ["unknown field"]
    assert "father" not in str(found)


def test_every_branch_of_a_symptoms_severity_is_checked() -> None:
    for value in (11, -1, True, [1]):
        symptom = {"symptom_name": "cough", "severity": value}
        fields = refused({"symptoms_data": {"symptoms": [symptom]}})
        assert list(fields) == ["symptoms_data.symptoms.0.severity"]


def test_contradictions_are_refused() -> None:
    vitals = {"systolic_bp_mmhg": 80, "diastolic_bp_mmhg": 80}
    assert "vital_signs.diastolic_bp_mmhg" in refused(COMPLAINT | {"vital_signs": vitals})
    arrest = {"systolic_bp_mmhg": 0, "diastolic_bp_mmhg": 0, "heart_rate_bpm": 0}
    assert parse_case(COMPLAINT | {"vital_signs": arrest}).vital_signs.heart_rate_bpm == 0


@pytest.mark.parametrize("text", ["p\u200b1", "p\u202e1", "p\n1", "p\x001", "\ufeffp"])
def test_invisible_characters_in_an_identifier_are_refused(text: str) -> None:
    assert "patient_id" in refused(COMPLAINT | {"patient_id": text})


def test_nul_is_refused_in_every_text() -> None:
    symptom = {"symptom_name": "a", "progression": "b\x00"}
    assert refused({"symptoms_data": {"symptoms": [symptom]}})
    assert refused(COMPLAINT | {"medical_history": ["a\x00"]})
    assert refused({"symptoms_data": {"chief_complaint": "a\x00"}})


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=12,
)
fields = st.sampled_from(
    ["symptoms_data", "patient_age", "vital_signs", "urgency", "pregnant", "medical_history"]
)


@given(anything | st.dictionaries(fields, anything))
def test_any_json_is_taken_or_refused_and_nothing_else(body: Any) -> None:
    errors: tuple[Any, ...] = ()
    case = None
    try:
        case = parse_case(body)
    except InvalidCase as error:
        errors = error.errors
    assert (case is None) == bool(errors)
    assert all(one.message for one in errors)
    if case is not None:
        assert parse_case(case.model_dump(mode="json", exclude_none=True)) == case
