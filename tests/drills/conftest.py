"""One running system for all drills of a session, healed before and after each; and, for tests of
the lifecycle in this process, a database of their own beside the one of the integration tests."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection, connections

from backend.clients import keys
from tests.drills.harness import ROOT, System
from tests.integration.conftest import models_dir

__all__ = ["models_dir"]  # a fixture


@pytest.fixture(scope="session")
def one_system(models_dir: Path) -> Iterator[System]:
    with (
        tempfile.TemporaryDirectory(prefix="triage-drill-") as place,
        System(Path(place), models_dir) as system,
    ):
        system.start()
        yield system


@pytest.fixture
def system(one_system: System) -> Iterator[System]:
    """Everything is alive and quiet before and after; rows of earlier drills are gone."""
    one_system.heal()
    one_system.sql("TRUNCATE triage_triagerequest CASCADE")
    yield one_system
    one_system.heal()


@pytest.fixture(scope="session")
def own_database() -> Any:
    """A migrated database `drill` on the tests' server: a connection to it."""
    url = urlsplit(os.environ["DATABASE_URL"])
    with psycopg.connect(url.geturl(), autocommit=True) as server:
        server.execute("DROP DATABASE IF EXISTS drill")
        server.execute("CREATE DATABASE drill")
    environment = os.environ | {
        "DATABASE_URL": url._replace(path="/drill").geturl(),
        "DATABASE_BOUNDED": "false",
    }
    command = [sys.executable, "manage.py", "migrate", "--noinput"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    before = connections["default"]
    return type(before)({**before.settings_dict, "NAME": "drill"}, "default")


@pytest.fixture
def database(own_database: Any, django_db_blocker: Any) -> Iterator[None]:
    """`drill` as Django's connection of this thread, for one test: another's threads would
    look into another database."""
    with django_db_blocker.unblock():
        before = connections["default"]
        connections["default"] = own_database
        try:
            clear()
            yield
            clear()
        finally:
            own_database.close()
            connections["default"] = before


@pytest.fixture
def owner_id(database: None) -> int:
    return keys.create_client("drill")


@pytest.fixture
def sql(database: None) -> Callable[..., list[Any]]:
    def run(statement: str, *parameters: Any) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    return run


def clear() -> None:
    """Remove all requests."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE triage_triagerequest, monitoring_alert CASCADE")
