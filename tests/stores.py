"""A pytest plugin: private PostgreSQL and Valkey for the tests that need them.

Loaded with `-p tests.stores`, because pytest-django reads the settings before any conftest is
imported, and the settings read these variables. The addresses are decided at once, the servers
start only when a collected test lies in a directory that needs them.

Wanted but impossible: a failure with CI=true, at home a skip with the reason. TEST_DATABASE_URL
and TEST_REDIS_URL name servers to use instead.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from backend.stack import environment, ports, secrets
from backend.stack.checkout import Checkout
from backend.stack.errors import StackError
from backend.stack.logfile import LogFile
from backend.stack.process import Process
from backend.stack.stores import PostgreSQL, Valkey, clean_environment

NEEDING_STORES = ("integration", "acceptance", "drills", "contracts", "browser")
_TESTS = Path(__file__).resolve().parent


class PrivateStores:
    """Two servers in one temporary directory, for one run of pytest."""

    def __init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="triage-tests-"))
        self._processes: list[Process] = []
        chosen = ports.choose({}, {})
        self._valkey = Valkey(self._directory / "valkey", chosen["redis"], "for-tests-only")
        self._postgres = PostgreSQL(
            self._directory / "postgres", chosen["postgres"], "for-tests-only", durable=False
        )

    def announce(self) -> None:
        """Put the addresses where the settings read them. Replaces what the developer has set:
        tests must never touch a real database."""
        checkout = Checkout.of({"STATE_DIR": str(self._directory / "state")})
        checkout.make_state()
        secrets.create_missing(checkout.secrets)
        database_url = os.environ.get("TEST_DATABASE_URL") or self._postgres.url
        redis_url = os.environ.get("TEST_REDIS_URL") or self._valkey.url
        complete = environment.for_processes(os.environ, checkout, database_url, redis_url)
        os.environ.update(complete)
        os.environ["TRIAGE_MODELS_DIR"] = str(self._directory / "models")

    def start(self) -> None:
        """Start what is not given from outside. Raises StackError."""
        if not os.environ.get("TEST_REDIS_URL"):
            self._start(self._valkey)
        if not os.environ.get("TEST_DATABASE_URL"):
            self._start(self._postgres)

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _start(self, store: PostgreSQL | Valkey) -> None:
        service = store.prepare()
        log = LogFile(self._directory / f"{service.name}.log")
        process = Process(service, log, clean_environment(), self._directory)
        self._processes.append(process)
        if not process.wait_until_ready(30):
            raise StackError(f"{service.name} did not start: {log.last_lines(5)}")


_stores: PrivateStores | None = None


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    # A wrapper runs before every plain hook, pytest-django's included.
    global _stores
    _stores = PrivateStores()
    # Not a pytest hook: a usage error ends pytest without one.
    atexit.register(_stores.stop)
    _stores.announce()
    return (yield)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    needing = [item for item in items if _needs_stores(item.path)]
    if not needing or config.option.collectonly or _stores is None:
        return
    try:
        _stores.start()
    except (StackError, OSError) as error:
        if os.environ.get("CI") == "true":
            pytest.exit(f"the stores are needed and did not start: {error}", returncode=1)
        for item in needing:
            item.add_marker(pytest.mark.skip(reason=f"no stores: {error}"))


def _needs_stores(path: Path) -> bool:
    place = path.resolve()
    return place.is_relative_to(_TESTS) and place.relative_to(_TESTS).parts[0] in NEEDING_STORES
