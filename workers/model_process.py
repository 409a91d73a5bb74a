"""The models of one child process: loaded once, proven, said aloud, swapped when a row says so.

The registry's serving row decides which bundle this child serves, its shadow row which one it runs
unserved. Where no row serves yet, the file pointer `latest` does, and the first child that proves
it makes the row. A new bundle is loaded beside the running one by a thread and swapped in one
step: a batch takes its model once, so each answer comes whole from one of the two.

Celery swallows what a `worker_process_init` handler raises and reports the child as ready, so the
state is explicit: `current` is a proven bundle or None, and with None this child answers by
rules, `/statusz` shows `no_model` and an alarm is raised. The parent never imports the predictor:
a numeric library used before the fork can hang the child.
"""

import gc
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog
from django.db import Error, connection, connections

from backend.logs import failure
from backend.monitoring import alerts, presence, registry
from backend.monitoring.registry import Entry
from ml import bundle
from ml.bundle import Bundle
from ml.errors import BundleRefused
from workers import registry as bundles

log = structlog.get_logger()

# How soon a promotion is seen; a read of two small rows.
WATCH_SECONDS: Final = 2.0
# The same while there is nothing to serve: patients are answered by rules until then.
EMPTY_SECONDS: Final = 0.5
# A refused bundle is hashed again this often: it may have been repaired.
RETRY_SECONDS: Final = 5.0
REPORT_SECONDS: Final = 15.0
# Objects that hold others, about those of a full batch.
_COLLECT_AFTER: Final = 50_000
ALERT_KIND: Final = "no_model"
SHADOW_ALERT_KIND: Final = "shadow_model"


@dataclass
class _Refusal:
    """The bundle that was refused last, why, and when."""

    entry: Entry | None = None
    reason: str = ""
    at: float = 0.0

    def is_fresh(self, entry: Entry) -> bool:
        return self.entry == entry and time.monotonic() - self.at < RETRY_SECONDS


class ModelProcess:
    """What this child serves. `current` and `shadow` are read once a batch and replaced in one
    step, by one thread."""

    def __init__(self) -> None:
        self.current: Bundle | None = None
        self.shadow: Bundle | None = None
        self._refused = _Refusal(reason="not_loaded")
        self._shadow_refused = _Refusal()
        self._set_aside = ""
        self._said: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        return "no_model" if self.current is None else "ready"

    @property
    def reason(self) -> str:
        """Why this child does not serve what it should: a code of `BundleRefused`, or empty."""
        return self._refused.reason

    def refresh(self) -> None:
        """Serve and shadow what the registry says, as far as it can be proven here.

        Raises the database's error if the registry cannot be read: what was served stays.
        """
        roles = registry.roles()
        if roles.serving is None:
            self._serve_latest()
        else:
            self._serve(roles.serving)
        self._run_beside(roles.shadow)

    def complain_of_shadow(self, digest: str, reason: str, *, stop: bool) -> None:
        """The shadow failed; with `stop` it runs no more in this child. The alarm follows with the
        next look: a patient's answer does not wait for it."""
        self._shadow_refused = _Refusal(reason=reason)
        if stop:
            self._set_aside = digest
            self.shadow = None

    def _serve(self, entry: Entry) -> None:
        if self.current is not None and self.current.digest == entry.digest:
            self._refused = _Refusal()
        elif not self._refused.is_fresh(entry):
            # A shadow that is promoted was proven in this process already.
            known = self.shadow if self.shadow and self.shadow.digest == entry.digest else None
            proven = known or _attempt(entry, lambda: bundles.prove(entry))
            if isinstance(proven, Bundle):
                self.current, self._refused = proven, _Refusal()
                log.info("model.loaded", model_version=proven.version)
            else:
                # A refusal keeps what is served already, or leaves no model: never another one.
                self._refused = proven

    def _serve_latest(self) -> None:
        """Nothing serves yet: prove what `latest` names and make it the serving row."""
        pointer = Entry(bundle.LATEST, "")
        if self._refused.is_fresh(pointer):
            return
        proven = self.current or _attempt(pointer, bundle.load_latest)
        if isinstance(proven, _Refusal):
            self._refused = proven
            return
        try:
            first = bundles.serve_first(proven)
        except (BundleRefused, registry.Refused) as refusal:
            reason = refusal.reason if isinstance(refusal, BundleRefused) else "name_taken"
            self._refused = _refusal(pointer, reason)
            return
        if first.digest == proven.digest:
            self.current, self._refused = proven, _Refusal()
            log.info("model.loaded", model_version=proven.version)
        else:  # another machine's child was first, with another bundle: that one serves
            self._serve(first)

    def _run_beside(self, entry: Entry | None) -> None:
        if entry is None:
            self.shadow, self._shadow_refused, self._set_aside = None, _Refusal(), ""
            return
        if self.shadow is not None and self.shadow.digest != entry.digest:
            self.shadow = None
        if self.shadow is not None or self._set_aside == entry.digest:
            return
        if not self._shadow_refused.is_fresh(entry):
            proven = _attempt(entry, lambda: bundles.prove(entry))
            if isinstance(proven, Bundle):
                self._shadow_refused = _Refusal()
                self.shadow = proven
                log.info("model.shadow_loaded", model_version=proven.version)
            else:
                self._shadow_refused = proven

    def is_news(self) -> bool:
        """Whether there is something to say that was not said yet."""
        return self._said != self._saying()

    def _saying(self) -> tuple[str, ...]:
        served = self.current.digest if self.current else ""
        beside = self.shadow.digest if self.shadow else ""
        return (served, beside, self.reason, self._shadow_refused.reason)

    def report(self, *, answered: bool = False) -> None:
        """Write this child's state; the alarms follow a change of it."""
        served, saying = self.current, self._saying()
        presence.report(
            "triage",
            self.state,
            reason=self.reason,
            model_version=served.version if served else "",
            model_digest=served.digest if served else "",
            shadow_version=self.shadow.version if self.shadow else "",
            shadow_reason=self._shadow_refused.reason,
            answered=answered,
        )
        if self._said != saying:
            text = f"A triage worker refused the model it should serve ({self.reason}); it answers "
            text += "by rules." if served is None else f"with {served.version}."
            _alarm(ALERT_KIND, self.reason, text)
            reason = self._shadow_refused.reason
            text = f"A triage worker does not run the shadow model ({reason}); answers are served."
            _alarm(SHADOW_ALERT_KIND, reason, text)
            self._said = saying


def _attempt(entry: Entry, load: Callable[[], Bundle]) -> "Bundle | _Refusal":
    """A proven bundle or why not; never an exception: a child must not die or fall silent."""
    try:
        return load()
    except BundleRefused as refusal:
        return _refusal(entry, refusal.reason)
    except Exception as error:
        log.error("model.load_failed", **failure(error))
        return _refusal(entry, "load_failed")


def _refusal(entry: Entry, reason: str) -> _Refusal:
    log.error("model.refused", reason=reason, model_version=entry.version)
    return _Refusal(entry, reason, time.monotonic())


def _alarm(kind: str, reason: str, text: str) -> None:
    subject = socket.gethostname()
    if reason:
        alerts.raise_alert(kind, subject, text)
    else:
        alerts.resolve(kind, subject)


process = ModelProcess()


def start() -> None:
    """Begin a child's life: load, say so, and keep watching. Never raises."""
    # Sockets of the parent are not ours to use.
    connections.close_all()
    _look(due=True)
    _spare_the_collector()
    threading.Thread(target=_watch, name="model-watch", daemon=True).start()


def _spare_the_collector() -> None:
    """What is loaded by now stays: looking through it for garbage again and again would cost a
    batch a tenth of its time. A batch's own objects are looked at once or twice."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 10, 10)


def _watch() -> None:
    """Look at the registry and report; a new bundle is loaded beside the running one."""
    reported = time.monotonic()
    while True:
        time.sleep(EMPTY_SECONDS if process.current is None else WATCH_SECONDS)
        if _look(due=time.monotonic() - reported >= REPORT_SECONDS):
            reported = time.monotonic()


def _look(due: bool) -> bool:
    """One look at the registry; whether a report was written."""
    try:
        process.refresh()
        if due or process.is_news():
            process.report()
            return True
    except Error as error:
        log.warning("model.registry_unreachable", **failure(error))
    except Exception as error:  # whatever it is, the watch goes on
        log.error("model.watch_failed", **failure(error))
    finally:
        connection.close()  # a look every few seconds is not worth a held connection
    return False
