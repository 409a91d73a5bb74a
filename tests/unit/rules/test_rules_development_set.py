"""The engine against its own labelled cases, and the table of docs/safety.md against the engine.

Batch 1 was used to develop the engine. Batch 2 was written after it was frozen and was never
tuned on: its misses are left as they are, and the table shows them.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from ml.case import parse_case
from ml.rules.engine import assess
from ml.schema import Level

ROOT = Path(__file__).parents[3]
LINES = (ROOT / "tests" / "data" / "rules_cases.jsonl").read_text("utf-8").splitlines()
ROWS: list[dict[str, Any]] = [json.loads(line) for line in LINES]
DEVELOPMENT = [row for row in ROWS if row["batch"] == 1]
HELD_OUT = [row for row in ROWS if row["batch"] == 2]


def answered(row: dict[str, Any]) -> Level:
    return assess(parse_case(row["request"])).level


def over(rows: list[dict[str, Any]]) -> int:
    return sum(answered(row) > max(map(Level.parse, row["accept"])) for row in rows)


def recall(rows: list[dict[str, Any]]) -> tuple[int, int]:
    levels = [answered(row) for row in rows if row["level"] == "emergency"]
    return levels.count(Level.EMERGENCY), len(levels)


def test_the_set_is_broad_enough() -> None:
    assert len(DEVELOPMENT) >= 220
    assert len(HELD_OUT) >= 80
    assert len({row["id"] for row in ROWS}) == len(ROWS)
    assert all(row["level"] in row["accept"] for row in ROWS)
    assert sum(row["trap"] for row in ROWS) * 3 >= len(ROWS)
    assert {row["level"] for row in ROWS} == {level.label for level in Level}


def test_emergencies_are_found() -> None:
    found, all_of_them = recall(ROWS)
    assert found >= 0.95 * all_of_them


def test_no_emergency_of_the_development_set_falls_below_urgent() -> None:
    low = [
        row["id"]
        for row in DEVELOPMENT
        if row["level"] == "emergency" and answered(row) < Level.URGENT
    ]
    assert low == []


def test_the_held_out_batch_stays_as_good_as_it_was() -> None:
    found, all_of_them = recall(HELD_OUT)
    assert found >= 0.90 * all_of_them


def test_over_triage_is_bounded() -> None:
    assert over(ROWS) <= 0.05 * len(ROWS)


def test_no_red_flag_where_emergency_is_not_acceptable() -> None:
    wrong = [
        row["id"]
        for row in DEVELOPMENT
        if assess(parse_case(row["request"])).red_flag and "emergency" not in row["accept"]
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "row", [row for row in DEVELOPMENT if row["trap"]], ids=lambda row: row["id"]
)
def test_traps(row: dict[str, Any]) -> None:
    assert answered(row).label in row["accept"]


@pytest.mark.parametrize(
    ("name", "rows"), [("development", DEVELOPMENT), ("held out", HELD_OUT)], ids=str
)
def test_the_table_in_the_documents_is_what_the_engine_does(
    name: str, rows: list[dict[str, Any]]
) -> None:
    accepted = sum(answered(row).label in row["accept"] for row in rows)
    found, emergencies = recall(rows)
    traps = [row for row in rows if row["trap"]]
    passed = sum(answered(row).label in row["accept"] for row in traps)
    line = (
        f"| {name} | {len(rows)} | {accepted / len(rows):.1%} | {found} of {emergencies} "
        f"({found / emergencies:.1%}) | {over(rows) / len(rows):.1%} | "
        f"{passed} of {len(traps)} |"
    )
    assert line in (ROOT / "docs" / "safety.md").read_text("utf-8")
