"""Who may read the metrics, and a small server for processes that have no other one."""

import hmac
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, make_server

import structlog
from django.conf import settings
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.exposition import ThreadingWSGIServer

from backend.logs import failure
from backend.monitoring import metrics

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

log = structlog.get_logger()

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
CHALLENGE: Final = 'Bearer realm="metrics"'


def may_read(authorization: str) -> bool:
    """Whether the header is `Bearer <metrics_token>`. There is no other way in, not from loopback
    either: a proxy makes every caller one of the local machine."""
    expected = f"Bearer {settings.METRICS_TOKEN}"
    return hmac.compare_digest(authorization.encode("latin-1", "replace"), expected.encode())


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """A scrape every few seconds is not worth a line."""


def _answer(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
    if environ["PATH_INFO"] != "/metrics":
        start("404 Not Found", [])
        return []
    if not may_read(environ.get("HTTP_AUTHORIZATION", "")):
        start("401 Unauthorized", [("WWW-Authenticate", CHALLENGE)])
        return []
    start("200 OK", [("Content-Type", CONTENT_TYPE)])
    return [metrics.exposition(system=False)]


def serve() -> None:
    """Show this machine's or container's counters on METRICS_PORT; 0 means: do not.

    In a thread of a worker's main process or of the keeper. A port that is taken is logged and
    costs the numbers, not the work.
    """
    if not settings.METRICS_PORT:
        return
    try:
        server = make_server("", settings.METRICS_PORT, _answer, ThreadingWSGIServer, _Quiet)
    except OSError as error:
        log.error("metrics.port_taken", **failure(error))
        return
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
