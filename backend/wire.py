"""What a caller may say on a connection, and how long it may take for it.

uvicorn's protocol around llhttp reads HTTP; this one bounds it. A head may have so many fields of
so many bytes, a request must have come whole in its time, and what could be read in two ways is
read in none: it is refused, and its connection ends. A caller whose request is complete is never
cut off here, however long it waits.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

import httptools
from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from backend import bridge, exchange
from backend.doorkeeper import Doorkeeper
from backend.exchange import Exchange

# A long body may take as long as a line of this speed needs for it.
_BYTES_A_SECOND: Final = 64 * 1024
# Bytes that may come without a field, or a piece of a body, being complete: the parser keeps them.
_MOST_UNFINISHED: Final = 32 * 1024
# Requests of one connection that may wait for the answer to the one before them.
_MOST_AHEAD: Final = 32
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_UNUSUAL: Final = frozenset({b"expect", b"transfer-encoding", b"host", b"content-type"})
_EXTENSIONS: Final[dict[str, Any]] = {bridge.WHOLE: {}}
_DETAILS: Final = {
    400: ("malformed", "This is not HTTP/1.1 as it is written."),
    414: ("target_too_long", "The path and query are too long."),
    431: ("head_too_large", "The header fields are too many or too long."),
    501: ("not_implemented", "The method or Transfer-Encoding is not known here."),
    505: ("version_not_supported", "HTTP/1.1 and HTTP/1.0 are spoken here."),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Of a head: bytes of its target, header fields, bytes of one field."""

    target: int
    fields: int
    field: int


class Refused(Exception):
    """What was read has no answer but this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Connection(HttpToolsProtocol):
    """One caller's connection. `cycle`, the request that came last, is None until its head has."""

    doorkeeper: Doorkeeper
    limits: Limits
    cycle: Exchange
    # The one that is being answered: the last, or one before it.
    _answered: Exchange | None = None
    _fields = 0
    _in_head = True
    _is_deaf = False
    # While a request is incomplete: since when, how many bytes of it have come, and how many of
    # them have led to nothing yet.
    _reading_since: float | None = None
    _received = 0
    _unfinished = 0
    # While it leaves answers unread: since when, how much it had to read since, and has to now.
    _unread_since: float | None = None
    _to_read = 0
    _unread = 0

    # --- the connection ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._reading_since = self.loop.time()
        self.doorkeeper.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.doorkeeper.closed(self)
        self._is_gone()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        self._reading_since, self._received = self.loop.time(), 0
        super().on_response_complete()

    @property
    def is_reading(self) -> bool:
        """Whether the head or the body of a request is not complete."""
        last: Exchange | None = self.cycle
        if self.pipeline:  # one before it is not answered, and holds it up
            return False
        return last is None or last.response_complete or last.more_body

    @property
    def is_unread(self) -> bool:
        """Whether its caller has not taken all that was answered."""
        return self.transport.get_write_buffer_size() > 0

    def is_late(self, now: float) -> bool:
        """Whether it has been reading for longer than it may, or its caller has."""
        if unread := self.transport.get_write_buffer_size():
            self._reading_since = None
            return self._is_read_too_slowly(now, unread)
        self._unread_since = None
        if not self.is_reading:
            self._reading_since, self._received = None, 0
        elif self._reading_since is None:
            self._reading_since = now
        else:
            counted = min(self._received, settings.MAX_BATCH_BODY_BYTES)
            allowed = settings.REQUEST_SECONDS + counted / _BYTES_A_SECOND
            return now - self._reading_since > allowed
        return False

    def _is_read_too_slowly(self, now: float, unread: int) -> bool:
        if self._unread_since is None:
            self._unread_since, self._to_read, self._unread = now, 0, 0
        self._to_read += max(0, unread - self._unread)
        self._unread = unread
        allowed = settings.REQUEST_SECONDS + self._to_read / _BYTES_A_SECOND
        return now - self._unread_since > allowed

    def cut(self) -> None:
        """Close without an answer, at once."""
        self._is_gone()
        self.transport.abort()

    def _is_gone(self) -> None:
        """Let the application know; uvicorn tells it of the last request only."""
        if self._answered is not None and not self._answered.response_complete:
            self._answered.disconnected = True
            self._answered.message_event.set()

    # --- what it says ------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        self._unset_keepalive_if_required()
        self._received += len(data)
        self._unfinished += len(data)
        try:
            self.parser.feed_data(data)
            if self._unfinished > _MOST_UNFINISHED:
                raise Refused(431)
        except httptools.HttpParserUpgrade as upgrade:
            self._read_again_without_upgrade(data[upgrade.args[0] :])
        except Refused as refused:
            self._refuse(refused.status)
        except httptools.HttpParserInvalidMethodError:
            self._refuse(501)
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause.status if isinstance(cause, Refused) else 400)

    def on_message_begin(self) -> None:
        self._fields, self._in_head = 0, True
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > self.limits.target:
            raise Refused(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head; those behind a body are counted, and belong to nobody."""
        self._unfinished = 0
        self._fields += 1
        if self._fields > self.limits.fields or len(name) + len(value) > self.limits.field:
            raise Refused(431)
        # An underscore would pass for a dash: a caller could write a header that a proxy guards.
        if not self._in_head or b"_" in name:
            return
        name, value = name.lower(), value.rstrip(b" \t")
        if name in _UNUSUAL:
            self._note(name, value)
        self.headers.append((name, value))

    def _note(self, name: bytes, value: bytes) -> None:
        """What decides how a request is read must say one thing."""
        if name == b"expect":
            self.expect_100_continue = value.lower() == b"100-continue"
        elif name == b"transfer-encoding":
            if value.lower() != b"chunked":
                raise Refused(501)
        elif any(name == other for other, _ in self.headers):
            raise Refused(400)

    def on_headers_complete(self) -> None:
        self._in_head, self._unfinished = False, 0
        version = self.parser.get_http_version()
        method = self.parser.get_method().decode("ascii")
        if version not in ("1.1", "1.0"):
            raise Refused(505)
        if method not in _METHODS:
            raise Refused(501)
        if self.parser.should_upgrade():
            return  # it is read again without
        if version == "1.0":
            self.expect_100_continue = False
            if any(name == b"transfer-encoding" for name, _ in self.headers):
                raise Refused(400)
        if len(self.pipeline) >= _MOST_AHEAD:
            raise Refused(400)
        target = httptools.parse_url(self.url)
        if not self._names_its_host(version, target.schema) or b"#" in self.url:
            raise Refused(400)
        raw_path = target.path or b"/"
        path = raw_path.decode("ascii")
        self.scope["method"], self.scope["http_version"] = method, version
        self.scope["path"] = unquote(path) if "%" in path else path
        self.scope["raw_path"] = raw_path
        self.scope["query_string"] = target.query or b""
        self.scope["extensions"] = _EXTENSIONS
        self._begin(version != "1.0" and self.parser.should_keep_alive())

    def _names_its_host(self, version: str, scheme: bytes | None) -> bool:
        """Whether the head names a host, and a target that is a whole URL the same."""
        host = next((value for name, value in self.headers if name == b"host"), None)
        if scheme is None:
            return host is not None or version == "1.0"
        named = self.url.partition(b"://")[2].partition(b"/")[0]
        return scheme in (b"http", b"https") and host == named

    def _begin(self, keep_alive: bool) -> None:
        """Answer it, or let it wait for those before it."""
        before: Exchange | None = self.cycle
        self.cycle = Exchange(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=keep_alive,
            on_response=self.on_response_complete,
        )
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        assert isinstance(cycle, Exchange)
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        self._unfinished = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        if not self.parser.should_keep_alive():  # so said a field behind the body
            self.cycle.keep_alive = False
        super().on_message_complete()

    def _read_again_without_upgrade(self, rest: bytes) -> None:
        """Nothing but HTTP is spoken here, and who asks for something else is answered in it. The
        parser took what follows the head for that something else, a body too."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (method, self.url, version)]
        lines += [b"%s: %s" % one for one in self.headers if one[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join((*lines, b"", rest)))

    def _refuse(self, status: int) -> None:
        """Say what is wrong where it is this caller's turn, and hear nothing more."""
        self.doorkeeper.refused()
        self._is_deaf = True
        last: Exchange | None = self.cycle
        if last is None or (last.response_complete and not last.more_body):
            self.transport.write(exchange.problem(status, *_DETAILS[status]))
            self.transport.close()
        elif not last.more_body:
            # Whole requests before it have no answer yet: they get theirs.
            last.keep_alive = False
            self.flow.pause_reading()
        elif self.pipeline or last.response_started:
            self.cut()
        else:
            self.transport.write(exchange.problem(status, *_DETAILS[status]))
            self.transport.close()


def protocol(doorkeeper: Doorkeeper, limits: Limits) -> type[Connection]:
    """What the server of one process makes each connection of."""
    return type("Connection", (Connection,), {"doorkeeper": doorkeeper, "limits": limits})
