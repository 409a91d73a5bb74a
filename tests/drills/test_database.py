"""Scenario 8: PostgreSQL restarted, cut off, and locked. Stopped with SIGSTOP: see
`tests/integration/test_database_faults.py`."""

import contextlib
from pathlib import Path

import pytest

from tests.drills import database_scenarios as scenarios
from tests.drills.harness import System
from tests.drills.small_disk import small_disk


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_a_restarted_database_loses_no_accepted_request(
    system: System, tmp_path: Path, how: str
) -> None:
    scenarios.restarted(system, tmp_path, seed=20, faults=1, how=how).check()


@pytest.mark.slow
def test_many_restarts_lose_no_accepted_request(system: System, tmp_path: Path) -> None:
    scenarios.restarted(system, tmp_path, seed=21, faults=10, how="either").check()


def test_connections_cut_in_mid_transaction_lose_nothing(system: System, tmp_path: Path) -> None:
    scenarios.cut_off(system, tmp_path, seed=22, faults=8).check()


def test_a_lock_pile_up_is_a_503_in_time(system: System, tmp_path: Path) -> None:
    drilled = scenarios.locked(system, tmp_path, seed=23, seconds=4)
    drilled.check()
    assert drilled.statuses.get(503, 0) > 0, "it was really locked"


@pytest.mark.slow
def test_a_full_disk_is_a_503_and_loses_nothing(models_dir: Path, tmp_path: Path) -> None:
    disk = tmp_path / "system" / "postgres"
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(small_disk(disk, 224))
        except PermissionError as error:
            pytest.skip(f"no file system can be mounted here: {error}")
        system = stack.enter_context(System(tmp_path / "system", models_dir))
        system.start()
        drilled = scenarios.disk_full(system, tmp_path, seed=24, seconds=5, disk=disk)
        drilled.check()
        assert drilled.statuses.get(503, 0) > 0, "it was really full"
