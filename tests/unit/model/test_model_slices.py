"""Parts of the patients: each counted once by age and once by sex, none hidden."""

from pathlib import Path

from ml import bundle
from ml.case import parse_case
from ml.cohort import generate
from ml.schema import Level
from ml.slices import AGE_BANDS, NO_AGE, NO_SEX, slices, table
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


def test_the_card_of_a_bundle_shows_the_parts(tmp_path: Path) -> None:
    made = train(list(generate(500, seed=2)), source="test", seed=2, models_dir=tmp_path)
    checked = bundle.check_bytes(made.version, tmp_path)
    card = checked.files["MODEL_CARD.md"].decode()
    assert "65 years and over" in card
    assert "female" in card
    assert checked.metadata["metrics"]["slices"]["female"]["n"] > 100
