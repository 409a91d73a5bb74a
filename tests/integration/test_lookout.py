"""A child that hears no doorbell finds its work by itself, and an input that hangs ends only it."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from backend.triage import lifecycle
from backend.triage.values import Submission
from ml.case import parse_case
from tests.eventually import eventually
from tests.integration.conftest import SORE_THROAT
from tests.integration.processes import Processes
from workers import inference, lookout

Sql = Callable[..., list[Any]]

# Counting in one C call holds the interpreter's lock: no other thread of Python can end it.
HANGS = """
import django; django.setup()
from workers import inference, lookout
from backend.triage import lifecycle
lifecycle.is_unrung = lambda seconds: True
inference.drain = lambda: sum(range(10**12))
lookout.look()
"""


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """This child has heard nothing so far."""
    monkeypatch.setattr(inference, "bell", inference.Bell())


def test_a_row_is_served_once_its_ring_must_be_lost(owner_id: int, sql: Sql, deaf: None) -> None:
    lifecycle.submit(owner_id, [Submission(parse_case(SORE_THROAT))])
    assert lookout.look() is None, "its ring may be under way"
    sql("UPDATE triage_triagerequest SET due_at = now() - interval '1.1 seconds'")
    found = lookout.look()
    assert found is not None
    assert (found["claimed"], found["answered"]) == (1, 1)
    assert sql("SELECT answer, work FROM triage_triagerequest") == [("answered", "done")]
    assert lookout.look() is None


def test_a_child_that_hears_its_doorbell_does_not_look(
    owner_id: int, sql: Sql, deaf: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    lifecycle.submit(owner_id, [Submission(parse_case(SORE_THROAT))])
    sql("UPDATE triage_triagerequest SET due_at = now() - interval '1 hour'")
    with inference.bell.rung():
        assert lookout.look() is None
    assert lookout.look() is None, "it heard one a moment ago"
    monkeypatch.setattr(lookout, "UNRUNG_SECONDS", 0.0)
    assert lookout.look() is not None


def test_rows_that_nobody_may_claim_do_not_wake_it(owner_id: int, sql: Sql, deaf: None) -> None:
    lifecycle.submit(owner_id, [Submission(parse_case(SORE_THROAT))])
    lifecycle.claim(1)
    sql("UPDATE triage_triagerequest SET attempt = 3, due_at = now() - interval '1 minute'")
    assert not lifecycle.is_unrung(1)


def test_an_input_that_hangs_ends_its_child_at_the_hard_limit(processes: Processes) -> None:
    started = time.monotonic()
    ended = processes.run("-c", HANGS)
    assert ended.returncode == 1
    assert "Timeout" in ended.stderr
    assert time.monotonic() - started < 20


def test_workers_answer_without_any_broker(processes: Processes, owner_key: str, sql: Sql) -> None:
    """From the start on, with a worker that never was connected: the model answers, in time."""
    processes.environment["REDIS_URL"] = "redis://127.0.0.1:1/0"
    arguments = ["-m", "celery", "-A", "workers.app", "worker", "-Q", "triage"]
    processes.start(*arguments, "--concurrency", "1", "--without-gossip", "--without-mingle")
    web = processes.web(owner_key)
    eventually(
        lambda: sql("SELECT state FROM monitoring_workerstate WHERE kind = 'triage'"),
        60,
        what="the child has its model",
    )
    for number in range(3):
        body = SORE_THROAT | {"patient_id": f"p-{number}"}
        sent = web.post("/api/v1/triage/", json=body, headers={"Prefer": "wait=10"})
        assert sent.status_code == 200
        assert sent.json()["answer"]["reason"] != "deadline"
        assert sent.json()["answer"]["model_version"]
