"""Scenarios 1, 5, 6 and 7: workers that die, freeze, and load slowly or wrongly."""

import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from ml import bundle
from tests.drills import scenarios
from tests.drills.harness import TRIAGE, WEBS, System
from tests.drills.load import Load, bodies
from tests.drills.oracle import judge
from tests.drills.words import KILLS, LOAD_SECONDS, RAISES, SLEEPS
from tests.eventually import eventually

WORDS = "sore throat for two days, can eat and drink"


def case(words: str, patient: str = "p") -> dict[str, Any]:
    return {
        "patient_id": patient,
        "patient_age": 34,
        "symptoms_data": {"chief_complaint": f"{WORDS} {words}"},
    }


def test_a_message_that_dies_inside_a_stopped_worker_is_answered_by_the_deadline(
    system: System, tmp_path: Path
) -> None:
    scenarios.dead_letter(system, tmp_path, seed=1, rounds=1).check()


def test_a_child_that_wakes_after_its_lease_changes_nothing(system: System, tmp_path: Path) -> None:
    wake = Path(system.environment["DRILL_SLEEP_FILE"])
    system.stop("triage2")
    snapshot = (
        "SELECT to_jsonb(r), to_jsonb(a), (SELECT jsonb_agg(to_jsonb(l) ORDER BY l.id)"
        " FROM triage_predictionlog AS l WHERE l.request_id = r.id)"
        " FROM triage_triagerequest AS r JOIN triage_triageanswer AS a ON a.request_id = r.id"
    )
    try:
        with system.client() as web:
            assert web.post(TRIAGE, json=case(SLEEPS)).status_code == 202
        leased = "SELECT 1 FROM triage_triagerequest WHERE work = 'leased'"
        eventually(lambda: system.sql(leased), 10, 0.01, what="it is claimed")
        # The main process too: it would kill a child that is over its time limit.
        frozen = system.family("triage1")
        system.freeze(*frozen)
        wake.touch()
        system.begin("triage2")
        system.wait_for_quiet(20)
        before = system.sql(snapshot)
        assert [row[0]["attempt"] for row in before] == [2]
        system.thaw(*frozen[1:])
        eventually(lambda: "finish.stale" in system.log("triage1"), 10, what="the late write")
        assert system.sql(snapshot) == before
    finally:
        wake.unlink(missing_ok=True)


def test_an_input_that_kills_its_child_costs_three_attempts_and_nobody_else(
    system: System, tmp_path: Path
) -> None:
    # Three attempts end just within the usual deadline; on a busy machine that would come first.
    system.restart(*WEBS, TRIAGE_DEADLINE_SECONDS="60")
    try:
        with Load(system, tmp_path / "poison.jsonl", seed=8) as load:
            load.submit("poison", case(KILLS, "poisoned"))
            for number, body in enumerate(bodies(8, 100)):
                load.submit(f"healthy-{number}", body)
        system.wait_for_quiet(60)
    finally:
        system.restart(*WEBS)
    verdict = judge(system, [load.path])
    assert not verdict.wrong, verdict.wrong
    rows = system.sql(
        # The secret draw decides the patient's arm; in the rules' own arm theirs is no fallback.
        "SELECT r.attempt, r.work, a.method, a.needs_review, a.reason,"
        " a.fallback = (r.arm <> 'rules')"
        " FROM triage_triagerequest AS r JOIN triage_triageanswer AS a ON a.request_id = r.id"
        " WHERE r.idempotency_key = 'poison' AND a.sequence = 1"
    )
    assert rows == [(3, "abandoned", "rules", True, "attempts_exhausted", True)]
    late = system.sql(
        "SELECT count(*) FROM triage_triageanswer AS a JOIN triage_triagerequest AS r"
        " ON r.id = a.request_id WHERE r.idempotency_key <> 'poison'"
        " AND (a.fallback OR a.answered_at > r.accepted_at + interval '20 seconds')"
    )
    assert late == [(0,)], "a hundred healthy requests are answered in time, none by fallback"


def test_an_input_on_which_the_model_raises_is_answered_by_rules_alone(
    system: System, tmp_path: Path
) -> None:
    with Load(system, tmp_path / "raises.jsonl", seed=9) as load:
        system.freeze(*system.family("triage1"), *system.family("triage2"))
        # In the model's arm whatever the salt is: an infant is excluded from the trial.
        load.submit("raises", case(RAISES) | {"patient_age": 0.9})
        for number, body in enumerate(bodies(9, 20)):
            load.submit(f"healthy-{number}", body)
        system.thaw()
    system.wait_for_quiet(20)
    reasons = dict(
        system.sql(
            "SELECT r.idempotency_key, a.reason FROM triage_triagerequest AS r"
            " JOIN triage_triageanswer AS a ON a.request_id = r.id"
        )
    )
    failed = [key for key, reason in reasons.items() if reason == "prediction_failed"]
    assert failed == ["raises"]
    assert RAISES not in system.log(), "the patient's words are in no log"
    assert not judge(system, [load.path]).wrong


def serve_slowly(system: System, rounds: int) -> list[float]:
    """Kills every child of a worker whose model takes 6 s to load; seconds until one serves."""
    system.stop("triage2")
    system.restart("triage1", **{LOAD_SECONDS: "6"})
    eventually(lambda: len(serving(system)) == 2, 30, what="both children serve")
    seconds = []
    for number in range(rounds):
        for pid in children_with_model(system):
            os.kill(pid, signal.SIGKILL)
        started = time.monotonic()
        with system.client() as web:
            key = {"Idempotency-Key": f"slow-{time.time_ns()}-{number}"}
            assert web.post(TRIAGE, json=bodies(10, 1)[0], headers=key).status_code in (200, 202)
        eventually(lambda: system.unfinished() == 0, 30, what="a replacement serves")
        eventually(lambda: len(serving(system)) == 2, 30, what="both replacements serve")
        seconds.append(time.monotonic() - started)
    return seconds


def children_with_model(system: System) -> list[int]:
    found = system.children("triage1")
    return [pid for pid in found if pid in system.model_children(within=3600)]


def serving(system: System) -> set[int]:
    return system.model_children() & set(system.children("triage1"))


def test_a_replacement_whose_model_loads_slowly_serves(system: System) -> None:
    """With the default of 4 s it would be killed before it is up, for ever."""
    assert max(serve_slowly(system, 1)) < 30


@pytest.mark.slow
def test_every_slow_replacement_serves_within_thirty_seconds(system: System) -> None:
    assert max(serve_slowly(system, 3)) < 30


def _flip(place: Path, name: str) -> None:
    content = bytearray((place / name).read_bytes())
    content[len(content) // 2] ^= 1
    (place / name).chmod(0o600)
    (place / name).write_bytes(content)


def _signed(models: Path, version: str, **changes: Any) -> None:
    """A bundle that is signed and whole, and wrong inside."""
    checked = bundle.check_bytes(version, models)
    files = dict(checked.files)
    if golden := changes.pop("golden", None):
        files["golden.json"] = golden(files["golden.json"])
    bundle.save(f"{version}-x", files, dict(checked.metadata) | changes, models)
    bundle.promote(f"{version}-x", models)


def _other_golden(content: bytes) -> bytes:
    found = json.loads(content)
    found[0]["probabilities"] = found[0]["probabilities"][::-1]
    return json.dumps(found).encode()


BREAK = {
    "missing": lambda models, version: shutil.rmtree(models / version),
    "digest": lambda models, version: _flip(models / version, "model.joblib"),
    "signature": lambda models, version: _flip(models / version, "metadata.json"),
    "library": lambda models, version: _signed(models, version, libraries={"python": "2.7"}),
    "golden": lambda models, version: _signed(models, version, golden=_other_golden),
}


def test_no_broken_bundle_is_ever_served(system: System, models_dir: Path, tmp_path: Path) -> None:
    """Each kind: refused, the rules answer and say so, `/statusz` and an alarm tell; no loop."""
    models = tmp_path / "models"
    version = bundle.latest_version(models_dir)
    assert version is not None
    system.stop("triage2")
    shutil.copytree(models_dir, models)
    system.restart("triage1", TRIAGE_MODELS_DIR=str(models))
    main = system.pid("triage1")
    for reason, make in BREAK.items():
        shutil.rmtree(models)
        shutil.copytree(models_dir, models)
        make(models, version)
        doomed = system.children("triage1")
        system.freeze(*doomed)
        # Without a serving row the children decide anew what `latest` is worth.
        system.sql("TRUNCATE monitoring_modelversion, monitoring_workerstate CASCADE")
        for pid in doomed:
            os.kill(pid, signal.SIGKILL)
        said = "SELECT reason FROM monitoring_workerstate WHERE kind = 'triage' AND state = %s"
        eventually(
            lambda said=said: len(system.sql(said, "no_model")) == 2, 20, what=f"{reason}: refused"
        )
        assert {row[0] for row in system.sql(said, "no_model")} == {reason}
        with system.client() as web:
            body = case(reason) | {"patient_age": 0.9}
            answered = web.post(TRIAGE, json=body, headers={"Prefer": "wait=8"}).json()["answer"]
            assert (answered["method"], answered["reason"]) == ("rules", "no_model"), reason
            status = web.get("/statusz")
            assert status.status_code == 503
            assert status.json()["parts"]["model"]["reasons"] == [reason]
            assert "no_model" in {alert["kind"] for alert in status.json()["alerts"]}
    system.sql("TRUNCATE monitoring_modelversion CASCADE")
    assert system.pid("triage1") == main
    assert system.processes["triage1"].exit_code() is None, "the worker itself lives on"
