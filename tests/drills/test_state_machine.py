"""Promises 1 to 8 under every order of events, and the proof that each guard is needed."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import Error, IntegrityError
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from backend.triage import lifecycle, queries, statements
from backend.triage.values import Submission
from ml.schema import Level
from tests.drills.machine import CASES, TriageMachine, finished_row

Sql = Callable[..., list[Any]]

PROFILE = settings(
    deadline=None,
    database=None,
    derandomize=True,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
    stateful_step_count=40,
)


@pytest.fixture(autouse=True)
def quiet(owner_id: int, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """No hint leaves this process: a ring is worth nothing here. The share is set per request."""
    monkeypatch.setattr(lifecycle.doorbell, "ring", lambda ids: None)
    settings.EXPERIMENT_ML_SHARE = 1.0


def run(examples: int, steps: int = 40) -> None:
    run_state_machine_as_test(
        TriageMachine,
        settings=settings(
            PROFILE,
            max_examples=examples,
            stateful_step_count=steps,
            phases=(Phase.generate,),
        ),
    )


def test_the_promises_hold_in_every_order_of_events() -> None:
    run(60)


@pytest.mark.slow
def test_the_promises_hold_in_many_orders_of_events() -> None:
    run(400, 60)


def test_a_second_first_answer_is_refused_by_the_table(owner_id: int, sql: Sql) -> None:
    lifecycle.submit(owner_id, [Submission(CASES["flag"])])
    columns = statements._ANSWER_COLUMNS
    for sequence in (1, 3):
        with pytest.raises(IntegrityError):
            sql(
                f"INSERT INTO triage_triageanswer (request_id, sequence, {columns})"
                f" SELECT request_id, {sequence}, {columns} FROM triage_triageanswer"
            )


def cut(name: str, guard: str, instead: str = "") -> Callable[[pytest.MonkeyPatch], None]:
    """Removes one guard from a statement."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        text: str = getattr(statements, name)
        assert guard in text, "the guard has moved: mend this test"
        monkeypatch.setattr(statements, name, text.replace(guard, instead))

    return patch


def no_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "abandon_exhausted", lambda: 0)


def no_deadline_on_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries.lifecycle, "enforce_deadlines", lambda ids=None: 0)


MUTANTS = {
    "token": cut("FINISH", " AND held.token = %(token)s"),
    "lease": cut("FINISH", "\n            AND held.due_at > clock_timestamp()"),
    "claim_waits_for_the_lease": cut("CLAIM_LOST", " AND due_at + '0 s' <= now()"),
    "attempt_cap": cut("CLAIM_LOST", " AND attempt + 0 < %(attempts)s"),
    "idempotency": cut("ACCEPT", "ON CONFLICT (client_id, idempotency_key) DO NOTHING\n    ", ""),
    "upward_only": cut("FINISH", " AND level > rules_level", " AND level <> rules_level"),
    "one_log_per_predictor": cut("FINISH", "    ON CONFLICT (request_id, digest) DO NOTHING"),
    "cancel_open_only": cut("CANCEL", " AND answer = 'open'"),
    "keeper_ends_exhausted": no_sweep,
    "deadline_on_read": no_deadline_on_read,
}


@pytest.mark.slow
@pytest.mark.parametrize("guard", sorted(MUTANTS))
def test_without_a_guard_the_machine_finds_the_fault(
    guard: str, owner_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    MUTANTS[guard](monkeypatch)
    with pytest.raises((AssertionError, Error, ExceptionGroup)):
        hunt(owner_id)


def hunt(owner_id: int) -> None:
    run(200)
    a_late_model_says_less(owner_id)


def a_late_model_says_less(owner_id: int) -> None:
    """An order that chance seldom makes: answered by the rules, then a model below them."""
    request_id = lifecycle.submit(owner_id, [Submission(CASES["pain"])])[0].id
    token, rows, _ = lifecycle.claim(1)
    lifecycle.answer_now([request_id])
    late = finished_row(rows[0], Level.SOON, "a" * 64)
    assert late.decision.level < rows[0].rules.level, "the rules must leave it room to say less"
    assert lifecycle.finish(token, [late]).amended == 0, "an answer is never lowered"


def test_a_late_model_that_says_less_changes_nothing(owner_id: int) -> None:
    a_late_model_says_less(owner_id)


@pytest.mark.slow
@pytest.mark.parametrize("constraint", ["one_answer_per_sequence", "one_amendment_at_most"])
def test_without_the_constraint_a_second_answer_is_stored(
    constraint: str, owner_id: int, sql: Sql
) -> None:
    """The constraint is the last guard; without it `test_a_second_first_answer…` fails."""
    definition = sql(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", constraint
    )
    sql(f"ALTER TABLE triage_triageanswer DROP CONSTRAINT {constraint}")
    try:
        with pytest.raises(pytest.fail.Exception):
            test_a_second_first_answer_is_refused_by_the_table(owner_id, sql)
    finally:
        sql("TRUNCATE triage_triageanswer")
        sql(f"ALTER TABLE triage_triageanswer ADD CONSTRAINT {constraint} {definition[0][0]}")
