"""The hazard register: every control it names is tested, every metric can be watched."""

import re
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
REGISTER = ROOT / "docs" / "hazards.yaml"
WANTED = {"id", "hazard", "cause", "control", "tests", "metric"}


def entries() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(REGISTER.read_text())
    return found


def source() -> str:
    places = [ROOT / "backend", ROOT / "workers"]
    return "\n".join(file.read_text() for place in places for file in place.rglob("*.py"))


def existing_tests() -> Counter[str]:
    found: Counter[str] = Counter()
    for file in (ROOT / "tests").rglob("test_*.py"):
        found.update(re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE))
    return found


def existing_metrics() -> set[str]:
    """Everything that the register may point at, read from the code that emits it."""
    from backend.triage.schemas import Answer
    from ml.evaluation import Scores

    code = source()
    status = (ROOT / "backend" / "monitoring" / "status.py").read_text()
    kinds = re.findall(r'raise_alert\(\s*"(\w+)"', code)
    kinds += re.findall(
        r'^(?:\w*ALERT_KIND|LOW_ACCURACY|INSUFFICIENT_LABELS): Final = "(\w+)"', code, re.M
    )
    return {
        *(f"status:{part}" for part in re.findall(r'"(\w+)": \{\s*"ok"', status)),
        *(f"alert:{kind}" for kind in kinds),
        *(f"log:{action}" for action in re.findall(r'log\.\w+\(\s*"([a-z_.]+)"', code)),
        *(f"answer:{name}" for name in Answer.model_fields),
        *(f"report:{field.name}" for field in fields(Scores)),
    }


def test_every_hazard_is_described_whole_and_once() -> None:
    found = entries()
    ids = [entry["id"] for entry in found]
    assert ids == sorted(set(ids))
    for entry in found:
        assert set(entry) - {"promise"} == WANTED, entry["id"]
        assert re.fullmatch(r"H\d\d", entry["id"])
        for name in ("hazard", "cause", "control"):
            assert len(entry[name].split()) > 4, f"{entry['id']}: {name}"
    hazards = [entry["hazard"] for entry in found]
    assert len(set(hazards)) == len(hazards)


def test_every_promise_has_its_hazard() -> None:
    assert sorted(e["promise"] for e in entries() if "promise" in e) == list(range(1, 16))


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: str(entry["id"]))
def test_every_control_is_tested(entry: dict[str, Any]) -> None:
    assert entry["tests"]
    assert len(set(entry["tests"])) == len(entry["tests"])
    assert set(entry["tests"]) <= set(existing_tests())


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: str(entry["id"]))
def test_every_hazard_can_be_watched(entry: dict[str, Any]) -> None:
    assert entry["metric"] in existing_metrics()


def test_a_made_up_metric_would_be_noticed() -> None:
    known = existing_metrics()
    assert {"status:model", "alert:no_model", "log:finish.stale", "report:under_triage"} <= known
    assert not {"status:weather", "alert:storm", "answer:mood"} & known
