"""gunicorn's settings; address and processes come from the command line."""

import ctypes
import signal
import sys
from typing import Any

_PR_SET_PDEATHSIG = 1

worker_class = "backend.web_process.WebProcess"
# A stop tells who waits what is known, and lets requests that run end by themselves.
graceful_timeout = 15
timeout = 30
keepalive = 5
accesslog = None
# Their lines are ours: JSON, and of an exception only type and place, for its text may quote a row.
# uvicorn's repeat what gunicorn's say of each start and stop, so only its errors are shown.
_LINES = {"handlers": ["lines"], "propagate": False}
logconfig_dict: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "backend.logs.JsonLines"}},
    "handlers": {"lines": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["lines"], "level": "INFO"},
    "loggers": {
        "gunicorn.error": {**_LINES, "level": "INFO"},
        "uvicorn.error": {**_LINES, "level": "ERROR"},
    },
}
# Bodies are capped by the application, time and number of connections by `backend.wire`, which
# also holds heads to these: bytes of what is asked for, header fields, bytes of one field.
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190


def on_starting(server: Any) -> None:
    """What our web process does not do must not seem to be done. Ends with a message."""
    if server.cfg.is_ssl:
        sys.exit("gunicorn: certfile and keyfile are not used here; TLS is a proxy's (BEHIND_TLS)")
    if server.cfg.max_requests:
        sys.exit("gunicorn: max_requests is not used here")


def post_fork(server: object, worker: object) -> None:
    """A process whose master was killed -9 ends at once, whoever waits in it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
