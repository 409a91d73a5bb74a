"""The engine against its own labelled cases, and the table of docs/safety.md against the engine.

Batch 1 was used to develop the engine; `author` says whose words they are. Batch 2 is written by
somebody else after the engine is frozen and is never tuned on: its misses are left as they are,
and the table shows them. It may be empty while a new one is being written.
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
    assert {row["author"] for row in DEVELOPMENT} == {"own", "independent"}
    assert sum(row["author"] == "independent" for row in DEVELOPMENT) >= 120
    assert len({row["id"] for row in ROWS}) == len(ROWS)
    assert all(row["level"] in row["accept"] for row in ROWS)
    assert sum(row["trap"] for row in ROWS) * 3 >= len(ROWS)
    assert {row["level"] for row in ROWS} == {level.label for level in Level}


@pytest.mark.parametrize("author", ["own", "independent"])
def test_emergencies_are_found(author: str) -> None:
    found, all_of_them = recall([row for row in DEVELOPMENT if row["author"] == author])
    assert found >= 0.98 * all_of_them


def test_no_emergency_of_the_development_set_falls_below_urgent() -> None:
    low = [
        row["id"]
        for row in DEVELOPMENT
        if row["level"] == "emergency" and answered(row) < Level.URGENT
    ]
    assert low == []


def test_hardly_an_emergency_of_the_held_out_batch_is_routine() -> None:
    emergencies = [row for row in HELD_OUT if row["level"] == "emergency"]
    low = [row for row in emergencies if answered(row) is Level.ROUTINE]
    assert len(low) <= 0.05 * len(emergencies)


def test_over_triage_is_bounded() -> None:
    assert over(DEVELOPMENT) <= 0.02 * len(DEVELOPMENT)


def test_no_red_flag_where_emergency_is_not_acceptable() -> None:
    wrong = [
        row["id"]
        for row in DEVELOPMENT
        if assess(parse_case(row["request"])).red_flag and "emergency" not in row["accept"]
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, id=row["id"]) for row in DEVELOPMENT if row["trap"]],
)
def test_traps(row: dict[str, Any]) -> None:
    assert answered(row).label in row["accept"]


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        pytest.param(name, rows, id=name.replace(" ", "_"))
        for name, rows in (
            ("own", [row for row in DEVELOPMENT if row["author"] == "own"]),
            ("independent", [row for row in DEVELOPMENT if row["author"] == "independent"]),
            ("held out", HELD_OUT),
        )
        if rows
    ],
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
