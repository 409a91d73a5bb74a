"""From ASGI to WSGI and back: one request through Django's WSGI stack, read and answered whole."""

import io
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

from backend.triage.waiting import Reply

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

# A server that names it in `scope["extensions"]` takes status, headers and body in one message.
WHOLE: Final = "triage.response.whole"


class Disconnected(Exception):
    """The caller hung up before the request was complete."""


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response, its header names in lower case."""

    status: int
    headers: Headers
    body: bytes

    def replaced_by(self, reply: Reply) -> "Response":
        """The same with the reply's status, headers and body."""
        also = ("Content-Length", "Retry-After")
        names = {name.lower().encode() for name in (*reply.headers, *also)}
        kept = [(name, value) for name, value in self.headers if name not in names]
        given = [(name.lower().encode(), value.encode()) for name, value in reply.headers.items()]
        length = (b"content-length", str(len(reply.body)).encode())
        return Response(reply.status, [*kept, *given, length], reply.body)

    def without_length(self) -> Headers:
        """The headers of a response that goes on."""
        return [(name, value) for name, value in self.headers if name != b"content-length"]


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """The whole body, or as much of it as shows that it is too long: the parser refuses it then.

    Raises `Disconnected`.
    """
    most = settings.MAX_BATCH_BODY_BYTES
    announced = dict(scope["headers"]).get(b"content-length", b"0")
    if announced.isdigit() and int(announced) > most:
        return b""
    parts: list[bytes] = []
    length, more = 0, True
    while more and length <= most:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        more = message.get("more_body", False)
    return b"".join(parts)


def environ_of(scope: Scope, body: bytes) -> dict[str, Any]:
    """The WSGI environment (PEP 3333) of one request."""
    host, port = scope.get("server") or ("localhost", None)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": _path(scope),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or 80),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": (scope.get("client") or ("",))[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        # An underscore would pass for a dash: a caller could write a header that a proxy guards.
        if "_" in name:
            continue
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    if "CONTENT_LENGTH" not in environ and body:  # sent in chunks
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
    return environ


def _path(scope: Scope) -> str:
    """The path's bytes as they were sent: not every path is UTF-8."""
    if (raw := scope.get("raw_path")) is not None:
        return unquote_to_bytes(raw).decode("latin-1")
    path: str = scope["path"]
    return path.encode("utf-8", "surrogateescape").decode("latin-1")


def run(wsgi: WSGIHandler, environ: dict[str, Any]) -> Response:
    """One request through Django, in a thread of the pool."""
    given: list[Any] = []

    def start(
        status: str, headers: list[tuple[str, str]], _error: Any = None, /
    ) -> Callable[[bytes], object]:
        encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
        given[:] = [int(status[:3]), encoded]
        return _no_write

    chunks = wsgi(environ, start)
    try:
        body = b"".join(chunks)
    finally:
        chunks.close()
    return Response(given[0], given[1], body)


def _no_write(_data: bytes) -> NoReturn:
    raise NotImplementedError("the old write() of PEP 3333; Django does not use it")
