"""gunicorn's settings; address and processes come from the command line."""

import ctypes
import gc
import signal
import sys
from typing import Any

_PR_SET_PDEATHSIG = 1
# Objects that hold others, about those of a large batch.
_COLLECT_AFTER = 50_000

worker_class = "asgi"
# A stop tells who waits what is known, and lets requests that run end by themselves.
graceful_timeout = 15
timeout = 30
keepalive = 5
accesslog = None
# Its lines are ours: JSON, and of an exception only type and place, for its text may quote a row.
logconfig_dict: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "backend.logs.JsonLines"}},
    "handlers": {"lines": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["lines"], "level": "INFO"},
    "loggers": {"gunicorn.error": {"handlers": ["lines"], "level": "INFO", "propagate": False}},
}
# Bodies are capped by the application, time and number of connections by `backend.wire`; these
# bound what comes before them.
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190


def post_fork(server: object, worker: object) -> None:
    """A process whose master was killed -9 ends at once, whoever waits in it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def post_worker_init(worker: Any) -> None:
    """SIGTERM also closes the waiting room: the server itself would wait for the waiting.
    Connections are bounded in time and number, which the worker does not do itself."""
    from backend import wire
    from backend.triage.waiting import room

    def stop() -> None:
        room.close()
        worker.handle_exit_signal()

    worker.loop.add_signal_handler(signal.SIGTERM, stop)
    wire.install(worker)
    # What is loaded by now stays: to look through it for garbage again and again would cost a
    # call a tenth of its time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 10, 10)
