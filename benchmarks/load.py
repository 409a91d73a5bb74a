"""HTTP load from this process: prepared bytes over kept connections, closed or open loop."""

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from backend.stack.ports import HOST

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass
class Load:
    """What came back: seconds of each request, statuses, bodies where they are kept."""

    wall: float = 0.0
    seconds: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    bodies: list[bytes] = field(default_factory=list)
    behind: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.wall

    def only(self, *allowed: int) -> "Load":
        """Itself; raises where any other status came back: a fast refusal is no result."""
        wrong = {status: n for status, n in self.statuses.items() if status not in allowed}
        if wrong:
            raise RuntimeError(f"unexpected statuses {wrong}")
        return self


def post(port: int, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    more = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    return _head(port, "POST", path, more) + body


def get(port: int, path: str, headers: dict[str, str]) -> bytes:
    return _head(port, "GET", path, headers)


def _head(port: int, method: str, path: str, headers: dict[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}:{port}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def closed_loop(
    port: int, requests: Sequence[bytes], connections: int, seconds: float, *, keep: bool = False
) -> Load:
    """As many as `connections` callers manage in this time, each waiting for its answer."""
    return asyncio.run(_closed(port, requests, connections, seconds, keep))


def open_loop(port: int, requests: Sequence[bytes], rate: float) -> Load:
    """All requests at a steady rate, whatever the service does: callers do not wait for it."""
    return asyncio.run(_open(port, requests, rate))


async def _closed(
    port: int, requests: Sequence[bytes], connections: int, seconds: float, keep: bool
) -> Load:
    found = Load()
    source = _for_ever(requests)
    until = time.perf_counter() + seconds

    async def caller() -> None:
        streams = await asyncio.open_connection(HOST, port)
        while time.perf_counter() < until:
            streams = await _one(port, streams, next(source), found, keep)
        streams[1].close()

    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(connections)))
    found.wall = time.perf_counter() - started
    return found


async def _open(port: int, requests: Sequence[bytes], rate: float) -> Load:
    found = Load()
    idle: list[Streams] = []

    async def send(request: bytes) -> None:
        streams = idle.pop() if idle else await asyncio.open_connection(HOST, port)
        idle.append(await _one(port, streams, request, found, keep=False))

    started = time.perf_counter()
    sent = []
    for number, request in enumerate(requests):
        delay = started + number / rate - time.perf_counter()
        if delay > 0:
            await asyncio.sleep(delay)
        found.behind = max(found.behind, -delay)
        sent.append(asyncio.create_task(send(request)))
    await asyncio.gather(*sent)
    found.wall = time.perf_counter() - started
    for _, writer in idle:
        writer.close()
    return found


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _one(port: int, streams: Streams, request: bytes, found: Load, keep: bool) -> Streams:
    """One request and its answer; a connection that the server has closed is made anew."""
    started = time.perf_counter()
    reader, writer = streams
    try:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.readexactly(length_of(head))
    found.seconds.append(time.perf_counter() - started)
    status = int(head[9:12])
    found.statuses[status] = found.statuses.get(status, 0) + 1
    if keep:
        found.bodies.append(body)
    return reader, writer


def length_of(head: bytes) -> int:
    """Bytes of the body that follows this head; 0 where it names none."""
    found = _LENGTH.search(head)
    return int(found.group(1)) if found else 0


def _for_ever(requests: Sequence[bytes]) -> Iterator[bytes]:
    while True:
        yield from requests
