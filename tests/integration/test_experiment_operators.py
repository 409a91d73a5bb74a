"""A trial as operators run it: by commands and over HTTP."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from backend.monitoring import experiments
from ml.plan import Terms, parse_terms
from tests.integration.conftest import Api
from tests.integration.trials import (
    Patients,
    Sql,
    operator,
    patients,
    serving,
    start,
)
from workers import trial

EXPERIMENTS = "/api/v1/experiments/"
__all__ = ["operator", "patients", "serving"]  # fixtures


def command(*arguments: str) -> Any:
    out = io.StringIO()
    call_command("experiment", *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_the_commands_lead_through_a_trial(patients: Patients) -> None:
    plan = json.dumps({"shares": [0.5, 1], "minimum_days": 0, "minimum_pairs": 0})
    begun = command("start", "trial-1", "--plan", plan, "--hypothesis", "better")
    assert (begun["state"], begun["plan"]["shares"], begun["findings"]) == (
        "running",
        [0.5, 1],
        None,
    )
    assert [p["ml_share"] for p in command("ramp", "trial-1")["phases"]] == [0.5, 1]
    shown = command("status")
    assert shown["findings"]["outcome"] == "continue"
    out = io.StringIO()
    call_command("experiment", "status", "trial-1", stdout=out)
    assert "100.0% model" in out.getvalue()
    assert command("stop", "trial-1", "--outcome", "ml", "--reason", "done")["outcome"] == "ml"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["status"], 1),
        (["status", "absent"], 1),
        (["ramp", "absent"], 1),
        (["stop", "absent", "--outcome", "ml"], 1),
        (["start", "trial-1", "--plan", "{"], 2),
        (["start", "trial-1", "--plan", '{"shares": [2]}'], 2),
        (["start", "Bad Name"], 1),
    ],
)
def test_a_refused_command_has_a_code(serving: None, arguments: list[str], code: int) -> None:
    with pytest.raises(CommandError) as caught:
        command(*arguments)
    assert caught.value.returncode == code


def test_a_rolled_back_trial_shows_in_the_exit_code(patients: Patients, sql: Sql) -> None:
    start()
    sql("UPDATE monitoring_experiment SET plan_hash = repeat('0', 64)")
    for arguments in (["ramp", "trial-1"], ["status"]):
        with pytest.raises(CommandError) as caught:
            command(*arguments)
        assert caught.value.returncode == 3


def test_http_starts_shows_ramps_and_stops(serving: None, operator: Api, owner: Api) -> None:
    body = {"name": "trial-1", "plan": {"shares": [0.5, 1], "minimum_days": 0, "minimum_pairs": 0}}
    begun = operator.post(EXPERIMENTS, body)
    assert begun.status_code == 201
    assert begun.json()["plan_hash"] == experiments.plan_of(experiments.running()).digest()  # type: ignore[arg-type]
    assert operator.post(EXPERIMENTS, body).status_code == 409
    early = operator.post(f"{EXPERIMENTS}trial-1/ramp/", {})
    assert (early.status_code, "older than an hour" in early.json()["detail"]) == (409, True)
    trial.watch()
    ramped = operator.post(f"{EXPERIMENTS}trial-1/ramp/", {"reason": "quiet"}).json()
    assert [(p["ml_share"], p["reason"]) for p in ramped["phases"]] == [
        (0.5, "start"),
        (1, "quiet"),
    ]
    assert owner.get(f"{EXPERIMENTS}trial-1/").json() == ramped
    assert owner.get(EXPERIMENTS).json() == {"experiments": [ramped]}
    stopped = operator.post(f"{EXPERIMENTS}trial-1/stop/", {"outcome": "rules"})
    assert (stopped.status_code, stopped.json()["state"]) == (200, "stopped")
    assert operator.post(f"{EXPERIMENTS}trial-1/stop/", {"outcome": "rules"}).status_code == 409


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("", {}, "name"),
        ("", {"name": "Bad Name"}, "name"),
        ("", {"name": "x\n"}, "name"),
        ("", {"name": "x", "plan": {"shares": []}}, "plan.shares"),
        ("", {"name": "x", "salt": "s"}, "unknown field"),
        ("", [], ""),
        ("trial-1/stop/", {"outcome": "neither"}, "outcome"),
        ("trial-1/ramp/", {"reason": "\x00"}, "reason"),
    ],
)
def test_a_bad_body_is_refused_by_field(
    operator: Api, serving: None, path: str, body: Any, field: str
) -> None:
    found = operator.post(EXPERIMENTS + path, body)
    assert found.status_code == 400
    assert [one["field"] for one in found.json()["errors"]] == [field]


@pytest.mark.parametrize("name", ["absent", "%00", "a" * 300])
def test_an_unknown_trial_is_the_same_problem(operator: Api, serving: None, name: str) -> None:
    assert operator.get(f"{EXPERIMENTS}{name}/").status_code == 404
    assert operator.post(f"{EXPERIMENTS}{name}/ramp/", {}).status_code == 404


def test_a_plan_from_json_is_the_plan_of_the_code() -> None:
    assert parse_terms({"shares": [0.05, 0.25, 0.5, 1]}) == Terms()
