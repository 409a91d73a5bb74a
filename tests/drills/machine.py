"""The lifecycle as a Hypothesis state machine against real PostgreSQL.

Rules are what people, workers, keepers and faults do, in any order; a crash is a claim that is
never finished, a freeze one that is finished late, a lost ring a claim that does not come. After
every rule the promises are read out of the tables; at the end the work must come to its end.
"""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
)

from backend.clients import keys
from backend.clients.models import ApiKey
from backend.triage import labels, lifecycle, queries
from backend.triage.labels import Given
from backend.triage.values import Author, Claimed, Finished, KeyReused, Submission
from ml.case import parse_case
from ml.decision import NoPrediction, decide
from ml.prediction import Prediction
from ml.rules import engine
from ml.schema import Level
from tests.drills.conftest import clear
from tests.drills.machine_rows import Known, Row, read_rows

SORE_THROAT = {
    "patient_id": "p-1",
    "symptoms_data": {"chief_complaint": "sore throat for two days, can eat and drink"},
    "patient_age": 34,
}
NOT_BREATHING = {
    "patient_id": "p-2",
    "symptoms_data": {"chief_complaint": "he is not breathing and has no pulse"},
    "patient_age": 61,
}
# Urgent by the rules, with no floor: a model may say less.
PAIN = SORE_THROAT | {"symptoms_data": {"chief_complaint": "severe abdominal pain since yesterday"}}
INFANT = SORE_THROAT | {"patient_age": 0.5}
CASES = {name: parse_case(body) for name, body in [
    ("plain", SORE_THROAT), ("pain", PAIN), ("flag", NOT_BREATHING), ("excluded", INFANT),
]}  # fmt: skip
RULES = {name: engine.assess(case) for name, case in CASES.items()}
DIGESTS = ("a" * 64, "b" * 64)
OPINIONS = st.sampled_from([*Level, "prediction_failed", "no_model"])


class TriageMachine(RuleBasedStateMachine):
    requests: Any = Bundle("requests")
    held: Any = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[UUID, Known] = {}
        self.client_id = keys.create_client("drill")
        self.key_id = ApiKey.objects.get_or_create(
            prefix="machine", defaults={"client_id": self.client_id, "digest": "0", "name": "m"}
        )[0].pk
        clear()

    # --- people --------------------------------------------------------------------------------

    @rule(
        target=requests,
        case=st.sampled_from(sorted(CASES)),
        share=st.sampled_from([0.0, 1.0]),
        keyed=st.booleans(),
    )
    def accept(self, case: str, share: float, keyed: bool) -> UUID:
        settings.EXPERIMENT_ML_SHARE = share
        key = f"key-{len(self.known)}" if keyed else None
        accepted = lifecycle.submit(self.client_id, [Submission(CASES[case], key)])[0]
        assert accepted.created
        assert accepted.id not in self.known
        self.known[accepted.id] = Known(case, key)
        return accepted.id

    @rule(request=requests)
    def send_again(self, request: UUID) -> None:
        known = self.known[request]
        if known.key is None:
            return
        again = lifecycle.submit(self.client_id, [Submission(CASES[known.case], known.key)])[0]
        assert (again.id, again.created) == (request, False), "same key, same body: same id"
        other = next(name for name in CASES if name != known.case)
        try:
            lifecycle.submit(self.client_id, [Submission(CASES[other], known.key)])
        except KeyReused:
            return
        raise AssertionError("another body under the same key was accepted")

    @rule(request=requests)
    def read(self, request: UUID) -> None:
        found = queries.get(self.client_id, request)
        assert found is not None, "an accepted request is there"
        known = self.known[request]
        if known.overdue or known.answers:
            assert found.done, "from the deadline on every read has an answer"
        assert found.done or found.provisional is not None, "nobody is ever without an answer"
        if known.cancelled:
            assert found.answer is None

    @rule(request=requests)
    def cancel(self, request: UUID) -> None:
        known = self.known[request]
        could = lifecycle.cancel(self.client_id, request)
        assert could == (not known.answers and not known.cancelled)
        known.cancelled |= could

    @rule(request=requests, level=st.sampled_from(list(Level)))
    def label(self, request: UUID, level: Level) -> None:
        assert labels.give(self.client_id, Author(key_id=self.key_id), request, Given(level))

    # --- workers -------------------------------------------------------------------------------

    @rule(target=held, limit=st.integers(1, 3), retry=st.booleans())
    def claim(self, limit: int, retry: bool) -> Any:
        token, rows, _ = lifecycle.claim_lost() if retry else lifecycle.claim(limit)
        for row in rows:
            known = self.known[row.id]
            assert known.owner is None, "two workers hold one row"
            known.owner = token
            known.claims += 1
            assert known.claims <= settings.MAX_ATTEMPTS, "one input costs at most 3 attempts"
        return (token, rows) if rows else multiple()

    @rule(
        batch=held,
        opinions=st.lists(OPINIONS, min_size=3, max_size=3),
        digest=st.sampled_from(DIGESTS),
    )
    def finish(self, batch: Any, opinions: list[Any], digest: str) -> None:
        token, rows = batch
        before = read_rows()
        mine = [row for row in rows if self.known[row.id].owner == token]
        finished = [finished_row(row, opinions[n], digest) for n, row in enumerate(rows)]
        counts = lifecycle.finish(token, finished)
        assert counts.stale == len(rows) - len(mine), "only who holds the lease may write"
        for row in mine:
            self.known[row.id].owner = None
        after = read_rows()
        touched = {row.id for row in mine}
        for request, row in before.items():
            assert request in touched or after[request] == row, "a stale worker changed a row"

    # --- faults --------------------------------------------------------------------------------

    @rule(batch=held, opinions=st.lists(OPINIONS, min_size=3, max_size=3), again=st.booleans())
    def a_frozen_worker_wakes(self, batch: Any, opinions: list[Any], again: bool) -> None:
        """Its lease passes, another may take its rows, then it writes what it had."""
        self.leases_pass()
        if again:
            self.claim(1, True)
        self.finish(batch, opinions, DIGESTS[0])

    @rule(target=held, opinions=st.lists(OPINIONS, min_size=3, max_size=3))
    def a_model_is_late(self, opinions: list[Any]) -> Any:
        """The deadline answers what a worker holds; then the model speaks."""
        token, rows, _ = lifecycle.claim(3)
        for row in rows:
            self.known[row.id].owner = token
            self.known[row.id].claims += 1
            self.deadline_passes(row.id)
            self.read(row.id)
        self.promises()
        if rows:
            self.finish((token, rows), opinions, DIGESTS[0])
        return (token, rows) if rows else multiple()

    @rule()
    def leases_pass(self) -> None:
        """Every worker that holds something has died or been frozen."""
        _execute(
            "UPDATE triage_triagerequest SET due_at = clock_timestamp() - interval '1 ms'"
            " WHERE work = 'leased'"
        )
        for known in self.known.values():
            known.owner = None

    @rule(times=st.integers(1, 4))
    def an_input_kills_its_worker(self, times: int) -> None:
        """Claimed and lost again and again, with no keeper in between."""
        for _ in range(times):
            self.claim(1, True)
            self.claim(1, False)
            self.leases_pass()

    @rule(request=requests)
    def deadline_passes(self, request: UUID) -> None:
        _execute(
            "UPDATE triage_triagerequest SET deadline_at = clock_timestamp() - interval '1 ms'"
            " WHERE id = %s",
            request,
        )
        self.known[request].overdue = True

    # --- keepers -------------------------------------------------------------------------------

    @rule()
    def sweep(self) -> None:
        lifecycle.enforce_deadlines()
        lifecycle.abandon_exhausted()
        for request, row in read_rows().items():
            known = self.known[request]
            assert not (row.answer == "open" and known.overdue), "the keeper answers overdue rows"
            exhausted = known.claims >= settings.MAX_ATTEMPTS and known.owner is None
            assert not (exhausted and row.work in ("due", "leased")), "exhausted work ends"

    # --- promises ------------------------------------------------------------------------------

    @invariant()
    def promises(self) -> None:
        tables = read_rows()
        assert set(tables) == set(self.known), "no accepted request is lost, none is invented"
        for request, row in tables.items():
            self._one(self.known[request], row)

    def _one(self, known: Known, row: Row) -> None:
        floor, flag = RULES[known.case].floor, RULES[known.case].red_flag
        assert row.payloads == 1
        assert 0 <= row.attempt <= settings.MAX_ATTEMPTS
        assert (row.answer == "cancelled") == known.cancelled
        assert (row.answer == "answered") == bool(row.answers)
        assert row.answer_rows == len(row.answers) <= 2
        assert [one[0] for one in row.answers] == list(range(1, len(row.answers) + 1))
        assert row.answers[: len(known.answers)] == known.answers, "an answer changed"
        known.answers = row.answers
        for _, level, *_ in row.answers:
            assert level >= floor, "nothing undercuts the floor"
            assert not flag or level == Level.EMERGENCY, "nothing undercuts a red flag"
        if len(row.answers) == 2:
            assert row.answers[1][1] > row.answers[0][1], "amended upward only"
            assert row.arm != "rules", "never in the rules arm"
        served = [predictor for _, predictor, was_served in row.logs if was_served]
        assert served == ([row.answers[0][2]] if row.answers else []), "the served log is marked"
        digests = [digest for digest, *_ in row.logs]
        assert len(digests) == len(set(digests)) == row.log_rows, "one log per predictor"
        if row.work == "done":
            assert "rules" in {predictor for _, predictor, _ in row.logs}

    def teardown(self) -> None:
        """All faults are over: within the attempts that are left everything ends."""
        for _ in range(settings.MAX_ATTEMPTS + 1):
            self.leases_pass()
            self.sweep()
            for retry in (False, True):
                while rows := self._claimed(retry):
                    self.finish(rows, [Level.SOON] * 3, DIGESTS[0])
        self.leases_pass()
        self.sweep()
        self.promises()
        for request, row in read_rows().items():
            assert row.work in ("done", "abandoned"), "all work ends"
            assert row.answer != "open", "every accepted request is answered or cancelled"
            assert queries.get(self.client_id, request) is not None

    def _claimed(self, retry: bool) -> Any:
        found = self.claim(3, retry)
        return found if isinstance(found, tuple) else None


def finished_row(row: Claimed, opinion: Level | NoPrediction, digest: str) -> Finished:
    prediction: Prediction | NoPrediction
    prediction = _opinion(opinion) if isinstance(opinion, Level) else opinion
    model = prediction if isinstance(prediction, Prediction) else None
    decision = decide(row.rules, prediction, row.arm)
    return Finished(row.id, decision, row.rules, model, "v1", digest, 100)


def _opinion(level: Level) -> Prediction:
    p = tuple(0.85 if one == level else 0.05 for one in Level)
    return Prediction(level, (p[0], p[1], p[2], p[3]))


def _execute(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
