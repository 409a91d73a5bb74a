"""The shadow model predicts on every case and logs, and can do a patient no harm."""

import datetime as dt
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from backend.monitoring import registry, status
from backend.monitoring.registry import Change
from backend.triage import lifecycle, queries
from backend.triage.values import Submission
from ml.bundle import Bundle
from ml.case import parse_case
from ml.cohort import generate
from ml.records import body_of
from ml.training import train
from tests.integration.conftest import CARDIAC_ARREST, SORE_THROAT
from workers import inference
from workers import registry as bundles
from workers.model_process import ModelProcess

Sql = Callable[..., list[Any]]
SHADOW = "tests-shadow"


@pytest.fixture(scope="session")
def two_bundles(models_dir: Path) -> None:
    train(list(generate(600, seed=12)), source="synthetic-tests", seed=12, name=SHADOW)


@pytest.fixture
def child(
    two_bundles: None, database: None, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> ModelProcess:
    """This process as a worker child that serves one model and runs another in shadow."""
    settings.EXPERIMENT_ML_SHARE = 1.0
    found = ModelProcess()
    found.refresh()
    bundles.candidate(SHADOW)
    registry.put_in_shadow(SHADOW, Change("tests", "look first"))
    found.refresh()
    assert found.current is not None
    assert found.shadow is not None
    assert found.current.digest != found.shadow.digest
    monkeypatch.setattr(inference, "process", found)
    return found


def submit(owner_id: int, count: int) -> list[Any]:
    bodies = [SORE_THROAT, CARDIAC_ARREST]
    bodies += [body_of(record.case) | {"patient_id": "p"} for record in generate(count, seed=4)]
    cases = [Submission(parse_case(body)) for body in bodies[:count]]
    return [one.id for one in lifecycle.submit(owner_id, cases)]


def answers(owner_id: int, ids: list[Any]) -> list[Any]:
    found = queries.get_many(owner_id, ids)
    return [found[one].answer for one in ids]


def shadow_logs(sql: Sql) -> int:
    [(count,)] = sql(
        "SELECT count(*) FROM triage_predictionlog WHERE version = %s AND NOT served", SHADOW
    )
    return int(count)


def test_the_shadow_predicts_on_every_case_and_is_never_served(
    owner_id: int, child: ModelProcess, sql: Sql
) -> None:
    ids = submit(owner_id, 40)
    open_before = sql("SELECT count(*) FROM triage_triagerequest WHERE answer = 'open'")
    assert open_before[0][0] < 40, "red flags were answered when they came in"
    assert [(inference.drain()["answered"],)] == open_before
    assert shadow_logs(sql) == 40
    assert sql("SELECT count(*) FROM triage_predictionlog") == [(120,)]
    assert sql("SELECT count(*) FROM triage_predictionlog WHERE served") == [(40,)]
    names = {one.model_version for one in answers(owner_id, ids)}
    assert SHADOW not in names
    levels = sql(
        "SELECT count(*) FROM triage_predictionlog WHERE version = %s"
        " AND confidence = (probabilities->>level::int)::float8",
        SHADOW,
    )
    assert levels == [(40,)]


class Raising:
    def predict_many(self, rows: Any, *, explain: bool = True) -> Any:
        raise RuntimeError("a value of the patient")


class Mute:
    def predict_many(self, rows: Any, *, explain: bool = True) -> Any:
        return []


@dataclass
class Changed:
    """The real shadow with something done to what it says."""

    predictor: Any
    change: Callable[[Any], Any]

    def predict_many(self, rows: Any, *, explain: bool = True) -> Any:
        return [self.change(one) for one in self.predictor.predict_many(rows, explain=explain)]


def not_a_number(prediction: Any) -> Any:
    return prediction._replace(probabilities=(math.nan, 0.5, 0.25, 0.25))


def with_predictor(child: ModelProcess, predictor: Any) -> Bundle:
    assert child.shadow is not None
    child.shadow = replace(child.shadow, predictor=predictor)
    return child.shadow


@pytest.mark.parametrize("fault", ["raises", "mute", "not_a_number"])
def test_a_shadow_that_fails_harms_no_served_answer(
    owner_id: int, child: ModelProcess, sql: Sql, fault: str
) -> None:
    assert child.shadow is not None
    changed = Changed(child.shadow.predictor, not_a_number)
    with_predictor(child, {"raises": Raising(), "mute": Mute()}.get(fault, changed))
    ids = submit(owner_id, 10)
    drained = inference.drain()
    assert (drained["fallback"], drained["stale"]) == (0, 0)
    assert all(one is not None for one in answers(owner_id, ids))
    assert sql("SELECT DISTINCT work FROM triage_triagerequest") == [("done",)]
    assert shadow_logs(sql) == 0
    child.report()
    assert sql("SELECT kind FROM monitoring_alert") == [("shadow_model",)]


def test_a_row_that_only_the_shadow_fails_on_costs_only_its_log(
    owner_id: int, child: ModelProcess, sql: Sql
) -> None:
    shadow = child.shadow
    assert shadow is not None
    real = shadow.predictor

    class Picky:
        def predict_many(self, rows: Any, *, explain: bool = True) -> Any:
            if any("sore throat" in case.texts()[0][1] for case, _ in rows):
                raise RuntimeError
            return real.predict_many(rows, explain=explain)

    with_predictor(child, Picky())
    for body in (SORE_THROAT, CARDIAC_ARREST):
        lifecycle.submit(owner_id, [Submission(parse_case(body))])
    inference.drain()
    assert shadow_logs(sql) == 1
    assert sql("SELECT count(*) FROM triage_triageanswer") == [(2,)]


def test_a_slow_shadow_is_set_aside(
    owner_id: int, child: ModelProcess, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "SHADOW_SECONDS", 0.05)

    def slowly(prediction: Any) -> Any:
        time.sleep(0.1)
        return prediction

    assert child.shadow is not None
    with_predictor(child, Changed(child.shadow.predictor, slowly))
    submit(owner_id, 1)
    inference.drain()
    assert child.shadow is None
    child.refresh()
    assert child.shadow is None, "it stays aside until another shadow is named"
    child.report()
    assert sql("SELECT kind FROM monitoring_alert") == [("shadow_model",)]


def test_what_cost_a_row_its_worker_is_tried_again_without_the_shadow(
    owner_id: int, child: ModelProcess, sql: Sql
) -> None:
    [row] = submit(owner_id, 1)
    lifecycle.claim(1)
    sql("UPDATE triage_triagerequest SET due_at = now()")
    inference.drain()
    [answer] = answers(owner_id, [row])
    assert answer.fallback is False
    assert shadow_logs(sql) == 0


def test_statusz_says_what_becomes_of_the_shadow(child: ModelProcess) -> None:
    def part() -> dict[str, Any]:
        found: dict[str, Any] = status.status(dt.datetime.now(dt.UTC).date())["parts"]["shadow"]
        return found

    assert (part()["state"], part()["ok"]) == ("starting", True)
    child.report()
    assert part() == {
        "ok": True,
        "state": "running",
        "version": SHADOW,
        "children": 1,
        "reasons": [],
    }
    assert child.shadow is not None
    child.complain_of_shadow(child.shadow.digest, "too_slow", stop=True)
    assert child.is_news()
    child.report()
    assert (part()["ok"], part()["state"], part()["reasons"]) == (False, "refused", ["too_slow"])
    registry.retire(SHADOW, Change("tests", "too slow"))
    assert part() == {"ok": True, "state": "none"}


def test_a_refused_shadow_is_an_alarm_and_nothing_else(
    owner_id: int, child: ModelProcess, sql: Sql
) -> None:
    sql("UPDATE monitoring_modelversion SET digest = repeat('0', 64) WHERE stage = 'shadow'")
    child.refresh()
    child.report()
    assert child.shadow is None
    assert (child.state, child.reason) == ("ready", "")
    [row] = submit(owner_id, 1)
    inference.drain()
    assert answers(owner_id, [row])[0].fallback is False
    assert sql("SELECT kind FROM monitoring_alert") == [("shadow_model",)]


def test_a_promoted_shadow_serves_at_once_and_is_logged_once(
    owner_id: int, child: ModelProcess, sql: Sql
) -> None:
    before = registry.roles().serving
    assert before is not None
    shadow = child.shadow
    registry.promote(SHADOW, Change("tests", "ready"), before.digest)
    child.refresh()
    assert child.current is shadow, "it was proven in this process already"
    assert child.shadow is None
    submit(owner_id, 1)
    inference.drain()
    assert sql("SELECT version, served FROM triage_predictionlog WHERE predictor = 'model'") == [
        (SHADOW, True)
    ]
