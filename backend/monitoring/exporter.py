"""Who may read the metrics, and a small server for processes that have no other one.

The server also answers the health checks of containers at `/alive`, in the process that is checked:
a check that started a program of its own failed first when the machine was busy.
"""

import hmac
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, make_server

import structlog
from django.conf import settings
from django.db import Error, connection
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.exposition import ThreadingWSGIServer

from backend.logs import failure
from backend.monitoring import metrics, presence

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

log = structlog.get_logger()

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
_TEXT: Final = [("Content-Type", "text/plain")]
_HEALTH_SECONDS: Final = 2.0
CHALLENGE: Final = 'Bearer realm="metrics"'


def may_read(authorization: str) -> bool:
    """Whether the header is `Bearer <metrics_token>`. There is no other way in, not from loopback
    either: a proxy makes every caller one of the local machine."""
    expected = f"Bearer {settings.METRICS_TOKEN}"
    return hmac.compare_digest(authorization.encode("latin-1", "replace"), expected.encode())


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """A scrape every few seconds is not worth a line."""


class Health:
    """Whether the processes of this kind on this host have reported of late."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._lock = threading.Lock()
        self._said = ("", False)
        self._said_at = float("-inf")

    def __call__(self) -> tuple[str, bool]:
        """What to say, and whether it is well. Asked of the rows every few seconds at most."""
        with self._lock:
            if time.monotonic() - self._said_at > _HEALTH_SECONDS:
                self._said, self._said_at = self._ask(), time.monotonic()
            return self._said

    def _ask(self) -> tuple[str, bool]:
        if self._kind not in presence.WATCHED_KINDS:
            return "this process answers", True
        try:
            ages = presence.here(self._kind)
        except Error:
            # No fault of this process, and no restart of it would bring PostgreSQL back.
            return "unknown: PostgreSQL cannot be reached", True
        finally:
            connection.close()
        if not ages:
            return "nobody here has reported yet", False
        if max(ages) > presence.SILENT_SECONDS:
            return f"silent for {max(ages):.0f} s", False
        return f"{len(ages)} alive", True


def _app(health: Health) -> Callable[["WSGIEnvironment", "StartResponse"], Iterable[bytes]]:
    def answer(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/alive":
            text, well = health()
            start("200 OK" if well else "503 Service Unavailable", _TEXT)
            return [text.encode()]
        if environ["PATH_INFO"] == "/metrics":
            return _metrics(environ, start)
        start("404 Not Found", [])
        return []

    return answer


def _metrics(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
    if not may_read(environ.get("HTTP_AUTHORIZATION", "")):
        start("401 Unauthorized", [("WWW-Authenticate", CHALLENGE)])
        return []
    start("200 OK", [("Content-Type", CONTENT_TYPE)])
    return [metrics.exposition(system=False)]


def serve(kind: str) -> None:
    """Show this machine's or container's counters, and whether its processes of this kind live, on
    METRICS_PORT; 0 means: do not.

    In a thread of a worker's main process or of the keeper. A port that is taken is logged and
    costs the numbers, not the work.
    """
    if not settings.METRICS_PORT:
        return
    app = _app(Health(kind))
    try:
        server = make_server("", settings.METRICS_PORT, app, ThreadingWSGIServer, _Quiet)
    except OSError as error:
        log.error("metrics.port_taken", **failure(error))
        return
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
