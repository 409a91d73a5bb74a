"""Promises 5 and 15 with a PostgreSQL of their own: stopped, killed, and back."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.stack import ports
from backend.stack.logfile import LogFile
from backend.stack.process import Process
from backend.stack.stores import PostgreSQL, clean_environment
from tests.eventually import eventually
from tests.integration.conftest import SORE_THROAT
from tests.integration.processes import Processes

TRIAGE = "/api/v1/triage/"


class OwnPostgreSQL:
    """A server that a test may stop and kill."""

    def __init__(self, directory: Path) -> None:
        chosen = ports.choose({}, {})["postgres"]
        self.store = PostgreSQL(directory / "pg", chosen, "for-tests-only", durable=False)
        self._directory = directory
        self._log = LogFile(directory / "pg.log")
        self.key: str | None = None

    def start(self) -> None:
        service = self.store.prepare()
        self.process = Process(service, self._log, clean_environment(), self._directory)
        assert self.process.wait_until_ready(30)

    def signal_all(self, number: int) -> None:
        """To the server and each of its backends, as `kill -STOP -1` of its user would."""
        for pid in family(self.process.pid):
            os.kill(pid, number)


def family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in family(int(child)))]


@pytest.fixture(scope="module")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnPostgreSQL]:
    server = OwnPostgreSQL(tmp_path_factory.mktemp("own"))
    server.start()
    yield server
    server.process.stop()


@pytest.fixture
def own(one_server: OwnPostgreSQL) -> Iterator[OwnPostgreSQL]:
    """It runs before and after."""
    yield one_server
    one_server.signal_all(signal.SIGCONT)
    if one_server.process.exit_code() is not None:
        one_server.start()


@pytest.fixture
def web(own: OwnPostgreSQL, tmp_path: Path, processes: Processes) -> httpx.Client:
    processes.environment["DATABASE_URL"] = own.store.url
    if own.key is None:  # the first test that needs it
        migrated = processes.run("manage.py", "migrate", "--noinput")
        assert migrated.returncode == 0, migrated.stderr
        key_file = tmp_path / "key"
        made = processes.run("manage.py", "create_client", "owner", "--key-file", str(key_file))
        assert made.returncode == 0, made.stderr
        own.key = key_file.read_text().strip()
    return processes.web(own.key)


def post(web: httpx.Client) -> tuple[httpx.Response, float]:
    started = time.monotonic()
    response = web.post(TRIAGE, json=SORE_THROAT)
    return response, time.monotonic() - started


def test_a_stopped_database_is_a_503_within_three_seconds_and_comes_back(
    own: OwnPostgreSQL, web: httpx.Client
) -> None:
    """SIGSTOP: connections stay open and the server's own timers never fire."""
    accepted = [post(web)[0] for _ in range(8)]
    assert {one.status_code for one in accepted} == {202}
    own.signal_all(signal.SIGSTOP)
    for _ in range(3):
        response, seconds = post(web)
        assert response.status_code == 503
        assert response.headers["Content-Type"] == "application/problem+json"
        assert int(response.headers["Retry-After"]) >= 1
        assert seconds < 3.5, "3 s, and what a busy machine adds"
    assert web.get(accepted[0].headers["Location"]).status_code == 503
    assert web.get("/livez").status_code == 200
    assert web.get("/readyz").status_code == 503
    own.signal_all(signal.SIGCONT)
    eventually(lambda: post(web)[0].status_code == 202, 30, what="accepting again")
    for one in accepted:
        assert web.get(one.headers["Location"]).status_code == 200, "no 202 is lost"


def test_a_killed_database_is_a_503_and_nothing_accepted_is_lost(
    own: OwnPostgreSQL, web: httpx.Client, processes: Processes
) -> None:
    accepted = [post(web)[0] for _ in range(4)]
    processes.keeper()
    processes.worker()
    own.process.kill()
    response, seconds = post(web)
    assert response.status_code == 503
    assert seconds < 3.5
    own.start()
    eventually(lambda: post(web)[0].status_code == 202, 30, what="accepting again")

    def all_done() -> bool:
        found: list[Any] = [web.get(one.headers["Location"]) for one in accepted]
        return all(one.status_code == 200 and one.json()["done"] for one in found)

    eventually(all_done, 30, what="worker and keeper are back by themselves")
