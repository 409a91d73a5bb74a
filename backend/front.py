"""The front of the web process: an ASGI application around Django's WSGI application.

Every request runs through the ordinary WSGI stack in one of a few threads, as under any WSGI
server. A view that is asked to wait answers with what is known and leaves a wish; only then does
the front keep the caller, in a coroutine, until the room (`backend.triage.waiting`) has news.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import Error, close_old_connections

from backend import bridge, errors
from backend.bridge import Receive, Response, Scope, Send
from backend.triage import waiting
from backend.triage.waiting import Reply, Slot, Wish, room

# The room tells in time; this is for a room that cannot look.
_SLACK_SECONDS: Final = 1.0


class Front:
    """The ASGI application around a WSGI application."""

    def __init__(self, wsgi: WSGIHandler) -> None:
        self._wsgi = wsgi
        self._threads = ThreadPoolExecutor(settings.WEB_THREADS, thread_name_prefix="web")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            with contextlib.suppress(bridge.Disconnected):
                await self._answer(scope, receive, send)
        else:
            raise ValueError(f"unsupported scope {scope['type']}")

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        environ, slot = bridge.environ_of(scope, await bridge.read_body(scope, receive)), Slot()
        environ[waiting.SLOT] = slot
        response = await self._in_thread(bridge.run, self._wsgi, environ)
        if slot.wish is not None:
            response = await self._hold(slot.wish, response, receive)
        await _send(response, send)

    async def _hold(self, wish: Wish, first: Response, receive: Receive) -> Response:
        """What to send when there is news or the time is over. Raises `Disconnected`."""
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
            return await self._in_thread(_at_once, wish, first)
        left = asyncio.ensure_future(_disconnected(receive))
        try:
            seconds = wish.seconds + _SLACK_SECONDS
            either: set[asyncio.Future[Any]] = {told, left}
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            left.cancel()
            room.leave(waiter)
        if told.done():
            reply = told.result()
            return first if reply is None else first.replaced_by(reply)
        if left.done():
            raise bridge.Disconnected
        return first.replaced_by(_unknown())

    async def _in_thread(self, run: Callable[..., Response], *arguments: Any) -> Response:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, run, *arguments)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.shutdown":
            room.close()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


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


async def _send(response: Response, send: Send) -> None:
    await send(
        {"type": "http.response.start", "status": response.status, "headers": response.headers}
    )
    await send({"type": "http.response.body", "body": response.body})
