"""`manage.py explain`: every answer can be explained, and made again with the same bundle."""

import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command

from backend.triage import lifecycle
from backend.triage.values import Submission
from ml.case import parse_case
from ml.cohort import generate
from ml.records import body_of
from tests.integration.conftest import CARDIAC_ARREST, SORE_THROAT
from workers import inference
from workers.model_process import ModelProcess

Sql = Callable[..., list[Any]]


@pytest.fixture
def child(
    models_dir: Path, database: None, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> ModelProcess:
    """This process as a worker child; every patient is in the model's arm."""
    settings.EXPERIMENT_ML_SHARE = 1.0
    found = ModelProcess()
    found.refresh()
    assert found.current is not None
    monkeypatch.setattr(inference, "process", found)
    return found


def answered(owner_id: int, *bodies: dict[str, Any]) -> list[UUID]:
    cases = [Submission(parse_case(body)) for body in bodies]
    ids = [one.id for one in lifecycle.submit(owner_id, cases)]
    inference.drain()
    return ids


def explained(request_id: UUID) -> dict[str, Any]:
    out = io.StringIO()
    call_command("explain", str(request_id), "--json", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def not_reproduced(request_id: UUID) -> dict[str, Any]:
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("explain", str(request_id), "--json", stdout=out)
    assert caught.value.returncode == 3
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def test_a_models_answer_is_reproduced_bit_for_bit(owner_id: int, child: ModelProcess) -> None:
    [row] = answered(owner_id, SORE_THROAT)
    found = explained(row)
    assert found["reproduced"] == {"verdict": "bit_for_bit", "changed": [], "differs": []}
    assert child.current is not None
    assert found["model"] == {"version": child.current.version, "digest": child.current.digest}
    assert child.current.version in found["who_decided"]
    strongest = [abs(c["log_odds"]) for c in found["explanation"]["model"]["contributions"]]
    assert strongest == sorted(strongest, reverse=True)
    assert strongest


def test_a_batchs_answers_are_reproduced_but_for_rounding(
    owner_id: int, child: ModelProcess
) -> None:
    bodies = [body_of(record.case) | {"patient_id": "p"} for record in generate(60, seed=21)]
    verdicts = {explained(row)["reproduced"]["verdict"] for row in answered(owner_id, *bodies)}
    assert verdicts <= {"bit_for_bit", "within_rounding"}


def test_answers_of_the_rules_are_reproduced_too(
    owner_id: int, child: ModelProcess, settings: Any, sql: Sql
) -> None:
    settings.EXPERIMENT_ML_SHARE = 0.0
    [flag, arm] = answered(owner_id, CARDIAC_ARREST, SORE_THROAT)
    settings.EXPERIMENT_ML_SHARE = 1.0
    late = lifecycle.submit(owner_id, [Submission(parse_case(SORE_THROAT))])[0].id
    lifecycle.answer_now([late])
    child.current = None
    [without] = answered(owner_id, SORE_THROAT)
    lost = lifecycle.submit(owner_id, [Submission(parse_case(SORE_THROAT))])[0].id
    assert [row.id for row in lifecycle.claim(1).rows] == [lost]
    sql("UPDATE triage_triagerequest SET attempt = 3, due_at = now() WHERE id = %s", lost)
    lifecycle.abandon_exhausted()
    wanted = {
        flag: "a red flag of the rules: final",
        arm: "the rules: the patient is in the trial's rules arm",
        late: "the rules: no worker answered by the deadline",
        without: "the rules: the worker had no proven model",
        lost: "the rules: every attempt lost its worker",
    }
    for row, who in wanted.items():
        found = explained(row)
        assert (found["who_decided"], found["reproduced"]["verdict"]) == (who, "bit_for_bit")


def test_an_amendment_is_reproduced(owner_id: int, child: ModelProcess, sql: Sql) -> None:
    [row] = answered(owner_id, SORE_THROAT)
    # As if the rules had answered first and the model had raised them.
    sql(
        "UPDATE triage_triageanswer SET sequence = 2, needs_review = TRUE,"
        " trace = trace || '[\"amended\"]'"
    )
    found = explained(row)
    assert found["amended"] is True
    assert found["reproduced"]["verdict"] == "bit_for_bit"


def test_a_changed_answer_is_seen(owner_id: int, child: ModelProcess, sql: Sql) -> None:
    [row] = answered(owner_id, SORE_THROAT)
    sql("UPDATE triage_triageanswer SET confidence = confidence - 0.001")
    found = not_reproduced(row)
    assert found["reproduced"]["differs"] == ["confidence"]


def test_which_digest_changed_is_said(
    owner_id: int,
    child: ModelProcess,
    sql: Sql,
    models_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [row] = answered(owner_id, SORE_THROAT)
    assert child.current is not None
    digest = child.current.digest
    shutil.copytree(models_dir, tmp_path / "models")
    monkeypatch.setenv("TRIAGE_MODELS_DIR", str(tmp_path / "models"))
    model = tmp_path / "models" / child.current.version / "model.joblib"
    model.chmod(0o600)
    model.write_bytes(b"another")
    found = not_reproduced(row)["reproduced"]
    assert found["verdict"] == "impossible"
    assert digest in found["changed"][0]
    assert "digest" in found["changed"][0]


def test_changed_rules_are_named(owner_id: int, child: ModelProcess, sql: Sql) -> None:
    [row] = answered(owner_id, SORE_THROAT)
    older = json.dumps({"rules_version": "rules-0.9"})
    sql("UPDATE triage_triagepayload SET fallback = fallback || %s::jsonb", older)
    found = not_reproduced(row)["reproduced"]
    assert found["changed"][0].startswith("rules: rules-0.9 then, ")


def test_the_page_is_for_a_clinician_and_holds_no_words_of_the_patient(
    owner_id: int, child: ModelProcess
) -> None:
    [row] = answered(owner_id, CARDIAC_ARREST)
    out = io.StringIO()
    call_command("explain", str(row), stdout=out)
    text = out.getvalue()
    first, second = text.splitlines()[:2]
    assert first.startswith("EMERGENCY  ·  care: emergency")
    assert "red flag" in second
    assert "symptoms_data.chief_complaint" in text
    assert "bit for bit" in text
    for word in ("breathing", "pulse", "p-2"):
        assert word not in text


def test_the_matched_words_are_shown_on_a_terminal_only(
    owner_id: int, child: ModelProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = CARDIAC_ARREST | {
        "symptoms_data": {"chief_complaint": "he is not\x9b2J breathing and has no pulse"}
    }
    [row] = answered(owner_id, body)
    out = io.StringIO()
    with pytest.raises(CommandError, match="terminal"):
        call_command("explain", str(row), "--show-text", stdout=out)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(CommandError, match="not with --json"):
        call_command("explain", str(row), "--show-text", "--json", stdout=out)
    assert out.getvalue() == ""
    call_command("explain", str(row), "--show-text", stdout=out)
    assert "no pulse" in out.getvalue()
    assert "\x9b" not in out.getvalue()


def test_what_cannot_be_explained_is_said(owner_id: int, child: ModelProcess) -> None:
    with pytest.raises(CommandError, match="no such request"):
        explained(uuid4())
    row = lifecycle.submit(owner_id, [Submission(parse_case(SORE_THROAT))])[0].id
    with pytest.raises(CommandError, match="open"):
        explained(row)


def test_an_unreadable_payload_is_explained_as_far_as_it_goes(
    owner_id: int, child: ModelProcess, sql: Sql
) -> None:
    [row] = answered(owner_id, SORE_THROAT)
    sql("UPDATE triage_triagepayload SET sealed = sealed || '\\x00'")
    found = not_reproduced(row)
    assert found["level"] in {"routine", "soon", "urgent"}
    assert found["reproduced"]["verdict"] == "impossible"
