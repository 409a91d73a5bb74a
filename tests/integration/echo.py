"""An application that says what it was asked, to see what the server made of a caller's bytes.

Served as ours is, with `backend/gunicorn.py`: what it is told, ours would be told.
"""

# First: it sets Django up, which the server needs.
from backend.wsgi import application as wsgi  # isort: split

import asyncio
import json
import os
from typing import Any

from backend.bridge import WHOLE, Disconnected, Receive, Scope, Send, read_body

__all__ = ["application", "wsgi"]

# In the text of an exception, which must be in no log.
SECRET = "zebra-in-an-exception"


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    _note(f"asked {scope['path']}")
    answer = _PATHS.get(scope["path"], _told)
    try:
        await answer(scope, receive, send)
    except Disconnected:
        _note("gone")


async def _live(receive: Receive, send: Send) -> None:
    kind = ""
    while kind != "lifespan.shutdown":
        kind = (await receive())["type"]
        _note(kind)
        await send({"type": f"{kind}.complete"})


async def _told(scope: Scope, receive: Receive, send: Send) -> None:
    """What was asked, after `?seconds=`, with `?status=`, `?more=` bytes longer."""
    body = await read_body(scope, receive)
    query = dict(one.split("=") for one in scope["query_string"].decode().split("&") if "=" in one)
    await asyncio.sleep(float(query.get("seconds", 0)))
    told = {
        **{name: scope[name] for name in ("method", "path", "http_version", "scheme")},
        "query": scope["query_string"].decode(),
        "client": scope["client"][0],
        "process": os.getpid(),
        "headers": [[name.decode(), value.decode("latin-1")] for name, value in scope["headers"]],
        "body": body.decode("latin-1"),
        "more": "m" * int(query.get("more", 0)),
    }
    await _answer(scope, send, int(query.get("status", 200)), json.dumps(told).encode())


async def _unread(scope: Scope, _: Receive, send: Send) -> None:
    await _answer(scope, send, 413, b"too much")


async def _fail(scope: Scope, receive: Receive, _: Send) -> None:
    await read_body(scope, receive)
    raise ValueError(SECRET)


async def _fail_late(_: Scope, __: Receive, send: Send) -> None:
    await send(_start(200, (b"content-length", b"10")))
    raise ValueError(SECRET)


async def _two_lines(scope: Scope, _: Receive, send: Send) -> None:
    await _answer(scope, send, 200, b"", (b"x-a", b"b\r\nset-cookie: c=d"))


async def _stream(_: Scope, __: Receive, send: Send) -> None:
    await send(_start(200))
    for piece in (b"one", b"two"):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        await asyncio.sleep(0.05)
    await send({"type": "http.response.body", "body": b""})


async def _until_gone(_: Scope, receive: Receive, __: Send) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    _note("gone")


_PATHS = {
    "/unread": _unread,
    "/fail": _fail,
    "/fail-late": _fail_late,
    "/two-lines": _two_lines,
    "/stream": _stream,
    "/until-gone": _until_gone,
}


async def _answer(
    scope: Scope, send: Send, status: int, body: bytes, *more: tuple[bytes, bytes]
) -> None:
    """As ours answers; beneath `/asgi/`, as any application would."""
    body = b"" if status in (204, 304) else body
    start = _start(status, (b"content-length", str(len(body)).encode()), *more)
    if WHOLE in scope.get("extensions", ()) and not scope["path"].startswith("/asgi/"):
        await send(start | {"type": WHOLE, "body": body})
        return
    await send(start)
    await send({"type": "http.response.body", "body": body})


def _start(status: int, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def _note(event: str) -> None:
    print(json.dumps({"event": f"echo {event}"}), flush=True)
