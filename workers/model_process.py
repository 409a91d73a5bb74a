"""The model of one child process: loaded once, proven, said aloud, swapped when `latest` moves.

Celery swallows what a `worker_process_init` handler raises and reports the child as ready, so the
state is explicit: `current()` is a proven bundle or None, and with None this child answers by
rules, `/statusz` shows `no_model` and an alarm is raised. The parent never imports the predictor:
a numeric library used before the fork can hang the child.
"""

import socket
import threading
import time
from typing import Final

import structlog
from django.db import Error, connection, connections

from backend.logs import failure
from backend.monitoring import alerts, presence
from ml import bundle
from ml.bundle import Bundle
from ml.errors import BundleRefused

log = structlog.get_logger()

WATCH_SECONDS: Final = 5.0
REPORT_SECONDS: Final = 15.0
ALERT_KIND: Final = "no_model"


class ModelProcess:
    """What this child serves. `current` is read between batches and replaced in one step."""

    def __init__(self) -> None:
        self.current: Bundle | None = None
        self.reason = "not_loaded"
        self._refused = ""
        self._said = ("", "")

    def load(self) -> None:
        """Load and prove `latest`. A refusal keeps what is served already, or leaves no model."""
        try:
            self.current = bundle.load_latest()
        except BundleRefused as refusal:
            self._refuse(refusal.reason)
        except Exception as error:  # anything else is a refusal too: never a dead or silent child
            log.error("model.load_failed", **failure(error))
            self._refuse("load_failed")
        else:
            self.reason, self._refused = "", ""
            log.info("model.loaded", model_version=self.current.version)

    def _refuse(self, reason: str) -> None:
        self.reason = reason
        log.error("model.refused", reason=reason, state=self.state)

    @property
    def state(self) -> str:
        return "no_model" if self.current is None else "ready"

    def is_outdated(self) -> bool:
        """`latest` names another version than the one served, or nothing is served yet."""
        try:
            latest = bundle.latest_version()
        except BundleRefused:
            return False
        return latest is not None and (self.current is None or latest != self.current.version)

    def report(self, *, answered: bool = False) -> None:
        """Write this child's state; the alarm follows a change of it."""
        served = self.current
        presence.report(
            "triage",
            self.state,
            reason=self.reason,
            model_version=served.version if served else "",
            model_digest=served.digest if served else "",
            answered=answered,
        )
        if self._said != (said := (self.state, self.reason)):
            subject = socket.gethostname()
            if self.reason:
                text = f"A triage worker refused the latest model ({self.reason}); it answers "
                text += "by rules." if served is None else f"with {served.version}."
                alerts.raise_alert(ALERT_KIND, subject, text)
            else:
                alerts.resolve(ALERT_KIND, subject)
            self._said = said


process = ModelProcess()


def start() -> None:
    """Begin a child's life: load, say so, and keep watching. Never raises."""
    # Sockets of the parent are not ours to use.
    connections.close_all()
    process.load()
    _report()
    connection.close()
    threading.Thread(target=_watch, name="model-watch", daemon=True).start()


def _watch() -> None:
    """Report, and load a newly promoted (or at last repaired) bundle beside the running one."""
    reported = time.monotonic()
    while True:
        time.sleep(WATCH_SECONDS)
        changed = process.is_outdated()
        if changed:
            process.load()
        if changed or time.monotonic() - reported >= REPORT_SECONDS:
            reported = time.monotonic()
            _report()
            connection.close()  # a report every few seconds is not worth a held connection


def _report() -> None:
    try:
        process.report()
    except Error as error:
        log.warning("model.report_failed", **failure(error))
