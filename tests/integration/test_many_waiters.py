"""How many callers two web processes hold while they wait, and how soon all of them are told.

Its numbers: `pytest -s -m slow tests/integration/test_many_waiters.py`.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import SORE_THROAT
from tests.integration.processes import Processes

WAITERS = 2_000
MOST_THREADS = 20


def sizes(parent: int) -> list[tuple[int, int]]:
    """Megabytes and threads of each web process."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    found = []
    for pid in children:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        read = {
            line.split()[0]: int(line.split()[1]) for line in lines if line[:3] in ("VmR", "Thr")
        }
        found.append((read["VmRSS:"] // 1024, read["Threads:"]))
    return found


@pytest.mark.slow
def test_two_thousand_wait_and_all_are_told(
    processes: Processes, owner_key: str, sql: Callable[..., list[Any]]
) -> None:
    web = processes.web(owner_key)
    place = web.post("/api/v1/triage/", json=SORE_THROAT).headers["Location"]
    sql("UPDATE triage_triagerequest SET deadline_at = now() + interval '10 minutes'")
    before = sizes(processes.pid_of_web())
    head = f"GET {place}?wait=10 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    asked = f"{head}Authorization: Bearer {owner_key}\r\n\r\n".encode()
    told: list[tuple[float, bool]] = []

    async def wait() -> None:
        reader, writer = await asyncio.open_connection(web.base_url.host, web.base_url.port)
        writer.write(asked)
        answer = await reader.read()
        told.append((time.monotonic(), b'"cancelled"' in answer))
        writer.close()

    async def all_of_them() -> float:
        began = time.monotonic()
        calls = []
        for number in range(WAITERS):
            calls.append(asyncio.create_task(wait()))
            if number % 50 == 49:
                await asyncio.sleep(0.05)
        # The first of them leaves after 10 s.
        await asyncio.sleep(max(0, 8.5 - (time.monotonic() - began)))
        assert not told
        during = sizes(processes.pid_of_web())
        print("MB and threads before", before, "while waiting", during)
        assert max(threads for _, threads in during) <= MOST_THREADS
        cancelled = time.monotonic()
        await asyncio.to_thread(web.post, f"{place}cancel/", json={})
        await asyncio.gather(*calls)
        return cancelled

    cancelled = asyncio.run(all_of_them())
    after = sorted(at - cancelled for at, _ in told)
    print(f"told after {after[0]:.2f} s, median {after[WAITERS // 2]:.2f}, last {after[-1]:.2f}")
    assert all(news for _, news in told)
