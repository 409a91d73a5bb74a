"""Alarms about what should be alive: raised by the keeper, which needs PostgreSQL only.

Nothing here asks a process whether it lives: a worker's main process says yes for children that
have stopped. What counts is a row that a process wrote itself, and a canary that came through.
"""

import datetime as dt
import math
import time
from typing import Final

from backend.monitoring import alerts, presence, reports
from backend.triage import canary

SILENT_PROCESS: Final = "silent_process"
CANARY_FAILED: Final = "canary_failed"
CHECK_MISSED: Final = "accuracy_check_missing"
# How often it is asked whether the daily check was made: nothing hangs on a minute.
_CHECK_SECONDS: Final = 60.0


class Liveness:
    """One keeper's view. An alarm is written when its cause comes or goes, not at every look."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], bool] = {}
        self._asked = -math.inf

    def check(self) -> None:
        silent = presence.silent()
        for kind in presence.WATCHED_KINDS:
            count = sum(one["kind"] == kind for one in silent)
            text = f"{count} of the {kind} processes said nothing for {presence.SILENT_SECONDS} s."
            self._say(SILENT_PROCESS, kind, bad=bool(count), text=text)
        last = canary.last()
        text = f"The last synthetic request was not answered by a model in time ({last.state})."
        self._say(CANARY_FAILED, "triage", bad=not last.ok, text=text)

        if time.monotonic() - self._asked >= _CHECK_SECONDS:
            self._asked = time.monotonic()
            self.check_reports()

    def check_reports(self, as_of: dt.datetime | None = None) -> None:
        """The dead man's handle of the daily check: beat, broker or worker may be what is broken,
        so the alarm needs none of them. `as_of` defaults to PostgreSQL's clock."""
        missed = reports.missed_check(as_of)
        text = f"There is no accuracy report for {missed}, and it is past 02:00 UTC."
        self._say(CHECK_MISSED, "accuracy", bad=missed is not None, text=text)

    def _say(self, kind: str, subject: str, *, bad: bool, text: str) -> None:
        if self._known.get((kind, subject)) == bad:
            return
        if bad:
            alerts.raise_alert(kind, subject, text)
        else:
            alerts.resolve(kind, subject)
        self._known[kind, subject] = bad
