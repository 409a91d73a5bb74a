"""Callers who never finish what they say, or do not read what they are told, against the real
server: they are closed in time, and nobody else waits for them."""

import asyncio
import json
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.integration.callers import Server, request, serving
from tests.integration.conftest import SORE_THROAT
from tests.integration.processes import Processes

REQUEST_SECONDS = 2
MAX_CONNECTIONS = 40
HEAD = b"POST /api/v1/triage/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
ANNOUNCED = HEAD + b"Content-Length: 5000\r\n\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
# What is sent at once, and then again and again.
ATTACKS = {
    "nothing at all": (b"", b""),
    "half a head": (HEAD[:-9], b""),
    "a head without end": (HEAD, b"X-A: b\r\n"),
    "a body announced and not sent": (ANNOUNCED, b""),
    "a body byte by byte": (ANNOUNCED, b" "),
    "chunks without end": (CHUNKED, b"1\r\n \r\n"),
    "half a second request": (b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET /li", b"v"),
}


@dataclass(frozen=True)
class Caller:
    host: str
    port: int
    key: str

    async def attack(self, kind: str) -> float:
        """Seconds until the server has closed the connection."""
        began = time.monotonic()
        at_once, again = ATTACKS[kind]
        async with self._connection() as (reader, writer):
            writer.write(at_once)
            closed = asyncio.ensure_future(_closed(reader))
            while not closed.done() and time.monotonic() - began < 5 * REQUEST_SECONDS:
                if again:
                    writer.write(again)
                await asyncio.wait([closed], timeout=0.1)
            return time.monotonic() - began

    async def healthy(self, body: bytes, *, wait: int = 0, pieces: int = 1) -> tuple[int, float]:
        """Status and seconds of one submission over a connection of its own."""
        began = time.monotonic()
        head = HEAD + f"Authorization: Bearer {self.key}\r\nConnection: close\r\n".encode()
        head += f"Prefer: wait={wait}\r\n".encode() if wait else b""
        size = -(-len(body) // pieces)
        async with self._connection() as (reader, writer):
            writer.write(head + f"Content-Length: {len(body)}\r\n\r\n".encode())
            for start in range(0, len(body), size):
                writer.write(body[start : start + size])
                await asyncio.sleep(0.1 if pieces > 1 else 0)
            answer = await reader.read()
        return int(answer.split(b" ", 2)[1]), time.monotonic() - began

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            yield reader, writer
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def _closed(reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionError):
        while await reader.read(65_536):
            pass


@pytest.fixture
def caller(processes: Processes, owner_key: str) -> Caller:
    processes.environment["REQUEST_SECONDS"] = str(REQUEST_SECONDS)
    processes.environment["MAX_CONNECTIONS"] = str(MAX_CONNECTIONS)
    url = processes.web(owner_key).base_url
    assert url.port
    return Caller(url.host, url.port, owner_key)


def test_slow_callers_are_closed_and_others_do_not_notice(caller: Caller) -> None:
    body = json.dumps(SORE_THROAT).encode()

    async def run() -> None:
        attacks = {
            asyncio.create_task(caller.attack(kind)): kind for kind in ATTACKS for _ in range(5)
        }
        # Who waits for an answer, or sends much as fast as a line allows, is not slow.
        waits = asyncio.create_task(caller.healthy(body, wait=4))
        uploads = asyncio.create_task(caller.healthy(body + b" " * 60_000, pieces=25))
        served = []
        while not all(one.done() for one in attacks):
            served.append(await caller.healthy(body))
            await asyncio.sleep(0.1)
        assert Counter(status for status, _ in served) == {202: len(served)}
        seconds = [one for _, one in served]
        print(f"{len(served)} served meanwhile, median {statistics.median(seconds):.3f} s")
        assert max(seconds) < 1
        for attack, kind in attacks.items():
            assert attack.result() < REQUEST_SECONDS + 2, kind
        status, waited = await waits
        assert (status, waited > REQUEST_SECONDS + 1) == (202, True)
        status, took = await uploads
        assert (status, took > REQUEST_SECONDS) == (202, True)

    asyncio.run(run())


def test_a_flood_of_connections_takes_the_place_of_nobody_who_speaks(caller: Caller) -> None:
    """Far more connections than there is room for: the ones that have said nothing longest go."""
    body = json.dumps(SORE_THROAT).encode()

    async def run() -> None:
        flood = []
        served: Counter[int] = Counter()
        waits = asyncio.create_task(caller.healthy(body, wait=1))
        await asyncio.sleep(0.2)
        for _ in range(20):
            flood += [asyncio.create_task(caller.attack("half a head")) for _ in range(20)]
            served[(await caller.healthy(body))[0]] += 1
        assert served == {202: 20}
        assert (await waits)[0] == 202
        held = [await one for one in flood]
        at_once = sum(seconds < REQUEST_SECONDS for seconds in held)
        assert at_once >= len(flood) - 2 * MAX_CONNECTIONS

    asyncio.run(run())


@pytest.fixture(scope="module")
def server(
    test_database: None, models_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("slow")
    for start in serving(directory, models_dir, REQUEST_SECONDS=str(REQUEST_SECONDS)):
        yield start()


def cut_off(server: Server) -> int:
    return sum(int(one["count"]) for one in server.lines("http.cut_off"))


def test_a_caller_who_does_not_read_is_cut_off(server: Server) -> None:
    """Also while another request of it waits for that."""
    # The kernel takes most of it; for the rest there is 1 s for each 64 KiB.
    before = cut_off(server)
    size = int(Path("/proc/sys/net/ipv4/tcp_wmem").read_text().split()[2])
    with server.call(takes=4_096) as once, server.call(takes=4_096) as twice:
        once.say(request(f"/?more={size}"))
        twice.say(request(f"/?more={size}") * 2)
        eventually(
            lambda: cut_off(server) == before + 2,
            REQUEST_SECONDS + size / 65_536,
            what="both are cut off",
        )
        assert len(once.rest()) < size
        assert len(twice.rest()) < size


def test_a_caller_who_reads_slowly_gets_all_of_it(server: Server) -> None:
    size = 12_000_000
    with server.call() as caller:
        caller.say(request(f"/?more={size}"))
        began = time.monotonic()
        read = 0
        while read < size:
            read += caller.take(100_000)
            time.sleep(max(0.0, began + read / 1_500_000 - time.monotonic()))
        assert time.monotonic() - began > 3 * REQUEST_SECONDS
