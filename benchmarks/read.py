"""Reading results: polls of finished and open requests, and many callers who wait for theirs."""

import asyncio
import time
from uuid import UUID

from backend.stack.ports import HOST
from benchmarks import load, machine, rows
from benchmarks.accept import NAIVE, OURS, key
from benchmarks.report import Report, quantile
from benchmarks.system import System, seconds_of

ROUNDS = 3
CONNECTIONS = 16
WAITERS = 2_000


def measure(system: System, scale: float) -> Report:
    report = Report("read", "GET of one request; callers who wait for their answer")
    seconds = max(1.0, 3.0 * scale)
    _polls(system, seconds, report)
    _waiting(system, max(100, int(WAITERS * min(1.0, scale))), report)
    return report


def _polls(system: System, seconds: float, report: Report) -> None:
    backlog = rows.Backlog(1_000)
    naive_ids = backlog.lay_naive(1_000)
    backlog.lay_ours(keep=True)
    found = rows.execute("SELECT id FROM triage_triagerequest WHERE answer = 'open' ORDER BY id")
    open_ids = [str(row[0]) for row in found]
    finished, still_open = open_ids[: len(open_ids) // 2], open_ids[len(open_ids) // 2 :]
    rows.finish([UUID(one) for one in finished])
    rows.finish_naive(naive_ids[:500])
    with system.web() as (web, port), system.naive_web() as (naive_web, naive_port):
        for what, ids, other in (
            ("finished", finished, naive_ids[:500]),
            ("open", still_open, naive_ids[500:]),
        ):
            ours, naive, cost, other_cost = [], [], [], []
            mine = [load.get(port, f"{OURS}{one}/", key(system)) for one in ids]
            theirs = [load.get(naive_port, f"{NAIVE}{one}/", {}) for one in other]
            load.closed_loop(port, mine, CONNECTIONS, seconds / 4)
            load.closed_loop(naive_port, theirs, CONNECTIONS, seconds / 4)
            for _ in range(ROUNDS):
                for process, at, requests, rate, spent in (
                    (web, port, mine, ours, cost),
                    (naive_web, naive_port, theirs, naive, other_cost),
                ):
                    before = seconds_of(process) + system.postgres_seconds()
                    done = load.closed_loop(at, requests, CONNECTIONS, seconds).only(200)
                    after = seconds_of(process) + system.postgres_seconds()
                    rate.append(done.per_second)
                    spent.append((after - before) / len(done.seconds) * 1e3)
            report.compare(f"poll, {what}", "requests/s", ours, naive, at_least=2)
            report.compare(f"… processor time, {what}", "ms/request", cost, other_cost, cost=True)
    rows.empty()


def _waiting(system: System, count: int, report: Report) -> None:
    """`count` callers wait in one web process; their requests are finished in batches of 256."""
    backlog = rows.Backlog(count + count // 3)
    backlog.lay_ours()
    found = rows.execute(
        "SELECT id FROM triage_triagerequest WHERE answer = 'open' LIMIT %s", count
    )
    ids = [row[0] for row in found]
    with system.web(processes=1) as (web, port):
        pids = machine.family(web.pid)
        before = sum(machine.memory(pid)["pss"] for pid in pids)
        delays, held = asyncio.run(_wait_all(system, port, ids, pids))
    report.tell("callers waiting in one web process", "", [float(held.waiting)])
    report.tell("… not held, answered at once", "", [float(held.at_once)])
    report.tell("… threads of all its processes", "", [float(held.threads)])
    report.tell("… memory for each", "kB", [(held.megabytes - before) * 1024 / max(1, count)])
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        if delays:
            report.tell(f"… commit to answer {name}", "ms", [quantile(delays, share) * 1e3])
    rows.empty()


class _Held:
    """What the web process looked like while everybody waited."""

    waiting = at_once = threads = 0
    megabytes = 0.0


async def _wait_all(
    system: System, port: int, ids: list[UUID], pids: list[int]
) -> tuple[list[float], _Held]:
    answered: dict[UUID, float] = {}
    held = _Held()

    async def caller(one: UUID) -> None:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(load.get(port, f"{OURS}{one}/?wait=10", key(system)))
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(load.length_of(head))
        if b'"done":true' in body.replace(b" ", b""):
            answered[one] = time.time()
        writer.close()

    callers = [asyncio.create_task(caller(one)) for one in ids]
    await asyncio.sleep(5)
    held.at_once = sum(one.done() for one in callers)
    held.waiting = len(callers) - held.at_once
    held.threads = sum(machine.threads(pid) for pid in pids)
    held.megabytes = sum(machine.memory(pid)["pss"] for pid in pids)
    for start in range(0, len(ids), 256):
        await asyncio.to_thread(rows.finish, ids[start : start + 256])
    await asyncio.gather(*callers, return_exceptions=True)
    committed = await asyncio.to_thread(rows.committed_at)
    return [at - committed[one] for one, at in answered.items() if one in committed], held
