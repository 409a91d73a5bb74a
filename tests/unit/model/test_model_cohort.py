"""The synthetic cohort: seeded, valid, varied, and as urgent as it says it is."""

from collections import Counter
from random import Random

import pytest

from ml.cohort import generate, golden_bodies, scenarios
from ml.cohort_tables import AGE_GROUPS, LABELS_BY_SPEC
from ml.cohort_vitals import vital_signs
from ml.records import Record, body_of
from ml.schema import Level


def test_equal_seeds_equal_patients() -> None:
    first, second, other = (list(generate(50, seed)) for seed in (3, 3, 4))
    assert first == second
    assert first != other


def test_every_scenario_can_be_drawn() -> None:
    found = scenarios()
    assert len(found) > 150
    assert sum(len(s.lay) for s in found) > 600
    for scenario in found:
        signs = vital_signs(Random(1), scenario.profile, Level.EMERGENCY, 40.0)
        assert signs["systolic_bp_mmhg"] > signs["diastolic_bp_mmhg"] > 0
    assert {s.spec for s in found} == set(LABELS_BY_SPEC)
    assert {age for s in found for age in s.ages} == set(AGE_GROUPS)


def test_the_cohort_is_varied(records: list[Record]) -> None:
    texts = Counter(str(body_of(record.case)["symptoms_data"]) for record in records)
    assert len(texts) > 0.8 * len(records)
    levels = Counter(record.level for record in records)
    assert set(levels) == set(Level)
    assert min(levels.values()) > 0.1 * len(records)
    bare = [r for r in records if set(body_of(r.case)["vital_signs"]) == set()]
    assert 0.3 < len(bare) / len(records) < 0.7
    assert any((r.case.patient_age or 99) < 1 for r in records)
    assert any(r.case.pregnant for r in records)
    assert any(not r.case.symptoms_data.chief_complaint for r in records)


def test_vital_signs_depart_with_urgency() -> None:
    def mean(level: Level, sign: str) -> float:
        found = [vital_signs(Random(i), "septic", level, 50.0)[sign] for i in range(200)]
        return sum(found) / len(found)

    hearts = [mean(level, "heart_rate_bpm") for level in Level]
    pressures = [mean(level, "systolic_bp_mmhg") for level in Level]
    assert hearts == sorted(hearts)
    assert pressures == sorted(pressures, reverse=True)
    assert hearts[3] - hearts[0] > 25


@pytest.mark.parametrize("count", [1, 24])
def test_golden_bodies_are_seeded(count: int) -> None:
    assert golden_bodies(count, 5) == golden_bodies(count, 5)
    assert len(golden_bodies(count, 5)) == count
