"""Scenario 11: one key, many senders; and a web process that dies between commit and response."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.drills.harness import TRIAGE, WORKERS, System
from tests.drills.load import Load, bodies
from tests.drills.oracle import judge
from tests.eventually import eventually


def test_fifty_threads_with_one_key_make_one_request(system: System, tmp_path: Path) -> None:
    body = bodies(14, 1)[0]
    with Load(system, tmp_path / "one.jsonl", seed=14) as load:
        with ThreadPoolExecutor(50) as pool:
            ids = set(pool.map(lambda _: load.submit("one-key", body), range(50)))
        assert len(ids) == 1
        assert None not in ids
        headers = {"Idempotency-Key": "one-key"}
        other = load.clients[0].post(TRIAGE, json=bodies(15, 1)[0], headers=headers)
        assert other.status_code == 422
    system.wait_for_quiet(20)
    assert system.sql("SELECT count(*) FROM triage_triagerequest") == [(1,)]
    assert not judge(system, [load.path]).wrong


def test_a_web_killed_between_commit_and_response_is_asked_again(
    system: System, tmp_path: Path
) -> None:
    system.kill(*WORKERS)
    body = bodies(16, 1)[0] | {"symptoms_data": {"chief_complaint": "sore throat for two days"}}
    headers = {"Idempotency-Key": "interrupted", "Prefer": "wait=9"}
    count = "SELECT id::text FROM triage_triagerequest"
    with system.client("web1") as web, system.client("web2") as other, ThreadPoolExecutor(1) as one:
        lost = one.submit(web.post, TRIAGE, json=body, headers=headers)
        eventually(lambda: system.sql(count), what="the row is committed")
        for pid in system.family("web1")[1:]:
            system.freeze(pid)
        system.kill("web1")
        with pytest.raises(httpx.TransportError):
            lost.result(10)
        del headers["Prefer"]
        again = other.post(TRIAGE, json=body, headers=headers)
        assert again.status_code == 202
        assert system.sql(count) == [(again.json()["id"],)]
    system.heal()
    system.wait_for_quiet(20)
    assert system.sql("SELECT count(*) FROM triage_triageanswer WHERE sequence = 1") == [(1,)]
