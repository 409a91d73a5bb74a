"""Promises 2, 3, 4, 6, 7: the state machine against real PostgreSQL, one fault at a time."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from backend.triage import arrival, lifecycle, queries
from backend.triage.values import (
    Accepted,
    Claimed,
    FinishCounts,
    Finished,
    Offer,
    Submission,
)
from ml.case import parse_case
from ml.cohort import generate
from ml.decision import Decision, decide
from ml.prediction import Contribution, Prediction
from ml.rules.answer import RulesAnswer
from ml.schema import Level
from tests.eventually import eventually
from tests.integration.conftest import SORE_THROAT, how_many_wait

Sql = Callable[..., list[Any]]
DIGEST = "d" * 64


def submit(owner_id: int, **changes: Any) -> UUID:
    case = parse_case(SORE_THROAT | changes)
    return lifecycle.submit(owner_id, [Submission(case)])[0].id


def opinion(level: Level, confidence: float = 0.9) -> Prediction:
    rest = (1 - confidence) / 3
    p = tuple(confidence if one == level else rest for one in Level)
    return Prediction(level, (p[0], p[1], p[2], p[3]))


def finished(row: Claimed, level: Level, digest: str = DIGEST) -> Finished:
    prediction = opinion(level)
    decision: Decision = decide(row.rules, prediction, row.arm)
    return Finished(row.id, decision, row.rules, prediction, "v1", digest, 100)


def claim_one(*, retry: bool = False) -> tuple[UUID, Claimed]:
    token, rows, _ = lifecycle.claim_lost() if retry else lifecycle.claim(10)
    assert len(rows) == 1
    return token, rows[0]


@pytest.fixture
def in_ml_arm(settings: Any) -> None:
    settings.EXPERIMENT_ML_SHARE = 1.0


@pytest.fixture
def in_rules_arm(settings: Any) -> None:
    settings.EXPERIMENT_ML_SHARE = 0.0


def test_claim_and_finish_give_one_answer_and_both_logs(
    owner_id: int, in_ml_arm: None, sql: Sql
) -> None:
    request_id = submit(owner_id)
    token, row = claim_one()
    assert row.case is not None
    assert row.case.patient_id is None
    assert row.case.symptoms_data.chief_complaint == SORE_THROAT["symptoms_data"]["chief_complaint"]
    counts = lifecycle.finish(token, [finished(row, Level.SOON)])
    assert counts == (1, 0, 0, 0, 0)
    resource = queries.get(owner_id, request_id)
    assert resource is not None
    assert resource.answer is not None
    assert resource.answer.method == "ml"
    assert resource.answer.model_digest == DIGEST
    assert resource.answer.prediction == "soon"
    logs = sql("SELECT predictor, served, level FROM triage_predictionlog ORDER BY predictor")
    assert [log[:2] for log in logs] == [("model", True), ("rules", False)]
    left = sql("SELECT work, token, claim_rank, ended FROM triage_triagerequest")
    assert left == [("done", None, 0, 1)]
    # Finishing again, as a redelivered message would, changes nothing.
    assert lifecycle.finish(token, [finished(row, Level.EMERGENCY)]).stale == 1
    assert queries.get(owner_id, request_id) == resource


def test_a_claim_gives_the_very_case_and_a_finish_stores_the_whole_record(
    owner_id: int, sql: Sql
) -> None:
    """The fast ways of reading and writing against the slow and obvious ones."""
    cases = [record.case.model_copy(update={"patient_id": None}) for record in generate(60, seed=5)]
    accepted = lifecycle.submit(owner_id, [Submission(case) for case in cases])
    before = dict(zip([one.id for one in accepted], cases, strict=True))
    token, claimed, _ = lifecycle.claim(100)
    assert {row.id: row.case for row in claimed} == before
    assert all(row.rules == arrival.assess(before[row.id]) for row in claimed)
    why = (Contribution("age", -0.123456789), Contribution("text:pain", 1e-7))
    said = opinion(Level.SOON)._replace(imputed=("spo2_percent",), contributions=why)
    decided = [
        replace(finished(row, Level.SOON), prediction=said, decision=decide(row.rules, said, "ml"))
        for row in claimed
    ]
    lifecycle.finish(token, decided)
    rows = sql("SELECT request_id, to_jsonb(a)::text FROM triage_triageanswer AS a")
    stored = {row_id: json.loads(text) for row_id, text in rows}
    served = [one for one in decided if stored[one.id]["model_digest"] == DIGEST]
    assert len(served) > 40, "the others are red flags, answered when they were accepted"
    for one in served:
        whole = arrival.record(one.decision, one.rules, said, "v1", DIGEST)
        assert {name: stored[one.id][name] for name in whole} == whole
    levels = dict(
        sql("SELECT request_id, level FROM triage_predictionlog WHERE predictor = 'rules'")
    )
    assert levels == {row.id: int(decide(row.rules, "deadline", row.arm).level) for row in claimed}


def test_the_rules_arm_logs_the_models_opinion_and_serves_the_rules(
    owner_id: int, in_rules_arm: None, sql: Sql
) -> None:
    request_id = submit(owner_id)
    token, row = claim_one()
    lifecycle.finish(token, [finished(row, Level.EMERGENCY)])
    resource = queries.get(owner_id, request_id)
    assert resource is not None
    assert resource.answer is not None
    assert (resource.answer.method, resource.answer.ab_group) == ("rules", "rules")
    assert resource.answer.prediction != "emergency"
    logs = sql("SELECT predictor, served FROM triage_predictionlog ORDER BY predictor")
    assert logs == [("model", False), ("rules", True)]


def test_two_claims_never_share_a_row(owner_id: int) -> None:
    submit(owner_id)
    claim_one()
    assert lifecycle.claim(10)[1:] == ([], False)
    assert lifecycle.claim_lost().rows == []


def test_urgent_before_routine_and_open_before_answered(
    owner_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def assess(case: Any) -> RulesAnswer:
        level = Level(int(case.severity_score))
        return RulesAnswer(level, "gp", 0, False, Level.ROUTINE, False, "test-rules")

    monkeypatch.setattr("ml.rules.engine.assess", assess)
    ids = [submit(owner_id, severity_score=n) for n in (0, 2, 1, 2)]
    lifecycle.answer_now([ids[1]])
    order = []
    for _ in ids:
        rows = lifecycle.claim(1).rows
        order.append(rows[0].id)
    assert order == [ids[3], ids[2], ids[0], ids[1]]


def test_a_worker_whose_lease_has_passed_changes_nothing(owner_id: int, sql: Sql) -> None:
    request_id = submit(owner_id)
    token, row = claim_one()
    sql("UPDATE triage_triagerequest SET due_at = clock_timestamp()")
    assert lifecycle.finish(token, [finished(row, Level.EMERGENCY)]).stale == 1
    assert sql("SELECT answer, work FROM triage_triagerequest") == [("open", "leased")]
    assert sql("SELECT count(*) FROM triage_triageanswer") == [(0,)]
    # The next owner's token is another one; the first owner's stays worthless.
    new_token, again = claim_one(retry=True)
    assert new_token != token
    assert lifecycle.finish(token, [finished(row, Level.EMERGENCY)]).stale == 1
    assert lifecycle.finish(new_token, [finished(again, Level.SOON)]).answered == 1
    assert sql("SELECT count(*) FROM triage_triageanswer") == [(1,)]
    assert queries.get(owner_id, request_id) is not None


def test_a_late_model_may_raise_the_answer_once(owner_id: int, in_ml_arm: None, sql: Sql) -> None:
    request_id = submit(owner_id)
    token, row = claim_one()
    lifecycle.answer_now([request_id])
    first = queries.get(owner_id, request_id)
    counts = lifecycle.finish(token, [finished(row, Level.EMERGENCY)])
    assert (counts.answered, counts.kept, counts.amended) == (0, 1, 1)
    second = queries.get(owner_id, request_id)
    assert first is not None
    assert second is not None
    assert second.answer is not None
    assert second.answer.prediction == "emergency"
    assert second.answer.amended is True
    assert second.answer.needs_review is True
    assert queries.etag(first) != queries.etag(second)
    assert sql("SELECT sequence FROM triage_triageanswer ORDER BY sequence") == [(1,), (2,)]
    served = sql("SELECT predictor FROM triage_predictionlog WHERE served")
    assert served == [("rules",)]


def test_a_late_model_raises_an_answer_that_it_waited_for(owner_id: int, in_ml_arm: None) -> None:
    """The stored rules become the answer just while the worker commits: its statement does not see
    that answer, but is as late as any other."""
    request_id = submit(owner_id)
    token, row = claim_one()

    def finish() -> FinishCounts:
        try:
            return lifecycle.finish(token, [finished(row, Level.URGENT)])
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert lifecycle.answer_now([request_id]) == 1
            finishing = pool.submit(finish)
            eventually(how_many_wait, what="the worker's commit waits")
        assert finishing.result().amended == 1


def test_a_late_model_never_lowers(owner_id: int, in_ml_arm: None, sql: Sql) -> None:
    request_id = submit(owner_id)
    token, row = claim_one()
    lifecycle.answer_now([request_id])
    before = queries.get(owner_id, request_id)
    assert lifecycle.finish(token, [finished(row, Level.ROUTINE)]).amended == 0
    assert queries.get(owner_id, request_id) == before
    logs = sql("SELECT predictor, served FROM triage_predictionlog ORDER BY predictor")
    assert logs == [("model", False), ("rules", True)]


def test_the_rules_arm_is_never_amended(owner_id: int, in_rules_arm: None, sql: Sql) -> None:
    request_id = submit(owner_id)
    token, row = claim_one()
    assert row.arm == "rules"
    lifecycle.answer_now([request_id])
    late = finished(row, Level.EMERGENCY)
    forged = replace(late, decision=replace(late.decision, level=Level.EMERGENCY))
    assert lifecycle.finish(token, [forged]).amended == 0
    assert sql("SELECT count(*) FROM triage_triageanswer") == [(1,)]


def test_a_cancelled_request_gets_no_answer(owner_id: int, sql: Sql) -> None:
    request_id = submit(owner_id)
    token, row = claim_one()
    assert lifecycle.cancel(owner_id, request_id)
    counts = lifecycle.finish(token, [finished(row, Level.EMERGENCY)])
    assert (counts.answered, counts.amended) == (0, 0)
    assert sql("SELECT answer, work FROM triage_triagerequest") == [("cancelled", "done")]
    assert sql("SELECT count(*) FROM triage_triageanswer") == [(0,)]


def test_what_is_cancelled_before_its_claim_is_never_claimed(owner_id: int, sql: Sql) -> None:
    assert lifecycle.cancel(owner_id, submit(owner_id))
    assert lifecycle.claim(10).rows == []
    assert lifecycle.ring_for_due() == 0
    left = sql("SELECT answer, work, ended FROM triage_triagerequest")
    assert left == [("cancelled", "abandoned", 1)]


def test_an_unreadable_payload_is_answered_by_its_stored_rules(
    owner_id: int, in_ml_arm: None, sql: Sql
) -> None:
    """Promise 9's neighbour: bytes that do not open are never guessed at."""
    from workers import inference
    from workers.model_process import process

    request_id = submit(owner_id)
    sql("UPDATE triage_triagepayload SET sealed = sealed || '\\x00'")
    assert process.current is None
    assert inference.drain()["fallback"] == 1
    resource = queries.get(owner_id, request_id)
    assert resource is not None
    assert resource.answer is not None
    assert resource.answer.fallback is True
    kinds = sql("SELECT kind FROM monitoring_alert")
    assert kinds == [("payload_unreadable",)]


def test_a_strangers_cancel_changes_nothing(owner_id: int) -> None:
    request_id = submit(owner_id)
    assert not lifecycle.cancel(owner_id + 1, request_id)
    assert not lifecycle.cancel(owner_id, uuid4())


def test_ids_grow_with_time() -> None:
    ids = [arrival.new_id() for _ in range(50)]
    assert all(one.version == 7 for one in ids)
    assert [i.int >> 80 for i in ids] == sorted(i.int >> 80 for i in ids)
    assert len(set(ids)) == 50


def test_rules_that_raise_answer_urgent_and_call_a_person(
    owner_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(case: Any) -> RulesAnswer:
        raise RuntimeError("a value of the patient")

    monkeypatch.setattr("ml.rules.engine.assess", broken)
    resource = queries.get(owner_id, submit(owner_id))
    assert resource is not None
    assert resource.provisional is not None
    assert resource.provisional.prediction == "urgent"
    assert resource.provisional.needs_review is True


def test_the_batch_statement_is_one_statement(
    owner_id: int, django_assert_num_queries: Any
) -> None:
    """Whatever the number of rows: accept, claim and finish are one statement each."""
    cases = [Submission(parse_case(SORE_THROAT)) for _ in range(40)]
    with django_assert_num_queries(1):
        lifecycle.submit(owner_id, cases)
    with django_assert_num_queries(1):
        token, rows, _ = lifecycle.claim(100)
    with django_assert_num_queries(1):
        lifecycle.finish(token, [finished(row, Level.SOON) for row in rows])


def test_the_same_keys_in_another_order_do_not_wait_for_each_other(owner_id: int) -> None:
    """Two groups would hold what the other waits for, and with them everybody in them."""
    case = parse_case(SORE_THROAT)
    for number in range(10):
        keys = [f"{number}-{one}" for one in range(30)]
        together = Barrier(2)

        def store(keys: list[str], together: Barrier = together) -> list[Accepted | Exception]:
            offers = [Offer(owner_id, Submission(case, key), False) for key in keys]
            together.wait()
            try:
                return lifecycle.submit_each(offers)
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            one, other = pool.map(store, (keys, keys[::-1]))
        ids = [row.id for row in one if isinstance(row, Accepted)]
        assert ids == [row.id for row in other[::-1] if isinstance(row, Accepted)]
        assert len({*ids}) == len(keys)
