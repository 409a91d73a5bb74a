"""The front of the web process: an ASGI application around Django's WSGI application.

Every request runs through the ordinary WSGI stack in one of a few threads, as under any WSGI
server; the two calls of which there are most take a shorter way (`backend.express`). A view that is
asked to wait answers with what is known and leaves a wish; only then does the front keep the
caller, in a coroutine, until the room (`backend.triage.waiting`) has news.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto
from typing import Any, Final

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import Error, close_old_connections

from backend import bridge, counters, errors
from backend.bridge import Receive, Response, Scope, Send
from backend.express import Express
from backend.triage import waiting
from backend.triage.waiting import Reply, Slot, Wish, room

# The room tells in time; this is for a room that cannot look.
_SLACK_SECONDS: Final = 1.0
_HEARTBEAT_SECONDS: Final = 15.0
_HEARTBEAT: Final = b":\n\n"


class Front:
    """The ASGI application around a WSGI application."""

    def __init__(self, wsgi: WSGIHandler) -> None:
        self._wsgi = wsgi
        self._express = Express()
        self._threads = ThreadPoolExecutor(settings.WEB_THREADS, thread_name_prefix="web")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            with contextlib.suppress(bridge.Disconnected):
                await self._answer(scope, receive, send)
        else:
            raise ValueError(f"unsupported scope {scope['type']}")

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                room.close()
                self._express.close()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, slot = await bridge.read_body(scope, receive), Slot()
        response = await self._express.answer(scope, body, slot)
        if response is None:
            response = await self._in_thread(self._run, scope, body, slot)
        if slot.wish is not None and slot.wish.stream:
            await self._stream(slot.wish, response, receive, send)
            return
        if slot.wish is not None:
            response = await self._hold(slot.wish, response, receive)
        await _send(response, scope, send)

    def _run(self, scope: Scope, body: bytes, slot: Slot) -> Response:
        """Through the whole of Django, in a thread."""
        environ = bridge.environ_of(scope, body)
        environ[waiting.SLOT] = slot
        return bridge.run(self._wsgi, environ)

    async def _hold(self, wish: Wish, first: Response, receive: Receive) -> Response:
        """What to send when there is news or the time is over. Raises `Disconnected`."""
        left = asyncio.ensure_future(_disconnected(receive))
        began, ended = asyncio.get_running_loop().time(), "left"
        try:
            told = await _told(wish, wish.seconds + _SLACK_SECONDS, left)
            ended = "told" if isinstance(told, Reply) else told.name.lower()
        finally:
            left.cancel()
            counters.waited(ended, asyncio.get_running_loop().time() - began)
        if told is _NO_PLACE:
            return await self._in_thread(_at_once, wish, first)
        if told is _SILENCE:
            return first.replaced_by(_unknown())
        return first.replaced_by(told) if isinstance(told, Reply) else first

    async def _stream(self, wish: Wish, first: Response, receive: Receive, send: Send) -> None:
        """Send the first piece, then each event when it has happened. A comment goes out when it
        is quiet, so that proxies keep the connection and a caller who is gone is noticed. Raises
        `Disconnected`."""
        await send(_start(first.status, first.without_length()))
        await _piece(send, first.body)
        left = asyncio.ensure_future(_disconnected(receive))
        ends_at = asyncio.get_running_loop().time() + wish.seconds
        then: Wish | None = wish
        try:
            while then is not None and (rest := ends_at - asyncio.get_running_loop().time()) > 0:
                told = await _told(then, min(_HEARTBEAT_SECONDS, rest), left)
                if isinstance(told, Reply):
                    await _piece(send, told.body)
                    then = told.then
                elif told is _SILENCE:
                    await _piece(send, _HEARTBEAT)
                else:  # no place, or the room closes: the caller comes again
                    then = None
        finally:
            left.cancel()
        await send({"type": "http.response.body", "body": b""})

    async def _in_thread(self, run: Callable[..., Response], *arguments: Any) -> Response:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, run, *arguments)


class _Told(Enum):
    """What the room may say beside a reply."""

    NO_PLACE = auto()
    SILENCE = auto()
    NOTHING_NEW = auto()


_NO_PLACE, _SILENCE = _Told.NO_PLACE, _Told.SILENCE


async def _told(wish: Wish, seconds: float, left: asyncio.Future[None]) -> Reply | _Told:
    """What the room says within `seconds`. Raises `Disconnected` when the caller leaves first."""
    loop = asyncio.get_running_loop()
    told: asyncio.Future[Reply | None] = loop.create_future()

    def note(reply: Reply | None) -> None:
        if not told.done():
            told.set_result(reply)

    def tell(reply: Reply | None) -> None:
        # A loop that has ended has nobody to tell.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(note, reply)

    waiter = room.enter(wish, tell)
    if waiter is None:
        return _Told.NO_PLACE
    try:
        either: set[asyncio.Future[Any]] = {told, left}
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        room.leave(waiter)
    if told.done():
        return told.result() or _Told.NOTHING_NEW
    if left.done():
        raise bridge.Disconnected
    return _Told.SILENCE


def _at_once(wish: Wish, first: Response) -> Response:
    """There is no place to wait in."""
    if not wish.settle:
        return first
    try:
        return first.replaced_by(waiting.settle(wish))
    except Error:
        return first.replaced_by(_unknown())
    finally:
        close_old_connections()


def _unknown() -> Reply:
    """Nobody could look: what was true when the caller came may have changed."""
    headers = {
        "Content-Type": errors.CONTENT_TYPE,
        "Retry-After": str(errors.RETRY_AFTER_DATABASE_SECONDS),
    }
    return Reply(503, headers, json.dumps(errors.unavailable()).encode())


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(response: Response, scope: Scope, send: Send) -> None:
    start = _start(response.status, response.headers)
    if bridge.WHOLE in scope.get("extensions", ()):
        await send(start | {"type": bridge.WHOLE, "body": response.body})
        return
    await send(start)
    await send({"type": "http.response.body", "body": response.body})


def _start(status: int, headers: bridge.Headers) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


async def _piece(send: Send, body: bytes) -> None:
    if body:
        await send({"type": "http.response.body", "body": body, "more_body": True})
