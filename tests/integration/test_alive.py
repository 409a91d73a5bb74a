"""The containers' health check: what a process wrote itself counts; a database away is no fault."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from backend.monitoring import presence
from tests.integration.processes import Processes

Sql = Callable[..., list[Any]]


def test_who_has_spoken_is_alive_and_who_fell_silent_is_not(database: None, sql: Sql) -> None:
    with pytest.raises(CommandError, match="no keeper process"):
        call_command("alive", "keeper")
    presence.report("keeper", "ready")
    call_command("alive", "keeper")
    sql("UPDATE monitoring_workerstate SET seen_at = now() - interval '1 minute'")
    with pytest.raises(CommandError, match="said nothing for 6"):
        call_command("alive", "keeper")
    # Another machine's silence is not ours.
    sql("UPDATE monitoring_workerstate SET host = 'elsewhere'")
    with pytest.raises(CommandError, match="no keeper process"):
        call_command("alive", "keeper")


def test_a_database_that_is_away_is_no_fault_of_the_process(processes: Processes) -> None:
    away = os.environ["DATABASE_URL"].rpartition("@")[0] + "@127.0.0.1:1/none"
    ran = processes.run("manage.py", "alive", "triage", DATABASE_URL=away)
    assert ran.returncode == 0, ran.stderr
    assert "unknown" in ran.stdout
