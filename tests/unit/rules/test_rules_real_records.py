"""The rules alone on real emergency-department records, where they are present beside the clone."""

import csv
from pathlib import Path
from typing import Any

import pytest

from ml.case import parse_case
from ml.rules.engine import assess
from ml.schema import Level

RECORDS = Path(__file__).parents[4] / "shared" / "data" / "ktas.csv"
COLUMNS = {
    "heart_rate_bpm": "heart_rate",
    "respiratory_rate_bpm": "resp_rate",
    "systolic_bp_mmhg": "sbp",
    "diastolic_bp_mmhg": "dbp",
    "temperature_c": "temp_c",
    "spo2_percent": "spo2",
    "pain_score": "pain_0_10",
}


def body(row: dict[str, str]) -> dict[str, Any]:
    signs: dict[str, Any] = {
        name: float(row[column]) for name, column in COLUMNS.items() if row[column]
    }
    if row["avpu"]:
        signs["consciousness"] = row["avpu"]
    return {
        "symptoms_data": {"chief_complaint": row["chief_complaint"]},
        "patient_age": float(row["age"]),
        "patient_sex": row["sex"],
        "vital_signs": signs,
    }


@pytest.mark.skipif(not RECORDS.exists(), reason="the real records are not on this machine")
def test_rules_alone_on_real_records() -> None:
    with RECORDS.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    pairs = [(assess(parse_case(body(row))).level, Level.parse(row["label"])) for row in rows]
    emergencies = [answer for answer, truth in pairs if truth is Level.EMERGENCY]
    assert emergencies.count(Level.EMERGENCY) >= 0.75 * len(emergencies)
    assert sum(answer > truth for answer, truth in pairs) <= 0.20 * len(pairs)
    assert sum(answer is truth for answer, truth in pairs) >= 0.70 * len(pairs)
