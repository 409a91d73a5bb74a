"""The seam between web and workers: the tasks' names, and the doorbell.

The doorbell tells workers that rows are due. PostgreSQL holds the queue; a ring is a hint, may be
lost or doubled, carries a few ids for people who watch Flower and nothing clinical. Ringing never
blocks and never fails: a thread of this process alone talks to Redis, many ids leave in one
message while an earlier one is under way, and none when enough hints are already queued.
"""

import os
import threading
import time
from collections import deque
from typing import Any, Final
from uuid import UUID

import structlog
from celery import Celery
from kombu.messaging import Producer

from backend import counters
from backend.celery import app
from backend.logs import failure

log = structlog.get_logger()

TRIAGE_PREDICT: Final = "triage.predict"
CHECK_ACCURACY: Final = "monitoring.check_accuracy"
CHECK_DRIFT: Final = "monitoring.check_drift"
PULSE: Final = "monitoring.pulse"
RETENTION: Final = "maintenance.retention"
SAMPLE_REVIEWS: Final = "review.sample"
WATCH_TRIAL: Final = "monitoring.watch_trial"
REPLAY: Final = "triage.replay"
MODEL_ORDERS: Final = "models.orders"
RETRAIN: Final = "triage.retrain"
TRIAGE_QUEUE: Final = "triage"

IDS_PER_HINT: Final = 8
# More waiting hints than this say nothing new to the workers' few children.
ENOUGH_HINTS: Final = 4
# After a failure hints are dropped this long; the keeper rings for what was missed.
PAUSE_SECONDS: Final = 2.0
# With so many waiting, what rings next is looked at together, a little later.
_ENOUGH_SECONDS: Final = 0.01

# Publishing gives up quickly: an unreachable broker must cost a thread a second, not minutes.
_PUBLISH_OPTIONS: Final = {
    "socket_timeout": 1,
    "socket_connect_timeout": 1,
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}


class Doorbell:
    """One publisher a process, started at the first ring (and again after a fork)."""

    def __init__(self, celery: Celery) -> None:
        self._celery = celery
        self._ids: deque[str] = deque(maxlen=IDS_PER_HINT)
        self._asked: deque[str] = deque(maxlen=IDS_PER_HINT)
        self._wake = threading.Event()
        self._start = threading.Lock()
        self._pid = 0
        self._producer: Producer | None = None
        self._may_wait = 0
        self.failures = 0

    def ring(self, ids: list[UUID]) -> None:
        """Say that these rows are due. Returns at once, whatever the broker does."""
        self._ids.extend(str(row) for row in ids[:IDS_PER_HINT])
        self._wake_up()

    def ask(self, task: str) -> None:
        """Have a background task run soon. A hint as well: beat rings for what is lost."""
        self._asked.append(task)
        self._wake_up()

    def _wake_up(self) -> None:
        if self._pid != os.getpid():
            self._run()
        self._wake.set()

    def _run(self) -> None:
        with self._start:
            if self._pid == os.getpid():
                return
            # What the parent of a fork had is not ours: neither its socket nor its event's lock.
            self._wake = threading.Event()
            self._producer = None
            threading.Thread(target=self._publish_for_ever, name="doorbell", daemon=True).start()
            self._pid = os.getpid()

    def _publish_for_ever(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            ids = [self._ids.popleft() for _ in range(len(self._ids))]
            try:
                self._publish(ids)
            except Exception as error:  # whatever the transport raises, the thread lives on
                self.failures += 1
                counters.hinted("failed")
                log.warning("doorbell.failed", count=self.failures, **failure(error))
                self._hang_up()
                time.sleep(PAUSE_SECONDS)

    def _publish(self, ids: list[str]) -> None:
        producer = self._connected()
        asked = [self._asked.popleft() for _ in range(len(self._asked))]
        for task in dict.fromkeys(asked):
            self._celery.send_task(task, producer=producer, retry=False, ignore_result=True)
        if asked and not ids:
            return
        # What the last look saw and what was sent since: of those no more can wait, and below the
        # limit nobody looks. At it the queue is asked, for they may long be taken.
        if self._may_wait >= ENOUGH_HINTS:
            self._may_wait = self._depth(producer)
        if self._may_wait >= ENOUGH_HINTS:
            counters.hinted("enough")
            time.sleep(_ENOUGH_SECONDS)
            return
        self._celery.send_task(
            TRIAGE_PREDICT, args=[ids], producer=producer, retry=False, ignore_result=True
        )
        self._may_wait += 1
        counters.hinted("sent")

    def _connected(self) -> Producer:
        """Kept with its channel: a new one for each hint costs more than the sending."""
        if self._producer is None:
            options: dict[str, Any] = self._celery.conf.broker_transport_options
            connection = self._celery.connection_for_write(
                connect_timeout=1, transport_options={**options, **_PUBLISH_OPTIONS}
            )
            connection.connect()
            self._producer = self._celery.amqp.Producer(connection, auto_declare=False)
        return self._producer

    def _depth(self, producer: Producer) -> int:
        """How many hints wait."""
        bound = self._celery.amqp.queues[TRIAGE_QUEUE](producer.channel)
        return int(bound.queue_declare(passive=False).message_count)

    def _hang_up(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                producer.connection.release()
            except Exception as error:  # a dead socket may fail to close as well
                log.debug("doorbell.hang_up_failed", **failure(error))


doorbell = Doorbell(app)


def broker_answers() -> bool:
    """Whether the broker can be reached within about a second."""
    try:
        with app.connection_for_write(
            connect_timeout=1,
            transport_options={**app.conf.broker_transport_options, **_PUBLISH_OPTIONS},
        ) as connection:
            connection.default_channel.queue_declare(TRIAGE_QUEUE, passive=False)
    except Exception as error:  # whatever the transport raises
        log.warning("broker.unreachable", **failure(error))
        return False
    return True
