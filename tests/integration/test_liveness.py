"""Liveness that does not lie: canaries, stopped children, and probes without Redis or model."""

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from backend.monitoring import presence, status
from backend.monitoring.liveness import Liveness
from backend.triage import canary, lifecycle, queries
from backend.triage.values import Submission
from ml.case import parse_case
from ml.schema import Level
from tests.eventually import eventually
from tests.integration.conftest import SORE_THROAT
from tests.integration.processes import Processes
from tests.integration.test_lifecycle import claim_one, finished

Sql = Callable[..., list[Any]]
NO_REDIS = {"REDIS_URL": "redis://127.0.0.1:1/0"}


def alarms(sql: Sql) -> set[tuple[str, str]]:
    return set(sql("SELECT kind, subject FROM monitoring_alert WHERE resolved_at IS NULL"))


def age(sql: Sql, seconds: float) -> None:
    """Let a canary grow old."""
    sql(
        "UPDATE triage_triagerequest SET accepted_at = accepted_at - make_interval(secs => %s),"
        " deadline_at = deadline_at - make_interval(secs => %s)",
        seconds,
        seconds,
    )


@pytest.fixture
def period(settings: Any, database: None) -> None:
    settings.CANARY_SECONDS = 30


def test_one_canary_a_period_however_many_keepers(period: None, sql: Sql) -> None:
    assert [canary.send_if_due() for _ in range(3)] == [True, False, False]
    age(sql, 31)
    sql("UPDATE triage_triagerequest SET idempotency_key = 'the period before'")
    assert canary.send_if_due()
    assert sql("SELECT count(*), count(DISTINCT arm) FROM triage_triagerequest") == [(2, 1)]
    assert sql("SELECT DISTINCT arm FROM triage_triagerequest") == [("excluded",)]


def test_a_canary_is_judged_by_whether_a_model_answered_in_time(period: None, sql: Sql) -> None:
    assert canary.last() == canary.Canary("none")
    canary.send_if_due()
    assert canary.last().state == "none", "it still has time"
    token, row = claim_one()
    lifecycle.finish(token, [finished(row, Level.SOON)])
    assert canary.last().state == "answered"
    age(sql, 200)
    assert canary.last().state == "missing"
    sql("UPDATE triage_triagerequest SET idempotency_key = 'a period before'")
    assert canary.send_if_due()
    sql("UPDATE triage_triagerequest SET deadline_at = now() WHERE answer = 'open'")
    assert canary.last().state == "failed"
    lifecycle.enforce_deadlines()
    assert canary.last().state == "failed", "an answer of the rules proves nothing"


def test_canaries_are_no_patients_and_are_deleted(period: None, owner_id: int, sql: Sql) -> None:
    canary.send_if_due()
    age(sql, 3_500)
    assert queries.oldest_open_seconds() == 0
    assert queries.first_accepted_at() is None
    kept = lifecycle.submit(owner_id, [Submission(parse_case(SORE_THROAT))])[0].id
    age(sql, 200)
    assert canary.delete_old() == 1
    assert sql("SELECT id FROM triage_triagerequest") == [(kept,)]


def test_a_silent_process_is_red_a_dead_or_ended_one_is_not(database: None, sql: Sql) -> None:
    today = datetime.now(UTC).date()
    watch = Liveness()
    presence.report("triage", "ready")
    quiet = "UPDATE monitoring_workerstate SET seen_at = now() - interval '36 s'"
    sql(quiet)
    watch.check()
    watch.check()
    assert ("silent_process", "triage") in alarms(sql)
    assert sql("SELECT repeats FROM monitoring_alert WHERE kind = 'silent_process'") == [(0,)]
    assert not status.status(today)["parts"]["processes"]["ok"]
    presence.report("triage", "ready")
    watch.check()
    assert ("silent_process", "triage") not in alarms(sql)
    # Killed: its number is nobody's. A sibling's next report removes it.
    sql("UPDATE monitoring_workerstate SET pid = 4194304")
    presence.report("triage", "ready")
    assert sql("SELECT pid FROM monitoring_workerstate") == [(os.getpid(),)]
    sql(quiet)
    presence.leave("triage")
    assert presence.silent() == []


def test_a_machine_that_vanished_is_forgotten_and_a_frozen_process_is_not(
    database: None, sql: Sql
) -> None:
    presence.report("keeper", "ready")
    sql(
        "INSERT INTO monitoring_workerstate (kind, host, pid, state, reason, model_version,"
        " model_digest, seen_at)"
        " SELECT 'triage', host, pid, 'ready', '', '', '', now() - make_interval(secs => age)"
        " FROM (VALUES ('gone', 7, 301), ('half', 8, 301), ('half', 9, 0), ('half', 10, 3660),"
        " ('late', 11, 299)) AS known(host, pid, age)"
    )
    assert len(presence.silent()) == 4
    assert presence.forget_old() == 2
    assert [one["pid"] for one in presence.silent()] == [8, 11]


def test_readiness_does_not_depend_on_redis_workers_or_model(
    processes: Processes, owner_key: str
) -> None:
    processes.environment |= NO_REDIS
    web = processes.web(owner_key)
    assert web.get("/readyz").status_code == 200
    assert web.get("/livez").status_code == 200
    found = web.get("/statusz")
    assert found.status_code == 503
    assert not found.json()["parts"]["broker"]["ok"]
    assert web.get("/readyz").status_code == 200


@pytest.mark.slow
def test_a_stopped_child_is_red_and_an_alarm_while_ping_says_pong(
    processes: Processes, owner_key: str, sql: Sql
) -> None:
    """One child of two: patients are still served by the other, and yet somebody must know."""
    processes.environment["CANARY_SECONDS"] = "5"
    web, worker = processes.web_and_worker(owner_key, children=2)
    processes.keeper()
    ready = "SELECT pid FROM monitoring_workerstate WHERE kind = 'triage' AND state = 'ready'"
    children = [row[0] for row in eventually(lambda: len(sql(ready)) == 2 and sql(ready))]

    def parts() -> Any:
        return web.get("/statusz").json()["parts"]

    eventually(lambda: parts()["canary"]["state"] == "answered", 30, what="a canary came through")
    assert parts()["processes"]["ok"]
    os.kill(children[0], signal.SIGSTOP)
    stopped = time.monotonic()
    eventually(lambda: not parts()["processes"]["ok"], 45, 0.5, what="/statusz is red")
    eventually(
        lambda: ("silent_process", "triage") in alarms(sql), 45, 0.5, what="the alarm is raised"
    )
    assert time.monotonic() - stopped < 45
    assert web.get("/readyz").status_code == 200
    pong = processes.run("-m", "celery", "-A", "workers.app", "inspect", "ping", "--timeout", "5")
    assert "pong" in pong.stdout, "which is why nobody here believes a ping"
    os.kill(children[0], signal.SIGCONT)
    eventually(lambda: parts()["processes"]["ok"], 30, 0.5, what="green again by itself")
    assert worker.poll() is None


@pytest.mark.slow
def test_workers_that_all_stopped_fail_the_canary(
    processes: Processes, owner_key: str, sql: Sql
) -> None:
    processes.environment["CANARY_SECONDS"] = "5"
    web, worker = processes.web_and_worker(owner_key, children=1)
    processes.keeper()

    def state() -> str:
        return str(web.get("/statusz").json()["parts"]["canary"]["state"])

    eventually(lambda: state() == "answered", 30, what="a canary came through")
    os.killpg(worker.pid, signal.SIGSTOP)
    eventually(lambda: state() == "failed", 25, 0.5, what="a canary failed")
    eventually(lambda: ("canary_failed", "triage") in alarms(sql), 10, what="the alarm")
    os.killpg(worker.pid, signal.SIGCONT)
    eventually(lambda: state() == "answered", 30, 0.5, what="green again by itself")
    eventually(lambda: ("canary_failed", "triage") not in alarms(sql), 10, what="resolved")
