"""NEWS2 against the published table, children's ranges, arrest values, shock index."""

from typing import Any

import pytest

from ml.case import VitalSigns
from ml.rules.early_warning import score
from ml.schema import Level


def vitals(**values: Any) -> VitalSigns:
    return VitalSigns.model_validate(values)


# Royal College of Physicians, NEWS2 chart 1 (2017): the edge of every band.
TABLE = {
    "respiratory_rate_bpm": [(8, 3), (9, 1), (11, 1), (12, 0), (20, 0), (21, 2), (24, 2), (25, 3)],
    "spo2_percent": [(91, 3), (92, 2), (93, 2), (94, 1), (95, 1), (96, 0)],
    "systolic_bp_mmhg": [
        *[(90, 3), (91, 2), (100, 2), (101, 1), (110, 1), (111, 0), (219, 0), (220, 3)],
    ],
    "heart_rate_bpm": [
        *[(40, 3), (41, 1), (50, 1), (51, 0), (90, 0)],
        *[(91, 1), (110, 1), (111, 2), (130, 2), (131, 3)],
    ],
    "temperature_c": [
        *[(35.0, 3), (35.1, 1), (36.0, 1), (36.1, 0)],
        *[(38.0, 0), (38.1, 1), (39.0, 1), (39.1, 2)],
    ],
}


@pytest.mark.parametrize(
    ("name", "value", "points"),
    [(name, value, points) for name, rows in TABLE.items() for value, points in rows],
)
def test_news2_bands(name: str, value: float, points: int) -> None:
    assert score(vitals(**{name: float(value)}), 40.0).total == points


@pytest.mark.parametrize(("letter", "points"), [("A", 0), ("C", 3), ("V", 3), ("P", 3), ("U", 3)])
def test_news2_consciousness(letter: str, points: int) -> None:
    assert score(vitals(consciousness=letter), None).total == points


def test_totals_and_single_parameters() -> None:
    one = score(vitals(respiratory_rate_bpm=25.0), 50.0)
    assert (one.level, one.floor) == (Level.URGENT, Level.URGENT)
    five = score(vitals(respiratory_rate_bpm=22.0, heart_rate_bpm=115.0, temperature_c=38.5), 50.0)
    assert (five.total, five.level, five.floor) == (5, Level.URGENT, Level.URGENT)
    seven = score(
        vitals(
            respiratory_rate_bpm=22.0, heart_rate_bpm=115.0, temperature_c=39.5, spo2_percent=95.0
        ),
        50.0,
    )
    assert (seven.total, seven.level) == (7, Level.EMERGENCY)
    assert not seven.arrested


def test_nothing_measured_is_no_score() -> None:
    empty = score(vitals(), 50.0)
    assert empty.total is None
    assert (empty.level, empty.floor, empty.hits) == (Level.ROUTINE, Level.ROUTINE, ())
    assert set(empty.missing) == {*TABLE, "consciousness"}


@pytest.mark.parametrize(
    "values",
    [
        {"consciousness": "U"},
        {"consciousness": "P"},
        {"spo2_percent": 84.0},
        {"heart_rate_bpm": 0.0},
        {"heart_rate_bpm": 29.0},
        {"respiratory_rate_bpm": 0.0},
        {"systolic_bp_mmhg": 69.0},
    ],
)
def test_values_next_to_arrest(values: dict[str, Any]) -> None:
    found = score(vitals(**values), 60.0)
    assert found.arrested
    assert found.floor is Level.EMERGENCY


@pytest.mark.parametrize(
    ("age", "rate", "level"),
    [
        (0.5, 140.0, Level.ROUTINE),
        (0.5, 220.0, Level.URGENT),
        (8.0, 140.0, Level.ROUTINE),
        (8.0, 180.0, Level.URGENT),
        (40.0, 140.0, Level.URGENT),
    ],
)
def test_heart_rate_is_judged_by_age(age: float, rate: float, level: Level) -> None:
    assert score(vitals(heart_rate_bpm=rate), age).level is level


def test_shock_index_is_for_adults() -> None:
    signs = vitals(heart_rate_bpm=110.0, systolic_bp_mmhg=105.0)
    assert any(hit.rule_id == "vital.shock_index" for hit in score(signs, 40.0).hits)
    assert not any(hit.rule_id == "vital.shock_index" for hit in score(signs, 4.0).hits)
