"""Should we retrain, the training itself, and how little a candidate may do by itself."""

import datetime as dt
import io
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from backend.celery import app
from backend.clients import keys
from backend.clients.models import Scope
from backend.monitoring import alerts, registry, reports, retrainings
from backend.monitoring.registry import Change
from backend.monitoring.reports import Report
from backend.triage import labels, lifecycle
from backend.triage.labels import Given
from backend.triage.queue import RETRAIN
from backend.triage.values import Author, Submission
from ml import bundle
from ml.case import parse_case
from ml.cohort import generate
from ml.records import body_of
from ml.schema import Level
from ml.training import train
from tests.eventually import eventually
from tests.integration.conftest import CARDIAC_ARREST, Api
from tests.integration.processes import Processes
from workers import gate, retraining, training_data
from workers import registry as bundles
from workers.model_process import ModelProcess

Sql = Callable[..., list[Any]]
TWIN = "tests-retrained"


@pytest.fixture(autouse=True)
def small(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RETRAIN_MINIMUM_LABELS = 20
    settings.RETRAIN_ENOUGH_LABELS = 1_000
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    monkeypatch.setattr(training_data, "BASE_RECORDS", 600)
    monkeypatch.setattr(gate, "HELD_OUT_RECORDS", 600)


@pytest.fixture
def serving(models_dir: Path, database: None, sql: Sql) -> str:
    """The registered version that serves; it was made a month ago."""
    ModelProcess().refresh()
    sql("UPDATE monitoring_modelversion SET created_at = now() - interval '30 days'")
    found = registry.roles().serving
    assert found is not None
    return found.version


@pytest.fixture
def no_new_bundles(models_dir: Path) -> Iterator[None]:
    """Bundles that a test trains are not there for the next one."""
    before = set(models_dir.iterdir())
    yield
    for made in set(models_dir.iterdir()) - before:
        shutil.rmtree(made)


def labelled(owner_id: int, key_id: int, count: int, level: Level | None = None) -> None:
    """Requests of different patients with the level that they have, or with `level`."""
    records = list(generate(count, seed=77))
    bodies = [body_of(one.case) | {"patient_id": f"p-{n}"} for n, one in enumerate(records)]
    ids = [
        one.id for one in lifecycle.submit(owner_id, [Submission(parse_case(b)) for b in bodies])
    ]
    for record, request_id in zip(records, ids, strict=True):
        given = Given(level or record.level or Level.SOON)
        assert labels.give(owner_id, Author(key_id=key_id), request_id, given)


@pytest.fixture
def key_id(owner_key: str, sql: Sql) -> int:
    return int(sql("SELECT max(id) FROM clients_apikey")[0][0])


def codes(found: Any) -> set[str]:
    return {one.code for one in found}


def test_a_young_model_that_does_well_needs_no_successor(serving: str) -> None:
    found = retraining.assess()
    assert not found.wanted
    assert codes(found.obstacles) == {"too_few_labels"}
    assert found.facts["serving"] == serving
    assert found.facts["age_days"] == 30


def test_every_reason_is_found_by_name(
    serving: str, owner_id: int, key_id: int, settings: Any
) -> None:
    settings.RETRAIN_AFTER_DAYS = 30
    settings.RETRAIN_ENOUGH_LABELS = 30
    labelled(owner_id, key_id, 30)
    record = registry.find(serving)
    assert record is not None
    today = dt.datetime.now(dt.UTC).date()
    said = {1: ["accuracy_breach_day", "recall_breach_week"], 2: ["cumulative_accuracy"], 9: ["x"]}
    for ago, reasons in said.items():
        day = today - dt.timedelta(days=ago)
        measures = {"reasons": reasons}
        reports.store(Report(day, serving, record.digest, "breach", 40, 0.6, measures))
    found = retraining.assess()
    assert codes(found.reasons) == {"age", "new_labels", "performance_drop", "emergency_recall"}
    assert found.ready
    texts = " ".join(one.text for one in found.reasons)
    assert "accuracy_breach_day, cumulative_accuracy" in texts


def test_a_bad_report_of_another_model_or_of_last_month_is_no_reason(serving: str) -> None:
    record = registry.find(serving)
    assert record is not None
    today = dt.datetime.now(dt.UTC).date()
    bad = {"reasons": ["accuracy_breach_day"]}
    for digest, ago in (("f" * 64, 1), (record.digest, 20)):
        day = today - dt.timedelta(days=ago)
        reports.store(Report(day, serving, digest, "breach", 40, 0.6, bad))
    assert not retraining.assess().wanted


def test_labels_that_a_coin_could_give_and_labels_of_the_canary_teach_nothing(
    owner_id: int, key_id: int, sql: Sql
) -> None:
    labelled(owner_id, key_id, 4)
    ids = [row[0] for row in sql("SELECT id FROM triage_triagerequest ORDER BY id")]
    author = Author(key_id=key_id)
    labels.give(owner_id, author, ids[0], Given(Level.SOON, 0.5))
    labels.give(owner_id, author, ids[1], Given(Level.SOON, 0.51))
    assert {one.request_id for one in labels.for_training()} == set(ids[1:])
    sql("UPDATE clients_client SET name = 'canary' WHERE id = %s", owner_id)
    assert labels.for_training() == []


def test_a_candidate_learns_from_labels_and_goes_into_shadow(
    serving: str,
    owner_id: int,
    key_id: int,
    no_new_bundles: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Wide margins: what the gate lets pass is tested with the gate, here it has too few records.
    monkeypatch.setattr(gate, "MARGINS", dict.fromkeys(gate.MARGINS, 0.3))
    labelled(owner_id, key_id, 60)
    out = io.StringIO()
    call_command("retrain", "--force", "--json", stdout=out)
    found = json.loads(out.getvalue())
    assert found["state"] == "shadow"
    shadow = registry.roles().shadow
    assert shadow is not None
    assert shadow.version == found["candidate"]
    record = registry.find(shadow.version)
    assert record is not None
    data = training_data.collect()
    assert len(data.learnt) + len(data.held) == 60
    assert 5 <= len(data.held) <= 30, "a quarter is never trained on"
    assert record.metadata["training_data"]["records"] == 600 + len(data.learnt)
    assert record.metadata["source"] == "synthetic-labels"
    assert found["gates"]["cohort"]["passed"] is True
    now_serving = registry.roles().serving
    assert now_serving is not None
    assert now_serving.version == serving, "a person promotes"
    again = retraining.assess()
    assert codes(again.obstacles) >= {"candidate_waits", "trained_lately"}


def test_the_gate_refuses_a_candidate_that_learnt_nonsense(
    serving: str,
    owner_id: int,
    key_id: int,
    no_new_bundles: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training_data, "BASE_RECORDS", 300)
    labelled(owner_id, key_id, 300, Level.ROUTINE)
    with pytest.raises(CommandError) as caught:
        call_command("retrain", "--force", "--json", stdout=io.StringIO())
    assert caught.value.returncode == 3
    [row] = retrainings.listed()
    assert row["state"] == "refused"
    assert row["gates"]["cohort"]["passed"] is False
    assert registry.roles().shadow is None
    assert "retraining_failed" in {one["kind"] for one in alerts.open_alerts()}


def test_a_training_that_fails_says_so_and_changes_nothing(serving: str, settings: Any) -> None:
    settings.RETRAIN_DATA = "/nowhere/records.jsonl"
    with pytest.raises(CommandError) as caught:
        call_command("retrain", "--force", stdout=io.StringIO())
    assert caught.value.returncode == 1
    [row] = retrainings.listed()
    assert (row["state"], row["detail"]) == ("failed", "FileNotFoundError: a file failed")
    assert row["finished_at"] is not None


def test_one_trains_at_a_time_and_a_dead_training_is_closed(serving: str) -> None:
    found = retraining.assess()
    row = retrainings.store(found, "training", "tests")
    assert row is not None

    def second() -> None:
        retraining.run(row)
        said.append(retraining.daily())
        connection.close()

    said: list[str] = []
    with retrainings.only_training() as alone:
        assert alone
        # The lock is the session's: a thread has its own connection, as another process has.
        other = threading.Thread(target=second)
        other.start()
        other.join()
    assert said == ["busy"]
    [one] = retrainings.listed()
    assert (one["state"], one["detail"]) == ("failed", "another training is running")
    stale = retrainings.store(found, "training", "tests")
    assert retraining.daily() == "not_needed"
    states = {each["id"]: each["state"] for each in retrainings.listed()}
    assert stale is not None
    assert states[stale] == "failed"


def test_a_day_is_decided_once_and_without_leave_only_an_alarm_is_raised(
    serving: str, owner_id: int, key_id: int, settings: Any
) -> None:
    settings.RETRAIN_AUTOMATICALLY = False
    settings.RETRAIN_AFTER_DAYS = 10
    labelled(owner_id, key_id, 25)
    assert retraining.daily() == "waiting"
    assert retraining.daily() == "decided"
    assert "retraining_due" in {one["kind"] for one in alerts.open_alerts()}
    [row] = retrainings.listed()
    assert [one["code"] for one in row["reasons"]] == ["age"]
    settings.RETRAIN_AFTER_DAYS = 90
    tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    assert retraining.daily(tomorrow) == "not_needed"
    assert "retraining_due" not in {one["kind"] for one in alerts.open_alerts()}


def test_a_dry_run_says_why_and_trains_nothing(serving: str, owner_id: int, key_id: int) -> None:
    labelled(owner_id, key_id, 3)
    out = io.StringIO()
    call_command("retrain", "--dry-run", stdout=out)
    assert f"serving   {serving}, 30 days old" in out.getvalue()
    assert "too_few_labels" in out.getvalue()
    assert retrainings.listed() == []


@pytest.fixture
def shadow(serving: str, models_dir: Path, sql: Sql) -> str:
    """A candidate that a training put in shadow three weeks ago."""
    if not (models_dir / TWIN).exists():
        train(list(generate(950, seed=5)), source="synthetic-tests", seed=5, name=TWIN)
    bundles.candidate(TWIN)
    registry.put_in_shadow(TWIN, Change(retrainings.BY_ITSELF, "trained"))
    sql("UPDATE monitoring_modelchange SET created_at = created_at - interval '21 days'")
    return TWIN


def emergencies(owner_id: int, key_id: int, count: int) -> None:
    bodies = [CARDIAC_ARREST | {"patient_id": f"e-{n}"} for n in range(count)]
    cases = [Submission(parse_case(body)) for body in bodies]
    for one in lifecycle.submit(owner_id, cases):
        labels.give(owner_id, Author(key_id=key_id), one.id, Given(Level.EMERGENCY))


def test_a_candidate_serves_by_itself_only_with_leave_time_and_labels(
    shadow: str, serving: str, owner_id: int, key_id: int, settings: Any, sql: Sql
) -> None:
    settings.AUTO_PROMOTE_MINIMUM_LABELS = 80
    emergencies(owner_id, key_id, 79)
    assert not retraining.promote_if_proven(), "no leave"
    settings.AUTO_PROMOTE = True
    assert not retraining.promote_if_proven(), "a label is missing"
    emergencies(owner_id, key_id, 1)
    settings.AUTO_PROMOTE_SHADOW_DAYS = 22
    assert not retraining.promote_if_proven(), "a day is missing"
    settings.AUTO_PROMOTE_SHADOW_DAYS = 21
    assert retraining.promote_if_proven()
    found = registry.roles()
    assert found.serving is not None
    assert (found.serving.version, found.shadow) == (shadow, None)
    [(by, gate_said)] = sql(
        "SELECT by, gate->>'passed' FROM monitoring_modelchange WHERE action = 'promote'"
    )
    assert (by, gate_said) == (retrainings.BY_ITSELF, "true")
    assert registry.find(shadow).previous == serving  # type: ignore[union-attr]


def test_what_a_person_put_in_shadow_is_left_to_people(
    shadow: str, owner_id: int, key_id: int, settings: Any, sql: Sql
) -> None:
    sql("UPDATE monitoring_modelchange SET by = 'ann' WHERE action = 'shadow'")
    settings.AUTO_PROMOTE, settings.AUTO_PROMOTE_MINIMUM_LABELS = True, 30
    emergencies(owner_id, key_id, 80)
    assert not retraining.promote_if_proven()


def test_a_shadow_that_is_worse_on_new_patients_is_not_promoted(
    shadow: str, owner_id: int, key_id: int, settings: Any
) -> None:
    settings.AUTO_PROMOTE, settings.AUTO_PROMOTE_MINIMUM_LABELS = True, 30
    # Thirty emergencies are too few to rule out a loss of more than three points.
    emergencies(owner_id, key_id, 30)
    assert not retraining.promote_if_proven()
    assert bundle.latest_version() is not None


def test_the_decisions_are_shown_to_operators(
    serving: str, owner_id: int, owner: Api, anonymous: Api
) -> None:
    retraining.daily()
    operator = Api(keys.create_key(owner_id, "duty", (Scope.OPERATE,)))
    [shown] = operator.get("/api/v1/retraining/").json()["decisions"]
    assert (shown["state"], shown["facts"]["serving"]) == ("not_needed", serving)
    assert shown["obstacles"][0]["code"] == "too_few_labels"
    assert owner.get("/api/v1/retraining/").status_code == 403
    part = anonymous.get("/statusz").json()["parts"]["retraining"]
    assert (part["ok"], part["newest"]["state"]) == (True, "not_needed")


@pytest.mark.slow
def test_the_background_worker_trains_in_a_process_of_its_own(
    processes: Processes, serving: str, owner_id: int, key_id: int, no_new_bundles: None
) -> None:
    """Full size, through the queue: beat's message, the worker's decision, the child's training."""
    labelled(owner_id, key_id, 60)
    worker = processes.worker("background", RETRAIN_AFTER_DAYS="10", RETRAIN_MINIMUM_LABELS="20")
    app.send_task(RETRAIN)
    eventually(
        lambda: retrainings.listed() and retrainings.listed()[0]["finished_at"],
        600,
        every=1,
        what="the training ends",
    )
    [row] = retrainings.listed()
    assert row["state"] in {"shadow", "refused"}, processes.log_of(worker).read_text()[-2_000:]
    assert row["facts"]["labels"] == 60
