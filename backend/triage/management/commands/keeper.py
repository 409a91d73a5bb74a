"""The keeper: needs PostgreSQL only. Deadlines, used-up attempts, rings for what is due, canaries,
alarms about what is silent; beside them, webhook deliveries.

Run two if you like: every statement takes rows that the other leaves (SKIP LOCKED).
"""

import contextlib
import signal
import threading
import time
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import Error, connection

from backend import counters
from backend.clients import audit, lockout
from backend.logs import failure
from backend.monitoring import exporter, presence
from backend.monitoring.liveness import Liveness
from backend.triage import canary, lifecycle
from backend.triage.delivery import Deliverer

log = structlog.get_logger()

_REPORT_EVERY_SWEEPS = 5


class Command(BaseCommand):
    help = "Enforce deadlines, end exhausted work, ring for due rows; every 2 s, for ever."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        log.info("keeper.started")
        deliverer = Deliverer()
        deliverer.start()
        exporter.serve("keeper")
        sweeps = 0
        liveness = Liveness()
        # Not at once: workers may be starting beside us.
        first_canary = time.monotonic() + settings.CANARY_SECONDS
        while not stop.is_set():
            try:
                sweep(report=sweeps % _REPORT_EVERY_SWEEPS == 0)
                if time.monotonic() >= first_canary:
                    canary.send_if_due()
                while audit.seal():
                    pass
                liveness.check()
                counters.swept(ok=True)
            except Error as error:
                # The database is away: say so, and be here when it comes back.
                counters.swept(ok=False)
                log.error("keeper.database_unavailable", **failure(error))
                connection.close()
            sweeps += 1
            stop.wait(settings.SWEEP_SECONDS)
        deliverer.stop()
        with contextlib.suppress(Error):
            presence.leave("keeper")
        log.info("keeper.stopped")


def sweep(*, report: bool) -> None:
    """One round. The order matters: who is past the deadline is answered before anything else."""
    while lifecycle.enforce_deadlines():
        pass
    lifecycle.abandon_exhausted()
    counters.rung_again(lifecycle.ring_for_due())
    if report:
        presence.report("keeper", "ready")
        presence.forget_old()
        canary.delete_old()
        lockout.forget_old()
