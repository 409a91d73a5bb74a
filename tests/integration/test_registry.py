"""Bundles as a registry: one row serves, and every change is proven, gated and recorded."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError, transaction

from backend.monitoring import registry
from backend.monitoring.registry import Change, Entry, Refused
from ml import bundle
from ml.cohort import generate
from ml.records import Record, body_of
from ml.training import train
from workers import gate, model_process
from workers import registry as bundles
from workers.model_process import ModelProcess

Sql = Callable[..., list[Any]]
TWO, WORSE = "tests-two", "tests-worse"
CHANGE = Change("tests", "because")


@pytest.fixture(scope="session")
def one(models_dir: Path) -> str:
    found = bundle.latest_version(models_dir)
    assert found is not None
    return found


@pytest.fixture(scope="session")
def two(models_dir: Path) -> str:
    train(list(generate(900, seed=6)), source="synthetic-tests", seed=6, name=TWO)
    return TWO


@pytest.fixture(scope="session")
def worse(models_dir: Path) -> str:
    """Trained on shuffled labels: a model that has learnt nothing."""
    records = list(generate(600, seed=7))
    levels = [record.level for record in records]
    Random(7).shuffle(levels)
    mixed = [
        Record(r.case, level, r.group, r.line) for r, level in zip(records, levels, strict=True)
    ]
    train(mixed, source="synthetic-tests", seed=7, name=WORSE)
    return WORSE


@pytest.fixture
def child(database: None) -> ModelProcess:
    return ModelProcess()


@pytest.fixture
def short_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same gate on fewer patients."""
    monkeypatch.setattr(gate, "HELD_OUT_RECORDS", 1_500)


def models(*arguments: str) -> Any:
    """`manage.py models … --json`; raises `CommandError` where the command would exit non-zero."""
    out = io.StringIO()
    call_command("models", *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def refused(*arguments: str) -> tuple[int, str, Any]:
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("models", *arguments, "--json", stdout=out)
    return caught.value.returncode, str(caught.value), json.loads(out.getvalue() or "null")


def served(version: str) -> Entry:
    """Makes a version serve without the gate."""
    bundles.candidate(version)
    now = registry.roles().serving
    registry.promote(version, CHANGE, now.digest if now else None)
    found = registry.roles().serving
    assert found is not None
    return found


def test_only_one_version_serves_and_one_is_in_shadow(
    one: str, two: str, database: None, sql: Sql
) -> None:
    served(one)
    bundles.candidate(two)
    for stage in ("serving", "shadow"):
        with pytest.raises(IntegrityError), transaction.atomic():
            sql("UPDATE monitoring_modelversion SET stage = %s", stage)
    assert registry.roles() == registry.Roles(registry.roles().serving, None)


def test_the_first_child_that_proves_the_pointer_makes_the_row(
    one: str, child: ModelProcess, sql: Sql
) -> None:
    child.refresh()
    assert child.current is not None
    assert registry.roles().serving == Entry(one, child.current.digest)
    ModelProcess().refresh()
    assert sql("SELECT version, stage, promoted_by FROM monitoring_modelversion") == [
        (one, "serving", "worker")
    ]


def test_who_comes_second_with_another_bundle_serves_what_the_first_one_does(
    one: str, two: str, child: ModelProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two machines start at once with different pointers: only one model serves."""
    entry = served(two)
    monkeypatch.setattr(registry, "roles", lambda: registry.Roles(None, None))
    child.refresh()
    assert child.current is not None
    assert child.current.digest == entry.digest != bundle.check_bytes(one).digest


def test_a_registry_that_cannot_be_read_changes_nothing(
    one: str, child: ModelProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    served(one)
    child.refresh()
    before = child.current
    monkeypatch.setattr(model_process, "process", child)

    def unreachable() -> registry.Roles:
        raise OperationalError

    monkeypatch.setattr(registry, "roles", unreachable)
    assert model_process._look(due=True) is False
    assert child.current is before is not None
    assert child.state == "ready"


def test_the_row_decides_and_not_the_pointer(one: str, two: str, child: ModelProcess) -> None:
    entry = served(two)
    child.refresh()
    assert child.current is not None
    assert child.current.digest == entry.digest
    assert bundle.latest_version() == one


def test_a_serving_row_without_its_bundle_means_no_model_and_never_another(
    one: str,
    two: str,
    child: ModelProcess,
    models_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    served(two)
    shutil.copytree(models_dir, tmp_path / "models")
    shutil.rmtree(tmp_path / "models" / two)
    monkeypatch.setenv("TRIAGE_MODELS_DIR", str(tmp_path / "models"))
    child.refresh()
    assert (child.current, child.state, child.reason) == (None, "no_model", "missing")


def test_a_bundle_swapped_under_a_registered_name_is_refused(
    one: str, two: str, child: ModelProcess, sql: Sql
) -> None:
    served(two)
    sql("UPDATE monitoring_modelversion SET digest = repeat('0', 64)")
    child.refresh()
    assert (child.current, child.reason) == (None, "digest")
    with pytest.raises(Refused, match="another bundle"):
        bundles.candidate(two)


def test_a_child_keeps_its_proven_model_when_the_new_one_is_refused(
    one: str,
    two: str,
    child: ModelProcess,
    models_dir: Path,
    sql: Sql,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(model_process, "RETRY_SECONDS", 0)
    shutil.copytree(models_dir, tmp_path / "models")
    monkeypatch.setenv("TRIAGE_MODELS_DIR", str(tmp_path / "models"))
    first = served(one)
    child.refresh()
    child.report()
    second = served(two)
    file = tmp_path / "models" / two / "model.joblib"
    content = file.read_bytes()
    file.chmod(0o600)
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    child.refresh()
    child.report()
    assert child.current is not None
    assert child.current.digest == first.digest
    assert (child.state, child.reason) == ("ready", "digest")
    assert sql("SELECT kind FROM monitoring_alert WHERE resolved_at IS NULL") == [("no_model",)]
    file.write_bytes(content)
    child.refresh()
    child.report()
    assert child.current.digest == second.digest
    assert sql("SELECT kind FROM monitoring_alert WHERE resolved_at IS NULL") == []


def test_promote_and_roll_back_are_recorded_with_who_and_why(
    one: str, two: str, database: None
) -> None:
    served(one)
    served(two)
    assert [m["stage"] for m in models("list")["models"]] == ["serving", "retired"]
    assert models("rollback", "--reason", "over-triage at night") == {"done": True, "version": one}
    shown = models("show", one)
    assert (shown["stage"], shown["reason"]) == ("serving", "over-triage at night")
    assert shown["promoted_by"] == bundles.operator()
    assert [change["action"] for change in shown["changes"]][-1] == "rollback"
    assert models("show", two)["stage"] == "retired"
    code, text, _ = refused("rollback")
    assert code == 1
    assert "no earlier version" in text


def test_a_first_candidate_is_measured_against_the_rules_alone(
    one: str, database: None, short_gate: None
) -> None:
    found = models("promote", one, "--reason", "first")
    assert found["gate"]["serving"] == "rules alone"
    assert found["done"] is True
    assert models("show", one)["metrics"]["gate"]["passed"] is True
    assert registry.roles().serving == Entry(one, bundle.check_bytes(one).digest)


def test_a_worse_candidate_is_refused_with_reasons(
    one: str, worse: str, database: None, short_gate: None
) -> None:
    before = served(one)
    code, text, found = refused("promote", worse)
    assert code == 3
    assert "not promoted" in text
    assert any("emergency recall" in reason for reason in found["reasons"])
    assert any("under triage" in reason for reason in found["reasons"])
    recall = found["gate"]["measured"][0]
    assert recall["candidate"]["low"] <= recall["candidate"]["share"] <= recall["candidate"]["high"]
    assert registry.roles().serving == before
    shown = models("show", worse)
    assert shown["stage"] == "candidate"
    assert shown["changes"][-1]["action"] == "refused"


def test_what_cannot_be_loaded_any_more_is_replaced_through_the_gate(
    one: str,
    two: str,
    database: None,
    short_gate: None,
    models_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """After an upgrade of the rules the old bundle is refused everywhere: the rules answer, and a
    new model is measured against them."""
    served(two)
    shutil.copytree(models_dir, tmp_path / "models")
    shutil.rmtree(tmp_path / "models" / two)
    monkeypatch.setenv("TRIAGE_MODELS_DIR", str(tmp_path / "models"))
    found = models("promote", one)
    assert (found["done"], found["gate"]["serving"]) == (True, "rules alone")
    assert models("show", two)["stage"] == "retired"


def test_the_gate_takes_data_of_ones_own(one: str, database: None, tmp_path: Path) -> None:
    path = tmp_path / "held.jsonl"
    with path.open("w") as file:
        for record in generate(300, seed=77):
            assert record.level is not None
            file.write(json.dumps(body_of(record.case) | {"label": record.level.label}) + "\n")
    found = models("promote", one, "--data", str(path), "--override", "--reason", "a drill")
    assert found["gate"]["data"] == "held.jsonl, 300 labelled records"
    assert found["gate"]["records"] == 300
    code, text, _ = refused("promote", one, "--data", str(tmp_path / "absent"))
    assert code == 1
    assert "serves already" in text


def test_unreadable_data_are_refused_and_nothing_changes(
    one: str, database: None, tmp_path: Path
) -> None:
    code, text, _ = refused("promote", one, "--data", str(tmp_path / "absent"))
    assert code == 1
    assert text.startswith("--data:")
    assert registry.roles().serving is None


def test_people_read_tables(one: str, worse: str, database: None, short_gate: None) -> None:
    served(one)
    out = io.StringIO()
    with pytest.raises(CommandError, match="was not promoted"):
        call_command("models", "promote", worse, stdout=out)
    assert "REFUSED" in out.getvalue()
    assert "refused: decision, emergency recall" in out.getvalue()
    call_command("models", "list", stdout=out)
    call_command("models", "show", one, stdout=out)
    text = out.getvalue()
    assert f"{one:32} serving" in text
    assert f"{TWO:32} (no row)" in text or not (bundle.default_models_dir() / TWO).exists()
    assert "because" in text
    assert "# Model card" in text


def test_an_override_needs_a_reason_and_is_recorded(
    one: str, worse: str, database: None, short_gate: None
) -> None:
    served(one)
    assert refused("promote", worse, "--override")[0] == 2
    assert models("promote", worse, "--override", "--reason", "a drill")["done"] is True
    last = models("show", worse)["changes"][-1]
    assert (last["action"], last["overridden"], last["reason"]) == ("promote", True, "a drill")
    assert last["gate"]["passed"] is False


def test_no_override_promotes_a_bundle_that_is_not_proven(
    one: str,
    two: str,
    database: None,
    models_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    before = served(one)
    shutil.copytree(models_dir, tmp_path / "models")
    monkeypatch.setenv("TRIAGE_MODELS_DIR", str(tmp_path / "models"))
    golden = tmp_path / "models" / two / "golden.json"
    golden.chmod(0o600)
    golden.write_bytes(golden.read_bytes().replace(b"emergency", b"routine", 1))
    code, _, found = refused("promote", two, "--override", "--reason", "now")
    assert code == 3
    assert "digest" in found["reasons"][0]
    assert refused("promote", "absent")[0] == 3
    assert registry.roles().serving == before


def test_a_rollback_proves_what_it_returns_to(
    one: str,
    two: str,
    database: None,
    models_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    served(one)
    now = served(two)
    shutil.copytree(models_dir, tmp_path / "models")
    (tmp_path / "models" / one / "metadata.sig").unlink()
    monkeypatch.setenv("TRIAGE_MODELS_DIR", str(tmp_path / "models"))
    assert refused("rollback")[0] == 3
    assert registry.roles().serving == now


def test_the_serving_version_is_not_retired_and_no_rollback_leads_to_a_retired_one(
    one: str, two: str, database: None
) -> None:
    served(one)
    served(two)
    code, text, _ = refused("retire", two)
    assert code == 1
    assert "serves" in text
    models("retire", one, "--reason", "recalled")
    assert refused("rollback")[0] == 1
    assert registry.roles().serving == Entry(two, bundle.check_bytes(two).digest)


def test_a_promotion_meanwhile_stops_the_slower_one(one: str, two: str, database: None) -> None:
    seen = served(one)
    bundles.candidate(two)
    with pytest.raises(Refused, match="meanwhile"):
        registry.promote(two, CHANGE, instead_of="0" * 64)
    registry.promote(two, CHANGE, instead_of=seen.digest)
    with pytest.raises(Refused, match="already"):
        registry.promote(two, CHANGE, instead_of=seen.digest)


def test_the_command_explains_itself_and_refuses_by_exit_code(processes: Any) -> None:
    shown = processes.run("manage.py", "models", "--help")
    assert shown.returncode == 0
    assert "exit codes" in shown.stdout
    assert processes.run("manage.py", "models", "promote").returncode == 2
    assert processes.run("manage.py", "models", "show", "absent").returncode == 1
    absent = processes.run("manage.py", "models", "promote", "absent")
    assert absent.returncode == 3
    assert "Traceback" not in absent.stderr
