"""Parts of the patients: each counted once by age and once by sex, none hidden."""

from pathlib import Path

import pytest

from ml import bundle
from ml.case import parse_case
from ml.cohort import generate
from ml.schema import Level
from ml.slices import AGE_BANDS, FEWEST_COMPARED, NO_AGE, NO_SEX, gaps, slices, table
from ml.training import train

COUGH = {"symptoms_data": {"chief_complaint": "cough"}}


def test_every_case_is_in_one_age_part_and_one_sex_part() -> None:
    ages = (None, 0.0, 1.99, 2.0, 15.9, 16.0, 64.9, 65.0, 125.0)
    sexes = (None, "female", "male", "other", "unknown", "female", "male", "female", "male")
    cases = [
        parse_case(
            COUGH
            | ({} if age is None else {"patient_age": age})
            | ({} if sex is None else {"patient_sex": sex})
        )
        for age, sex in zip(ages, sexes, strict=True)
    ]
    truth = [Level.SOON] * len(cases)
    found = slices(cases, truth, truth)
    by_age = [name for *_, name in AGE_BANDS] + [NO_AGE]
    assert [found[name].n for name in by_age] == [2, 2, 2, 2, 1]
    assert [found[name].n for name in ("female", "male", NO_SEX)] == [3, 3, 3]
    assert all(one.accuracy.share == 1 for one in found.values())


def test_a_part_that_is_triaged_too_low_shows() -> None:
    old, young = parse_case(COUGH | {"patient_age": 80}), parse_case(COUGH | {"patient_age": 30})
    truth = [Level.EMERGENCY] * 4
    answers = [Level.SOON, Level.SOON, Level.EMERGENCY, Level.EMERGENCY]
    found = slices([old, old, young, young], truth, answers)
    assert found["65 years and over"].under_triage == 1
    assert found["16 to 64 years"].under_triage == 0
    assert "65 years and over" in table(found)
    assert "under 2 years" not in found


def test_a_gap_is_tested_and_many_parts_raise_the_bar() -> None:
    # Fisher's tea tasting (The Design of Experiments, 1935): 3 of 4 against 1 of 4 is P = 0.486;
    # ten times as many labels in the same shares are beyond chance.
    right = [True] * 30 + [False] * 10 + [True] * 10 + [False] * 30
    site = ["north"] * 40 + ["south"] * 40
    [north, south] = gaps(right, {"site": site})
    assert (north.part, north.n) == ("north", 40)
    assert north.difference == pytest.approx(0.5)
    assert south.difference == pytest.approx(-0.5)
    assert north.p_value is not None
    assert north.p_value < 0.0001
    sex = ["female", "male"] * 40
    found = gaps(right, {"site": site, "sex": sex})
    again = next(one for one in found if one.part == "north")
    assert again.p_value == pytest.approx(2 * north.p_value)  # four tests instead of two


def test_a_small_part_is_named_but_its_accuracy_is_not_shown() -> None:
    small = FEWEST_COMPARED - 1
    found = gaps([True] * (40 + small), {"site": ["north"] * 40 + ["south"] * small})
    assert [(one.part, one.n, one.p_value) for one in found] == [
        ("north", 40, None),
        ("south", small, None),
    ]
    assert found[1].accuracy is None
    assert gaps([], {"site": []}) == []


def test_the_card_of_a_bundle_shows_the_parts(tmp_path: Path) -> None:
    made = train(list(generate(500, seed=2)), source="test", seed=2, models_dir=tmp_path)
    checked = bundle.check_bytes(made.version, tmp_path)
    card = checked.files["MODEL_CARD.md"].decode()
    assert "65 years and over" in card
    assert "female" in card
    assert checked.metadata["metrics"]["slices"]["female"]["n"] > 100
