"""`POST …/replay/`: same input, bundle and rules, same bits; or it is said what changed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from backend.triage import lifecycle
from backend.triage.values import Submission
from ml import bundle
from ml.case import parse_case
from ml.cohort import generate
from ml.records import body_of
from tests.integration.conftest import SORE_THROAT, Api
from workers import explain, inference, replays
from workers.model_process import ModelProcess

Sql = Callable[..., list[Any]]


@pytest.fixture
def child(
    models_dir: Path, database: None, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> ModelProcess:
    settings.EXPERIMENT_ML_SHARE = 1.0
    found = ModelProcess()
    found.refresh()
    monkeypatch.setattr(inference, "process", found)
    return found


def path(request_id: UUID) -> str:
    return f"/api/v1/triage/{request_id}/replay/"


def answered(owner_id: int, *bodies: dict[str, Any]) -> list[UUID]:
    ids = [
        one.id for one in lifecycle.submit(owner_id, [Submission(parse_case(b)) for b in bodies])
    ]
    inference.drain()
    return ids


def replayed(owner: Api, request_id: UUID) -> dict[str, Any]:
    assert owner.post(path(request_id), {}).status_code == 202
    replays.run_waiting()
    found: dict[str, Any] = owner.get(path(request_id)).json()
    assert found["status"] == "done"
    return dict(found["result"])


def test_answers_given_in_one_batch_are_repeated_to_the_bit(
    owner: Api, owner_id: int, child: ModelProcess
) -> None:
    bodies = [body_of(record.case) | {"patient_id": "p"} for record in generate(12, seed=31)]
    ids = answered(owner_id, SORE_THROAT, *bodies)
    results = [replayed(owner, one) for one in ids]
    assert {one["verdict"] for one in results} == {"identical"}
    assert child.current is not None
    assert results[0]["model_digest"] == child.current.digest
    assert results[0]["changed"] == results[0]["differs"] == []
    assert len({one["input_digest"] for one in results}) == 13


def test_a_replay_is_asked_for_once_until_it_is_done(
    owner: Api, owner_id: int, child: ModelProcess, sql: Sql
) -> None:
    [row] = answered(owner_id, SORE_THROAT)
    assert owner.get(path(row)).json()["status"] == "none"
    first = owner.post(path(row), {})
    assert first["Location"] == path(row)
    assert first.json()["status"] == "waiting"
    assert owner.post(path(row), {}).json()["asked_at"] == first.json()["asked_at"]
    assert sql("SELECT count(*) FROM triage_replayjob") == [(1,)]
    assert replays.run_waiting() == 1
    assert replays.run_waiting() == 0
    owner.post(path(row), {})
    assert sql("SELECT count(*) FROM triage_replayjob") == [(2,)]


def test_a_lost_bundle_is_named(
    owner: Api, owner_id: int, child: ModelProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    [row] = answered(owner_id, SORE_THROAT)
    monkeypatch.setenv("TRIAGE_MODELS_DIR", str(tmp_path))
    found = replayed(owner, row)
    assert found["verdict"] == "impossible"
    [changed] = found["changed"]
    assert changed["what"] == "bundle"
    assert child.current is not None
    assert child.current.digest in changed["then"]


def test_other_libraries_and_rules_are_told_apart_from_the_bundle(
    owner: Api, owner_id: int, child: ModelProcess, monkeypatch: pytest.MonkeyPatch, sql: Sql
) -> None:
    from ml import proof

    [row] = answered(owner_id, SORE_THROAT)
    monkeypatch.setattr(proof, "library_versions", lambda: {"numpy": "0.1"})
    assert replayed(owner, row)["changed"][0]["what"] == "library"
    monkeypatch.undo()
    older = json.dumps({"rules_version": "rules-0.9"})
    sql("UPDATE triage_triagepayload SET fallback = fallback || %s::jsonb", older)
    changed = replayed(owner, row)["changed"][0]
    assert (changed["what"], changed["then"]) == ("rules", "rules-0.9")


def test_a_changed_input_is_seen(owner: Api, owner_id: int, child: ModelProcess, sql: Sql) -> None:
    [row] = answered(owner_id, SORE_THROAT)
    sql("UPDATE triage_triagepayload SET sealed = sealed || '\\x00'")
    found = replayed(owner, row)
    assert (found["verdict"], found["changed"][0]["what"]) == ("impossible", "input")
    assert found["input_digest"] is None


def test_only_an_answered_request_of_the_caller_can_be_replayed(
    owner: Api, stranger: Api, owner_id: int, child: ModelProcess
) -> None:
    [row] = answered(owner_id, SORE_THROAT)
    for api, name in ((stranger, str(row)), (owner, str(uuid4())), (owner, "nonsense")):
        assert api.post(f"/api/v1/triage/{name}/replay/", {}).status_code == 404
        assert api.get(f"/api/v1/triage/{name}/replay/").status_code == 404
    waiting = lifecycle.submit(owner_id, [Submission(parse_case(SORE_THROAT))])[0].id
    assert owner.post(path(waiting), {}).status_code == 409


def test_one_that_fails_keeps_nobody_waiting_and_is_given_up_in_the_end(
    owner: Api,
    owner_id: int,
    child: ModelProcess,
    monkeypatch: pytest.MonkeyPatch,
    models_dir: Path,
) -> None:
    bad, good = answered(owner_id, SORE_THROAT, SORE_THROAT | {"patient_age": 50})
    real = explain.read

    def read(request_id: UUID) -> Any:
        if request_id == bad:
            raise MemoryError
        return real(request_id)

    monkeypatch.setattr(explain, "read", read)
    for row in (bad, good):
        owner.post(path(row), {})
    assert replays.run_waiting() == 1
    assert owner.get(path(good)).json()["result"]["verdict"] == "identical"
    for _ in range(3):
        assert owner.get(path(bad)).json()["status"] == "waiting"
        replays.run_waiting()
    assert owner.get(path(bad)).json()["result"]["verdict"] == "impossible"
    assert bundle.default_models_dir() == models_dir
