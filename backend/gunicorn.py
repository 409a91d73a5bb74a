"""gunicorn's settings; address, processes and threads come from the command line."""

import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = 1

worker_class = "gthread"
# A stop lets requests that wait for a result end by themselves.
graceful_timeout = 15
timeout = 30
keepalive = 5
accesslog = None
# Bodies are capped by the application; these bound what comes before them.
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190


def post_fork(server: object, worker: object) -> None:
    """A process whose master was killed -9 ends at once, whoever waits in it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
