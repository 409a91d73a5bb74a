"""`python -m ml` as its users type it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ml.__main__ import main
from ml.bundle import Checked
from ml.cohort import generate
from ml.decision import Decision
from ml.records import body_of

ROOT = Path(__file__).resolve().parents[3]
CARDIAC = {"symptoms_data": {"chief_complaint": "crushing chest pain, sweating"}}
COLD = {"symptoms_data": {"chief_complaint": "runny nose for three days"}, "id": "case-2"}


def answers(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_decide_end_to_end(place: Path, saved: Checked, tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    bad = {"symptoms_data": {"chief_complaint": "cough"}, "patient_age": 900}
    path.write_text("\n".join([json.dumps(CARDIAC), json.dumps(bad), json.dumps(COLD)]) + "\n")
    done = subprocess.run(
        [sys.executable, "-m", "ml", "decide", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == ""
    first, second, third = answers(done.stdout)
    fields = set(Decision.__dataclass_fields__) | {"prediction", "model_version", "explanation"}
    assert set(first) == fields
    assert first["prediction"] == first["level"]
    assert second["line"] == 2
    assert [error["field"] for error in second["errors"]] == ["patient_age"]
    assert "900" not in done.stdout.splitlines()[1]
    assert third["id"] == "case-2"
    assert third["model_version"] == saved.version
    assert third["explanation"]["model"]["contributions"]


def test_decide_without_a_model_answers_by_rules(
    place: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TRIAGE_MODELS_DIR", str(tmp_path / "none"))
    path = tmp_path / "cases.jsonl"
    path.write_text(json.dumps(COLD) + "\n")
    assert main(["decide", str(path)]) == 0
    out, err = capsys.readouterr()
    [answer] = answers(out)
    assert answer["reason"] == "no_model"
    assert answer["ab_group"] == "rules_fallback"
    assert answer["fallback"] is True
    assert "missing" in err


def test_a_refused_model_is_said_and_the_rules_answer(
    place: Path,
    saved: Checked,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(place / "models", tmp_path / "models")
    (tmp_path / "models" / saved.version / "model.joblib").write_bytes(b"?")
    monkeypatch.setenv("TRIAGE_MODELS_DIR", str(tmp_path / "models"))
    path = tmp_path / "cases.jsonl"
    path.write_text(json.dumps(COLD) + "\n")
    assert main(["decide", str(path)]) == 0
    out, err = capsys.readouterr()
    assert answers(out)[0]["reason"] == "no_model"
    assert "digest" in err
    assert main(["verify", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["reason"] == "digest"


@pytest.mark.parametrize(
    ("arm", "body", "group"),
    [
        ("ml", COLD, "ml"),
        ("rules", COLD, "rules"),
        ("assigned", COLD, "excluded"),
        ("ml", {**COLD, "patient_age": 1.0}, "excluded"),
        ("ml", {**COLD, "pregnant": True}, "excluded"),
    ],
)
def test_the_arm_is_as_asked(
    saved: Checked,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arm: str,
    body: dict[str, Any],
    group: str,
) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text(json.dumps(body) + "\n")
    assert main(["decide", str(path), "--arm", arm]) == 0
    [answer] = answers(capsys.readouterr().out)
    assert answer["ab_group"] == group


def test_evaluate_compares_model_rules_and_decision(
    saved: Checked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "labelled.jsonl"
    with path.open("w") as file:
        for record in generate(120, 99):
            assert record.level is not None
            labelled = {**body_of(record.case), "label": record.level.label, "id": record.line}
            file.write(json.dumps(labelled) + "\n")
    assert main(["evaluate", "--data", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["version"] == saved.version
    for name in ("model", "rules", "decision"):
        assert found[name]["n"] == 120
        assert sum(map(sum, found[name]["confusion"])) == 120
    assert found["model"]["accuracy"]["share"] > 0.5
    assert main(["evaluate", "--data", str(path)]) == 0
    assert "emergency recall" in capsys.readouterr().out


def test_evaluate_refuses_records_without_labels(
    saved: Checked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text(json.dumps(CARDIAC) + "\n")
    assert main(["evaluate", "--data", str(path)]) == 1
    assert "label" in capsys.readouterr().err


def test_train_says_each_stage_and_promotes_unless_told(
    saved: Checked,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TRIAGE_MODELS_DIR", str(tmp_path / "models"))
    assert main(["train", "--records", "300", "--name", "one", "--no-promote"]) == 0
    assert capsys.readouterr().out.count("\n") >= 5
    assert not (tmp_path / "models" / "latest").exists()
    assert main(["verify", "--bundle", "one"]) == 0
    assert main(["train", "--records", "300", "--name", "one"]) == 0
    assert (tmp_path / "models" / "latest").read_text() == "one\n"
    assert main(["verify"]) == 0


def test_too_few_records_are_refused(
    saved: Checked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "few.jsonl"
    path.write_text(json.dumps({**CARDIAC, "label": "emergency"}) + "\n")
    assert main(["train", "--data", str(path)]) == 1
    assert "fewer than" in capsys.readouterr().err
