"""Scenario 9: more than can be done. Urgent first, bounded, and over within 30 s."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.drills.harness import TRIAGE, WEBS, WORKERS, System
from tests.drills.load import bodies
from tests.eventually import eventually

SOFT, HARD = 60, 200


def send(web: httpx.Client, some: list[dict[str, Any]]) -> httpx.Response:
    return web.post(f"{TRIAGE}batch/", json={"requests": some})


def frozen(system: System) -> list[int]:
    """Stops all workers: the capacity is nothing."""
    pids = [pid for name in WORKERS for pid in system.family(name)]
    system.freeze(*pids)
    return pids


def test_beyond_the_soft_limit_the_queue_is_left_to_the_urgent(system: System) -> None:
    system.restart(*WEBS, OPEN_SOFT_LIMIT=str(SOFT), OPEN_HARD_LIMIT=str(HARD))
    stopped = frozen(system)
    with system.client() as web:
        count = "SELECT count(*) FROM triage_triagerequest WHERE answer = 'open'"
        for number in range(20):
            if system.sql(count)[0][0] >= SOFT:
                break
            assert send(web, bodies(900 + number, 40)).status_code == 202
        time.sleep(0.6)  # the count is taken twice a second
        later = send(web, bodies(950, 100)).json()["items"]
        shown = [item["request"] for item in later]
        for one in shown:
            if one["done"]:
                assert one["answer"]["reason"] in ("overload", "red_flag", "arm")
            else:
                assert one["provisional"]["prediction"] in ("urgent", "emergency")
        reasons = {one["answer"]["reason"] for one in shown if one["done"]}
        assert "overload" in reasons
        assert any(not one["done"] for one in shown), "urgent ones wait for a model"
        system.thaw(*stopped)
        system.wait_for_quiet(30)
        amended = system.sql(
            "SELECT count(*) FROM triage_triageanswer AS a JOIN triage_triageanswer AS b"
            " ON b.request_id = a.request_id AND b.sequence = 2"
            " WHERE a.sequence = 1 AND b.level <= a.level"
        )
        assert amended == [(0,)], "a late opinion only raises"


def test_beyond_the_hard_limit_nothing_is_accepted_until_there_is_room(system: System) -> None:
    system.restart(*WEBS, OPEN_SOFT_LIMIT=str(HARD), OPEN_HARD_LIMIT=str(HARD))
    stopped = frozen(system)
    with system.client() as web:
        refused = None
        for number in range(40):
            answer = send(web, bodies(800 + number, 50))
            if answer.status_code != 202:
                refused = answer
                break
            time.sleep(0.3)
        assert refused is not None, "the backlog is bounded"
        assert refused.status_code == 503
        assert refused.json()["type"].endswith("overloaded")
        assert int(refused.headers["Retry-After"]) >= 1
        stored = system.sql("SELECT count(*) FROM triage_triagerequest")
        assert web.post(TRIAGE, json=bodies(1, 1)[0]).status_code == 503
        assert web.post("/api/ml/predict/", json=bodies(1, 1)[0]).status_code == 503
        assert system.sql("SELECT count(*) FROM triage_triagerequest") == stored
        system.thaw(*stopped)
        posted = lambda: web.post(TRIAGE, json=bodies(2, 1)[0]).status_code == 202  # noqa: E731
        eventually(posted, 30, 0.5, what="accepting again")
        system.wait_for_quiet(30)


def test_urgent_requests_are_answered_before_others(system: System) -> None:
    # One child alone: a small batch of another child could be committed first.
    system.stop("triage2")
    system.freeze(system.children("triage1")[0])
    stopped = [system.pid("triage1"), system.children("triage1")[1]]
    system.freeze(*stopped)
    with system.client() as web:
        for number in range(8):
            assert send(web, bodies(700 + number, 100)).status_code == 202
    system.thaw(*stopped)
    system.wait_for_quiet(30)
    # Batches of 256 are committed in the order in which they were claimed.
    ranked = system.sql(
        "SELECT avg(rank) FILTER (WHERE priority >= 2), avg(rank) FILTER (WHERE priority = 0)"
        " FROM (SELECT r.priority, rank() OVER (ORDER BY a.answered_at)"
        "   FROM triage_triagerequest AS r JOIN triage_triageanswer AS a ON a.request_id = r.id"
        "   WHERE a.sequence = 1 AND a.method <> 'red_flag_override') AS answered"
    )
    assert ranked[0][0] < ranked[0][1], "urgent ones first"
    late = "SELECT count(*) FROM triage_triageanswer AS a JOIN triage_triagerequest AS r"
    assert system.sql(f"{late} ON r.id = a.request_id WHERE a.answered_at > r.deadline_at") == [
        (0,)
    ]


@pytest.mark.slow
def test_a_minute_of_more_than_it_can_do_ends_well(system: System, tmp_path: Path) -> None:
    """As many batches as four threads can send, against one worker's child."""
    system.stop("triage2")
    system.freeze(system.children("triage1")[0])
    stop = threading.Event()
    statuses: set[int] = set()

    def flood(number: int) -> None:
        with system.client(WEBS[number % 2], timeout=30) as web:
            turn = 0
            while not stop.is_set():
                turn += 1
                statuses.add(send(web, bodies(number * 1_000 + turn % 5, 200)).status_code)

    connections = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(flood, number) for number in range(4)]
        time.sleep(15)
        early = memory(system), system.sql(connections)[0][0]
        time.sleep(45)
        late = memory(system), system.sql(connections)[0][0]
        stop.set()
        for one in running:
            one.result()
    assert statuses <= {202, 503}
    assert late[0] < early[0] * 1.25, f"memory is flat: {early[0]} then {late[0]} bytes"
    assert late[1] <= early[1] + 8, "connections are flat"
    open_rows = "SELECT count(*) FROM triage_triagerequest WHERE answer = 'open'"
    system.thaw()
    eventually(lambda: system.sql(open_rows) == [(0,)], 30, what="recovered")
    overdue = system.sql(
        "SELECT max(extract(epoch FROM a.answered_at - r.deadline_at))::float8"
        " FROM triage_triageanswer AS a JOIN triage_triagerequest AS r ON r.id = a.request_id"
        " WHERE a.sequence = 1"
    )
    assert overdue[0][0] < 3, "nobody waited past the deadline and a sweep"
    system.sql("TRUNCATE triage_triagerequest CASCADE")


def memory(system: System) -> int:
    """Resident bytes of everything but the stores."""
    pages = 0
    for name in system.processes:
        if name not in ("postgres", "valkey"):
            for pid in system.family(name):
                pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096
