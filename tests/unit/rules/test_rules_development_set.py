"""The engine against the labelled development set; the table itself is in docs/safety.md."""

import json
from pathlib import Path
from typing import Any

import pytest

from ml.case import parse_case
from ml.rules.engine import assess
from ml.schema import Level

PATH = Path(__file__).parents[2] / "data" / "rules_cases.jsonl"
ROWS: list[dict[str, Any]] = [json.loads(line) for line in PATH.read_text("utf-8").splitlines()]


def answered(row: dict[str, Any]) -> Level:
    return assess(parse_case(row["request"])).level


def greatest(row: dict[str, Any]) -> Level:
    return max(Level.parse(label) for label in row["accept"])


def test_the_set_is_broad_enough() -> None:
    assert len(ROWS) >= 300
    assert len({row["id"] for row in ROWS}) == len(ROWS)
    assert all(row["level"] in row["accept"] for row in ROWS)
    assert sum(row["trap"] for row in ROWS) * 3 >= len(ROWS)
    assert {row["level"] for row in ROWS} == {level.label for level in Level}


def test_emergencies_are_found() -> None:
    levels = [answered(row) for row in ROWS if row["level"] == "emergency"]
    assert min(levels) >= Level.URGENT
    assert sum(level is Level.EMERGENCY for level in levels) >= 0.95 * len(levels)


def test_over_triage_is_bounded() -> None:
    over = [row["id"] for row in ROWS if answered(row) > greatest(row)]
    assert len(over) <= 0.05 * len(ROWS), over


def test_no_red_flag_where_emergency_is_not_acceptable() -> None:
    wrong = [
        row["id"]
        for row in ROWS
        if assess(parse_case(row["request"])).red_flag and "emergency" not in row["accept"]
    ]
    assert wrong == []


@pytest.mark.parametrize("row", [row for row in ROWS if row["trap"]], ids=lambda row: row["id"])
def test_traps(row: dict[str, Any]) -> None:
    assert answered(row).label in row["accept"]
