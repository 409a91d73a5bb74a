"""A worker that is asked to end ends soon, whatever its child is doing just then."""

import os
import signal
import time

from backend.celery import app
from backend.triage.queue import TRIAGE_PREDICT, TRIAGE_QUEUE
from tests.drills.harness import family
from tests.eventually import eventually
from tests.integration.processes import Processes

# Less than the grace of a triage worker, after which it would be killed.
ENDS_WITHIN = 15.0


def test_a_worker_told_to_end_while_a_hint_is_on_its_way_to_a_child_ends_soon(
    processes: Processes,
) -> None:
    """The main process forgets a task that no child has acknowledged yet; the child does it all
    the same, and would wait half a minute for its last word to be read."""
    worker = processes.worker()
    app.send_task(TRIAGE_PREDICT, args=[[]], retry=False)
    log = processes.log_of(worker)
    eventually(lambda: "succeeded" in log.read_text(), 60, what="the child works")
    child = family(worker.pid)[1]
    os.kill(child, signal.SIGSTOP)
    app.send_task(TRIAGE_PREDICT, args=[[]], retry=False)
    with app.connection_for_write() as connection:
        queue = app.amqp.queues[TRIAGE_QUEUE](connection.default_channel)
        eventually(
            lambda: queue.queue_declare(passive=False).message_count == 0, what="it is fetched"
        )
    eventually(lambda: log.read_text().count(" received") == 2, what="it is taken")
    time.sleep(0.3)  # and written to the child, which nothing shows
    worker.terminate()
    eventually(lambda: "Warm shutdown" in log.read_text(), what="it is told to end")
    time.sleep(0.5)  # and forgets the task
    os.kill(child, signal.SIGCONT)
    began = time.monotonic()
    worker.wait(60)
    assert time.monotonic() - began < ENDS_WITHIN
    assert worker.returncode == 0
