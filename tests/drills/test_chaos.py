"""Scenario 4: every kind of process dies at random; deployments; and the oracle itself."""

import random
from pathlib import Path

import pytest

from tests.drills import chaos
from tests.drills.drill import drill
from tests.drills.harness import System
from tests.drills.load import Load
from tests.drills.oracle import judge
from tests.eventually import eventually


def test_random_kills_lose_and_double_nothing(system: System, tmp_path: Path) -> None:
    chaos.random_kills(system, tmp_path, seed=40, faults=12).check()


@pytest.mark.slow
def test_many_random_kills_lose_and_double_nothing(system: System, tmp_path: Path) -> None:
    chaos.random_kills(system, tmp_path, seed=41, faults=60).check()


@pytest.mark.slow
def test_rolling_restarts_are_noticed_by_nobody(system: System, tmp_path: Path) -> None:
    chaos.rolling_restarts(system, tmp_path, seed=42, rounds=2).check()


LIES = {
    "lost": "DELETE FROM triage_triagerequest WHERE id = %s",
    "never answered": "UPDATE triage_triagerequest SET answer = 'open', claim_rank = 1,"
    " work = 'due', attempt = 0 WHERE id = %s",
    "lowered": "UPDATE triage_triageanswer SET level = 0 WHERE level = 3 OR request_id = %s",
    "another confidence": "UPDATE triage_triageanswer SET confidence = confidence - 1e-6"
    " WHERE model_digest <> '' OR request_id = %s",
    "served by nobody": "UPDATE triage_predictionlog SET served = FALSE WHERE request_id = %s",
    "invented": "UPDATE triage_triagerequest SET idempotency_key = 'invented' WHERE id = %s",
}


def test_the_oracle_sees_every_kind_of_fault(system: System, tmp_path: Path) -> None:
    """An oracle that never objects would prove nothing: each lie is told and found."""

    def nothing(system: System, chance: random.Random, load: Load) -> int:
        eventually(lambda: len(load.posted) >= 60, 30, what="submissions")
        return 0

    drilled = drill(system, tmp_path, "nothing", nothing, seed=43)
    drilled.check()
    assert drilled.verdict.recomputed > 0
    path = tmp_path / "nothing-43.jsonl"
    for name, lie in LIES.items():
        with system.connect() as session:
            # Judged inside a transaction that is rolled back.
            one = session.execute("SELECT id FROM triage_triagerequest ORDER BY id LIMIT 1")
            request_id = one.fetchall()[0][0]
            if name == "lost":
                for table in ("triageanswer", "predictionlog", "triagepayload"):
                    session.execute(
                        f"DELETE FROM triage_{table} WHERE request_id = %s", [request_id]
                    )
            session.execute(lie, [request_id])
            verdict = judge(system, [path], session)
            session.rollback()
        assert verdict.wrong, f"not seen: {name}"
    assert not judge(system, [path]).wrong
