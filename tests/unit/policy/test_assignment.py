"""One patient, one arm."""

from dataclasses import replace

from ml.assignment import Experiment, assign, exclusion
from ml.case import parse_case

EXPERIMENT = Experiment("ml-vs-rules", "salt-1", 1, 0.5)
CASE = parse_case({"patient_id": "p", "symptoms_data": {"chief_complaint": "cough"}})


def arms(experiment: Experiment, count: int = 4_000) -> list[str]:
    return [assign(CASE, f"reference-{n}", experiment, red_flag=False) for n in range(count)]


def test_the_same_reference_is_always_in_the_same_arm() -> None:
    assert arms(EXPERIMENT) == arms(EXPERIMENT)


def test_half_of_the_patients_meet_the_model() -> None:
    share = arms(EXPERIMENT).count("ml") / 4_000
    assert abs(share - 0.5) < 0.04  # five standard errors


def test_a_larger_share_only_adds_patients() -> None:
    before, after = arms(EXPERIMENT), arms(replace(EXPERIMENT, ml_share=0.75))
    assert all(b == "ml" for a, b in zip(before, after, strict=True) if a == "ml")


def test_another_salt_is_another_draw() -> None:
    assert arms(EXPERIMENT) != arms(replace(EXPERIMENT, salt="salt-2"))


def test_the_ends_are_everybody_and_nobody() -> None:
    assert set(arms(replace(EXPERIMENT, ml_share=1.0), 500)) == {"ml"}
    assert set(arms(replace(EXPERIMENT, ml_share=0.0), 500)) == {"rules"}


def test_infants_pregnancy_and_the_nameless_are_not_randomised() -> None:
    assert exclusion(CASE) is None
    assert exclusion(CASE.model_copy(update={"patient_age": 1.9})) == "infant"
    assert exclusion(CASE.model_copy(update={"patient_age": 2.0})) is None
    assert exclusion(CASE.model_copy(update={"pregnant": True})) == "pregnant"
    assert exclusion(CASE.model_copy(update={"patient_id": None})) == "no_patient_id"
    nameless_infant = CASE.model_copy(update={"patient_id": None, "patient_age": 0.1})
    assert exclusion(nameless_infant) == "infant"
    infant = CASE.model_copy(update={"patient_age": 0.1})
    assert assign(infant, "reference-1", EXPERIMENT, red_flag=False) == "excluded"


def test_a_red_flag_is_not_randomised() -> None:
    everybody = replace(EXPERIMENT, ml_share=1.0)
    assert assign(CASE, "reference-1", everybody, red_flag=False) == "ml"
    assert assign(CASE, "reference-1", everybody, red_flag=True) == "excluded"
