"""One request and its answer on a connection, as uvicorn keeps them, and what we say differently.

Nearly every answer is whole before its first byte is sent. Then it is one message and one write
(`bridge.WHOLE`): uvicorn's own `send` takes two, and examines every byte of every header.
"""

import json
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from backend import bridge, errors
from backend.bridge import Headers

_STARTS: Final = frozenset({bridge.WHOLE, "http.response.start"})
# What speaks to nobody in particular carries these, whatever it is.
_PLAIN: Final = [
    (b"content-type", errors.CONTENT_TYPE.encode()),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]


def problem(status: int, code: str, detail: str) -> bytes:
    """A whole answer where there is no request to answer: the connection ends with it."""
    headers, body = _problem(status, code, detail)
    return _head(status, [*headers, (b"connection", b"close")]) + body


class Exchange(RequestResponseCycle):
    """From a complete head to the last byte of its answer."""

    async def send(self, message: Any) -> None:
        """ASGI's, and the whole answer at once. Raises RuntimeError where a header would be two
        lines."""
        kind = message["type"]
        if kind in _STARTS and self.more_body and self.waiting_for_100_continue:
            # Who was to be asked for its body, and was not, may send it or its next request.
            self.keep_alive = False
        if kind == bridge.WHOLE:
            await self._say(message["status"], message["headers"], message["body"])
            self._end()
        elif self.scope["http_version"] != "1.0":
            await super().send(message)
        elif kind == "http.response.start":
            # Chunks are not known there: the answer ends with its connection.
            await self._say(message["status"], message["headers"])
        else:
            if self.scope["method"] != "HEAD":
                await self._write(message.get("body", b""))
            if not message.get("more_body", False):
                self._end()

    async def send_500_response(self) -> None:
        """The application failed before it said anything."""
        self.keep_alive = False
        await self._say(500, *_problem(500, "internal", "The request failed."))
        self._end()

    async def _say(self, status: int, headers: Headers, body: bytes = b"") -> None:
        if not self.keep_alive:
            headers = [*headers, (b"connection", b"close")]
        if status == 204:
            headers = [one for one in headers if one[0] != b"content-length"]
        head = _head(status, [*self.default_headers, *headers])
        self.response_started = True
        self.waiting_for_100_continue = False
        has_body = self.scope["method"] != "HEAD" and status not in (204, 304)
        await self._write(head + body if has_body else head)

    async def _write(self, data: bytes) -> None:
        """A caller who does not read is not written to."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if not self.disconnected and not self.transport.is_closing():
            self.transport.write(data)

    def _end(self) -> None:
        if self.disconnected:
            return
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


def _problem(status: int, code: str, detail: str) -> tuple[Headers, bytes]:
    body = json.dumps(errors.problem(status, code, detail)).encode()
    return [*_PLAIN, (b"content-length", b"%d" % len(body))], body


def _head(status: int, headers: Headers) -> bytes:
    lines = [b"%s: %s\r\n" % one for one in headers]
    head = b"".join((STATUS_LINE[status], *lines, b"\r\n"))
    if head.count(b"\n") != len(lines) + 2 or head.count(b"\r") != len(lines) + 2:
        raise RuntimeError("a header of the answer would be two lines")
    return head
