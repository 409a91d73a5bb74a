"""How web and workers meet: names, routes, limits, and a doorbell that never blocks."""

import time
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery

from backend.celery import app
from backend.triage import queue
from backend.triage.queue import (
    CHECK_ACCURACY,
    MODEL_ORDERS,
    PULSE,
    REPLAY,
    RETRAIN,
    SAMPLE_REVIEWS,
    TRIAGE_PREDICT,
    Doorbell,
)


def test_every_name_is_registered_in_the_worker() -> None:
    import workers.tasks.models
    import workers.tasks.monitoring
    import workers.tasks.review
    import workers.tasks.training
    import workers.tasks.triage  # noqa: F401

    app.finalize()
    names = {TRIAGE_PREDICT, CHECK_ACCURACY, PULSE, SAMPLE_REVIEWS, MODEL_ORDERS, REPLAY, RETRAIN}
    assert names <= set(app.tasks)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (TRIAGE_PREDICT, "triage"),
        (CHECK_ACCURACY, "background"),
        (PULSE, "background"),
        (REPLAY, "background"),
        (RETRAIN, "background"),
        (SAMPLE_REVIEWS, "background"),
        (MODEL_ORDERS, "background"),
    ],
)
def test_a_patient_never_waits_behind_a_report(name: str, expected: str) -> None:
    assert app.amqp.router.route({}, name)["queue"].name == expected


def test_the_settings_that_protect_patients_are_set() -> None:
    conf = app.conf
    assert conf.accept_content == ["json"]
    assert conf.task_ignore_result is True
    assert conf.result_backend is None
    assert conf.task_acks_late is True
    assert conf.task_reject_on_worker_lost is False
    assert conf.worker_prefetch_multiplier == 1
    assert conf.task_soft_time_limit is None
    assert conf.worker_proc_alive_timeout >= 60
    assert conf.broker_transport_options["socket_timeout"] <= 5


class Recorder:
    """A stand-in for the broker's client: records hints, or is as slow or broken as told."""

    def __init__(self, seconds: float = 0, broken: bool = False, depth: int = 0) -> None:
        self.sent: list[list[str]] = []
        self.seconds, self.broken, self.depth = seconds, broken, depth

    def publish(self, _doorbell: Doorbell, ids: list[str]) -> None:
        if self.broken:
            raise ConnectionError
        time.sleep(self.seconds)
        self.sent.append(ids)


def doorbell(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> Doorbell:
    monkeypatch.setattr(
        Doorbell, "_publish", lambda self, ids: recorder.publish(self, ids), raising=True
    )
    return Doorbell(Celery("test"))


def test_ringing_returns_at_once_and_a_burst_becomes_few_hints(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder = Recorder(seconds=0.1)
    bell = doorbell(recorder, monkeypatch)
    for _ in range(500):
        bell.ring([uuid4()])
    assert len(recorder.sent) <= 2, "500 rings did not wait for the broker"
    time.sleep(0.5)
    assert 1 <= len(recorder.sent) <= 4
    assert all(len(ids) <= queue.IDS_PER_HINT for ids in recorder.sent)


def test_a_broken_broker_costs_the_caller_nothing_and_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queue, "PAUSE_SECONDS", 0.05)
    recorder = Recorder(broken=True)
    bell = doorbell(recorder, monkeypatch)
    bell.ring([uuid4()])
    time.sleep(0.2)
    assert bell.failures == 1
    recorder.broken = False
    bell.ring([uuid4()])
    time.sleep(0.2)
    assert len(recorder.sent) == 1


def test_a_message_holds_ids_only(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []

    class Fake(Celery):  # type: ignore[misc]
        def send_task(self, name: str, args: Any = None, **options: Any) -> None:
            sent.append((name, args, sorted(options)))

    bell = Doorbell(Fake("test"))
    monkeypatch.setattr(bell, "_connected", lambda: None)
    one = uuid4()
    bell._publish([str(one)])
    assert sent == [
        (TRIAGE_PREDICT, [[str(one)]], ["ignore_result", "producer", "retry"]),
    ]
