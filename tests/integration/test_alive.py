"""The containers' health check: what a process wrote itself counts; a database away is no fault."""

import os
import signal
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from django.db import OperationalError

from backend.monitoring import exporter, presence
from backend.stack import ports
from backend.stack.ports import HOST
from tests.eventually import eventually
from tests.integration.processes import Processes

Sql = Callable[..., list[Any]]


def test_who_has_spoken_is_alive_and_who_fell_silent_is_not(database: None, sql: Sql) -> None:
    assert exporter.Health("keeper")() == ("nobody here has reported yet", False)
    presence.report("keeper", "ready")
    assert exporter.Health("keeper")() == ("1 alive", True)
    sql("UPDATE monitoring_workerstate SET seen_at = now() - interval '1 minute'")
    text, well = exporter.Health("keeper")()
    assert text.startswith("silent for 6")
    assert not well
    # Another machine's silence is not ours.
    sql("UPDATE monitoring_workerstate SET host = 'elsewhere'")
    assert exporter.Health("keeper")() == ("nobody here has reported yet", False)


def test_a_database_that_is_away_is_no_fault_of_the_process(
    database: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(kind: str) -> list[float]:
        raise OperationalError

    monkeypatch.setattr(presence, "here", away)
    text, well = exporter.Health("keeper")()
    assert "unknown" in text
    assert well


def test_a_keeper_answers_on_its_port_until_it_is_frozen(processes: Processes) -> None:
    port = ports.choose({}, {})["flower"]
    processes.environment["METRICS_PORT"] = str(port)
    keeper = processes.keeper()
    with httpx.Client(base_url=f"http://{HOST}:{port}", timeout=2) as client:

        def healthy() -> bool:
            try:
                return client.get("/alive").status_code == 200
            except httpx.TransportError:
                return False

        eventually(healthy, what="the keeper has reported")
        assert client.get("/metrics").status_code == 401
        assert client.get("/").status_code == 404
        os.kill(keeper.pid, signal.SIGSTOP)
        assert not healthy()
        os.kill(keeper.pid, signal.SIGCONT)
        eventually(healthy, what="it goes on")
