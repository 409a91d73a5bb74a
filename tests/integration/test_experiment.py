"""A trial of the model against the rules, through the real lifecycle and the real statements."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from backend.monitoring import alerts, arms, experiments, exposures
from backend.monitoring.experiments import Refused
from backend.triage import lifecycle
from ml.plan import Terms
from ml.schema import Level
from tests.integration.conftest import CARDIAC_ARREST, Api
from tests.integration.trials import (
    AT_ONCE,
    BY,
    OTHER,
    Patients,
    Sql,
    names,
    patients,
    rules_level,
    serving,
    start,
)
from workers import trial

__all__ = ["patients", "serving"]  # fixtures


# --- One patient, one arm ------------------------------------------------------------------------


def test_the_settings_decide_until_a_row_does(patients: Patients, sql: Sql, settings: Any) -> None:
    settings.EXPERIMENT_ML_SHARE = 1.0
    patients.send(["p-1"])
    start(Terms(shares=(0.0001, 1.0)))
    patients.send(["p-2"])
    assert sql("SELECT experiment, phase, arm FROM triage_triagerequest ORDER BY id") == [
        ("ml-vs-rules", 1, "ml"),
        ("trial-1", 1, "rules"),
    ]


def test_the_phase_costs_the_accept_path_no_query(patients: Patients) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            patients.send(["p-1"])
        return len(seen)

    patients.send(["p-0"])
    without = queries()
    start()
    patients.send(["p-0"])  # this process notices the trial here
    assert queries() == without


def test_a_process_that_missed_a_step_stores_nothing_under_the_old_phase(
    patients: Patients, sql: Sql
) -> None:
    """Another process ramps: what this one has cached is refused by the statement itself."""
    start()
    patients.send(["p-1"])
    stale = arms.current()
    trial.watch()
    experiments.ramp("trial-1", BY)
    assert arms.current() == stale, "nobody tells a process; it finds out by itself"
    patients.send(names(20))
    assert sql("SELECT phase, count(*) FROM triage_triagerequest GROUP BY 1 ORDER BY 1") == [
        (1, 1),
        (2, 20),
    ]
    assert set(patients.arms().values()) == {"ml"}


def test_a_ramp_moves_nobody_back_and_a_rollback_moves_everybody(patients: Patients) -> None:
    start(Terms(shares=(0.2, 0.6, 1.0), minimum_days=0, minimum_pairs=0))
    everybody, before = names(150), set[str]()
    for share in (0.2, 0.6, 1.0):
        patients.send(everybody)
        now = {one for one, arm in patients.arms().items() if arm == "ml"}
        assert before <= now
        assert abs(len(now) / 150 - share) < 0.15
        before = now
        trial.watch()
        if share < 1:
            experiments.ramp("trial-1", BY)
    assert experiments.roll_back("trial-1", ("under_triage",))
    patients.send(everybody)
    assert set(patients.arms().values()) == {"rules"}


def test_red_flags_infants_and_pregnancy_are_never_randomised(patients: Patients, sql: Sql) -> None:
    start(Terms(shares=(1.0,)))
    patients.send(["p-1"], patient_age=1.5)
    patients.send(["p-2"], pregnant=True)
    patients.send(["p-3"], symptoms_data=CARDIAC_ARREST["symptoms_data"])
    assert sql("SELECT DISTINCT arm FROM triage_triagerequest") == [("excluded",)]


def test_one_trial_at_a_time_also_by_constraint(patients: Patients, sql: Sql) -> None:
    start()
    with pytest.raises(Refused, match="trial-1 is running"):
        start(name="trial-2")
    experiments.stop("trial-1", "rules", BY)
    with pytest.raises(Refused, match="was used before"):
        start()
    start(name="trial-2")
    with pytest.raises(IntegrityError), transaction.atomic():
        sql("UPDATE monitoring_experiment SET state = 'running'")
    with pytest.raises(IntegrityError), transaction.atomic():
        sql("UPDATE monitoring_phase SET current = TRUE")


@pytest.mark.parametrize("name", ["ml-vs-rules", "No Spaces", "", "a" * 51, "é"])
def test_a_name_that_would_mix_patients_or_is_none_is_refused(serving: None, name: str) -> None:
    with pytest.raises(Refused):
        start(name=name)


def test_without_a_serving_model_there_is_nothing_to_try(database: None) -> None:
    with pytest.raises(Refused, match="no model serves"):
        start()


# --- Looking -------------------------------------------------------------------------------------


def test_exposures_are_counted_once_and_the_first_arm_is_kept(patients: Patients, sql: Sql) -> None:
    start()
    patients.send([*names(60), *names(10)])
    patients.answer()
    assert exposures.collect("trial-1") == 0, "answers settle first"
    patients.settle()
    assert exposures.collect("trial-1") == 70
    assert exposures.collect("trial-1") == 0
    entered = exposures.patients("trial-1")[1]
    assert entered["ml"] + entered["rules"] == 60
    assert dict(sql("SELECT patient_reference, arm FROM monitoring_assignment")) == patients.arms()
    [(answers, fell)] = sql("SELECT ml_answers, ml_fallbacks FROM monitoring_phase")
    assert (answers, fell) == (
        sum(a == "ml" for a in patients.arms().values()) + twice(patients),
        0,
    )
    # After the ramp a patient's first arm stays what it was.
    trial.watch()
    experiments.ramp("trial-1", BY)
    patients.send(names(60))
    patients.answer()
    patients.settle()
    trial.watch()
    assert exposures.patients("trial-1") == {1: entered}


def twice(patients: Patients) -> int:
    """Of the ten patients who came twice, those in the model's arm."""
    from backend import encryption

    found = patients.arms()
    mine = [encryption.pseudonym(patients._client_id, one) for one in names(10)]
    return sum(found[one] == "ml" for one in mine)


def test_both_arms_make_pairs_and_a_patient_counts_once(patients: Patients, sql: Sql) -> None:
    start()
    patients.send([*names(40), *names(15)])
    patients.answer(Level.URGENT)
    assert rules_level(sql) < Level.URGENT
    patients.label(Level.URGENT)
    seen = trial.watch()["seen"]["pairs"]
    assert (seen["n"], seen["model_right"], seen["rules_right"]) == (40, 40, 0)
    assert (seen["model_right_only"], seen["rules_under_only"], seen["model_under_only"]) == (
        40,
        40,
        0,
    )
    assert trial.watch()["outcome"] == "better"
    # The newest label counts.
    sql("UPDATE triage_clinicianlabel SET created_at = created_at - interval '1 second'")
    sql(
        "INSERT INTO triage_clinicianlabel (request_id, key_id, level)"
        " SELECT request_id, key_id, 0 FROM triage_clinicianlabel"
    )
    sql("UPDATE monitoring_experiment SET started_at = started_at - interval '1 minute'")
    assert trial.watch()["seen"]["pairs"]["model_right"] == 0


def test_only_blind_labels_count_unless_the_plan_says_otherwise(patients: Patients) -> None:
    start(AT_ONCE.model_copy(update={"labels": "blind"}))
    patients.send(names(5))
    patients.answer()
    patients.label(Level.SOON)
    assert trial.watch()["seen"]["pairs"]["n"] == 0
    patients.send(names(3, "q"))
    patients.answer()
    patients.label(Level.SOON, blind=True)
    assert trial.watch()["seen"]["pairs"]["n"] == 3


def test_what_another_model_said_makes_no_pair(patients: Patients) -> None:
    start()
    patients.send(names(5))
    patients.answer(digest=OTHER)
    patients.label(Level.SOON)
    assert trial.watch()["seen"]["pairs"]["n"] == 0


def test_planted_harm_is_rolled_back_with_an_alarm(
    patients: Patients, sql: Sql, owner: Api
) -> None:
    """The model says soon where the rules are right to say more: it alone under-triages."""
    start()
    patients.send(names(40), vital_signs={"heart_rate_bpm": 125, "temperature_c": 39.4})
    level = rules_level(sql)
    assert level >= Level.SOON
    patients.answer(Level.ROUTINE)
    patients.label(level)
    found = trial.watch()
    if found["seen"]["pairs"]["model_under_only"] == 0:
        pytest.fail("the guard held every lowering back: plant another harm")
    assert (found["outcome"], found["reasons"]) == ("roll_back", ("under_triage",))
    record = experiments.find("trial-1")
    assert record is not None
    assert (record.state, record.outcome) == ("rolled_back", "rules")
    assert [phase.ml_share for phase in record.phases] == [0.5, 0.0]
    assert [one["kind"] for one in alerts.open_alerts()] == ["experiment_rolled_back"]
    patients.send(names(20, "after"))
    assert "ml" not in list(patients.arms().values())[-20:]
    assert sql("SELECT action FROM clients_auditevent ORDER BY id") == [
        ("experiment.start",),
        ("experiment.roll_back",),
    ]
    assert trial.watch() == {"running": False}


def test_too_many_fallbacks_roll_back(patients: Patients, sql: Sql) -> None:
    start(Terms(shares=(1.0,)))
    patients.send(names(40))
    ids = [row[0] for row in sql("SELECT id FROM triage_triagerequest")]
    assert lifecycle.answer_now(ids) == 40
    patients.settle()
    found = trial.watch()
    assert (found["seen"]["ml_answers"], found["seen"]["ml_fallbacks"]) == (40, 40)
    assert found["reasons"] == ("fallback",)


def test_arms_of_the_wrong_size_raise_an_alarm_and_block_the_ramp(
    patients: Patients, sql: Sql
) -> None:
    start()
    patients.send(names(60))
    sql("UPDATE triage_triagerequest SET arm = 'ml'")
    patients.answer()
    patients.settle()
    found = trial.watch()
    assert found["outcome"] == "continue"
    assert found["ramp_blocked_by"] == ("sample_ratio",)
    assert [one["kind"] for one in alerts.open_alerts()] == ["experiment_sample_ratio"]
    with pytest.raises(Refused, match="sample_ratio"):
        experiments.ramp("trial-1", BY)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            "UPDATE monitoring_experiment SET plan = jsonb_set(plan, '{fallback_limit}', '0.4')",
            "plan_changed",
        ),
        ("UPDATE monitoring_experiment SET plan = '{}'", "plan_changed"),
        ("UPDATE monitoring_experiment SET plan_hash = repeat('0', 64)", "plan_changed"),
        ("UPDATE monitoring_modelversion SET digest = repeat('b', 64)", "model_changed"),
        ("UPDATE monitoring_modelversion SET stage = 'retired'", "model_changed"),
    ],
)
def test_a_plan_that_does_not_hold_any_more_ends_the_trial(
    patients: Patients, sql: Sql, change: str, reason: str
) -> None:
    start()
    trial.watch()
    sql(change)
    with pytest.raises(Refused, match=reason):
        experiments.ramp("trial-1", BY)
    assert trial.watch()["reasons"] == [reason]
    assert experiments.running() is None


def test_another_salt_ends_the_trial(patients: Patients, settings: Any) -> None:
    start()
    settings.EXPERIMENT_SALT = "x" * 40
    assert trial.watch()["reasons"] == ["draw_changed"]


# --- Ramps ---------------------------------------------------------------------------------------


def test_a_ramp_rests_on_a_fresh_look_at_this_phase(patients: Patients, sql: Sql) -> None:
    start(Terms(shares=(0.1, 0.5, 1.0), minimum_days=0, minimum_pairs=0))
    with pytest.raises(Refused, match="older than an hour"):
        experiments.ramp("trial-1", BY)
    trial.watch()
    sql("UPDATE monitoring_experiment SET looked_at = now() - interval '61 minutes'")
    with pytest.raises(Refused, match="older than an hour"):
        experiments.ramp("trial-1", BY)
    trial.watch()
    assert experiments.ramp("trial-1", BY).phases[-1].ml_share == 0.5
    with pytest.raises(Refused, match="not been looked at"):
        experiments.ramp("trial-1", BY)
    trial.watch()
    experiments.ramp("trial-1", BY)
    trial.watch()
    with pytest.raises(Refused, match="last_phase"):
        experiments.ramp("trial-1", BY)


def test_a_ramp_waits_for_the_plans_minima(patients: Patients, sql: Sql) -> None:
    start(Terms(shares=(0.5, 1.0), minimum_days=2, minimum_pairs=3, labels="all"))
    assert trial.watch()["ramp_blocked_by"] == ("too_few_pairs", "too_short")
    patients.send(names(3))
    patients.answer()
    patients.label(Level.SOON)
    assert trial.watch()["ramp_blocked_by"] == ("too_short",)
    sql("UPDATE monitoring_phase SET opened_at = now() - interval '49 hours'")
    assert trial.watch()["ramp_blocked_by"] == ()


@pytest.mark.parametrize(("outcome", "arm"), [("ml", "ml"), ("rules", "rules")])
def test_after_the_end_everybody_meets_what_was_decided(
    patients: Patients, outcome: Any, arm: str
) -> None:
    start()
    experiments.stop("trial-1", outcome, BY)
    patients.send(names(10))
    assert set(patients.arms().values()) == {arm}
    with pytest.raises(Refused, match="running"):
        experiments.stop("trial-1", outcome, BY)
