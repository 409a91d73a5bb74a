"""A child that hears no doorbell looks by itself: patients' answers need PostgreSQL, not Redis.

After a failure of its connection a worker's main process waits 2 s, 4 s … up to 30 s before it
tries again, and blocks meanwhile; beside a broker that restarts every second it hardly consumes.
Hints are only hints, so a thread of each child asks once a second whether a row has waited so long
that its ring must be lost, and serves it. While hints come the child is busy or was lately, and
this costs nothing; with an idle queue it costs one indexed query a second and child.
"""

import faulthandler
import threading
from typing import Any, Final

import structlog
from celery import signals
from django.conf import settings
from django.db import Error, connection

from backend.logs import failure
from backend.triage import lifecycle
from workers import inference

log = structlog.get_logger()

LOOK_SECONDS: Final = 1.0
# A row that is due for so long was rung for in vain.
UNRUNG_SECONDS: Final = 1.0
_STANDARD_ERROR: Final = 2


def look() -> dict[str, int] | None:
    """Serve what nobody was rung for; None where there was nothing, or this child hears its
    doorbell. Raises the database's error, or `DrainFailed`."""
    if inference.bell.heard_within(UNRUNG_SECONDS):
        return None
    connection.close_if_unusable_or_obsolete()
    if not lifecycle.is_unrung(UNRUNG_SECONDS):
        return None
    # Celery's hard limit knows tasks only. This one needs no GIL: an input that holds it ends this
    # child, as it would in a task, and costs the row an attempt.
    faulthandler.dump_traceback_later(
        settings.TASK_HARD_LIMIT_SECONDS, exit=True, file=_STANDARD_ERROR
    )
    try:
        found = inference.drain()
    finally:
        faulthandler.cancel_dump_traceback_later()
    if found["claimed"]:
        log.warning("drain.unrung", claimed=found["claimed"], answered=found["answered"])
    return found


class Lookout:
    """The thread of one child."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="lookout", daemon=True)
        self._thread.start()

    def stop(self, **kwargs: Any) -> None:
        """The child ends in order: finish the batch at hand, so that no row waits for its lease."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(settings.TASK_HARD_LIMIT_SECONDS)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            try:
                look()
            except inference.DrainFailed:
                pass  # said where it failed
            except Error as error:
                log.warning("lookout.database_unavailable", **failure(error))
                connection.close()
            except Exception as error:  # whatever it is, the look-out goes on
                log.error("lookout.failed", **failure(error))
                connection.close()


def start() -> None:
    """Begin in a child; ends with it."""
    lookout = Lookout()
    signals.worker_process_shutdown.connect(lookout.stop, weak=False)
    lookout.start()
