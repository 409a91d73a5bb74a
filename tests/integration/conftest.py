"""People and things that the tests know: an owner's key, a stranger's, a bundle, processes."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db import connection, transaction
from django.test import Client

from backend.clients import keys
from ml import bundle
from ml.cohort import generate
from ml.training import train
from tests.integration.processes import Processes

SORE_THROAT = {
    "patient_id": "p-1",
    "symptoms_data": {"chief_complaint": "sore throat for two days, can eat and drink"},
    "patient_age": 34,
    "patient_sex": "female",
    "vital_signs": {"heart_rate_bpm": 82, "temperature_c": 37.9, "spo2_percent": 98},
}
CARDIAC_ARREST = {
    "patient_id": "p-2",
    "symptoms_data": {"chief_complaint": "he is not breathing and has no pulse"},
    "patient_age": 61,
}


class Api:
    """One caller of the in-process API."""

    def __init__(self, key: str | None) -> None:
        self.key = key or ""
        self._client = Client()
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def post(self, path: str, body: Any, **headers: str) -> Any:
        return self._client.post(
            path, body, content_type="application/json", headers=self._headers | headers
        )

    def get(self, path: str, **headers: str) -> Any:
        return self._client.get(path, headers=self._headers | headers)


@pytest.fixture
def database(test_database: None, django_db_blocker: Any) -> Iterator[None]:
    """The test database with real commits, which other processes see; emptied afterwards.

    One TRUNCATE of our own tables: pytest-django's flush of every table, with its signals, takes
    ten times as long.
    """
    with django_db_blocker.unblock():
        yield
        empty_database()


def empty_database() -> None:
    ours = [table for table in connection.introspection.table_names() if _is_ours(table)]
    with transaction.atomic(), connection.cursor() as cursor:
        # Append-only tables refuse it otherwise, and a busy machine may take its time.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(f"TRUNCATE {', '.join(ours)} CASCADE")
    connection.close()


def _is_ours(table: str) -> bool:
    ours = ("clients_", "triage_", "monitoring_", "django_celery_beat_")
    return table.startswith(ours) or table in ("auth_user", "django_session")


@pytest.fixture
def owner_id(database: None) -> int:
    return keys.create_client("owner")


@pytest.fixture
def owner_key(owner_id: int) -> str:
    return keys.create_key(owner_id, "tests")


@pytest.fixture
def owner(owner_key: str) -> Api:
    return Api(owner_key)


@pytest.fixture
def stranger(database: None) -> Api:
    return Api(keys.create_key(keys.create_client("stranger"), "tests"))


@pytest.fixture
def anonymous(database: None) -> Api:
    return Api(None)


@pytest.fixture
def sql(database: None) -> Callable[..., list[Any]]:
    """Run one statement as an operator with psql would."""

    def run(statement: str, *parameters: Any) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    return run


def how_many_wait() -> int:
    """Statements that wait for a lock, in this test's database server."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return int(cursor.fetchone()[0])


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """A small synthetic bundle where every process of the tests looks for it."""
    directory = bundle.default_models_dir()
    if bundle.latest_version() is None:
        made = train(list(generate(900, seed=5)), source="synthetic-tests", seed=5)
        bundle.promote(made.version)
    return directory


@pytest.fixture
def processes(database: None, models_dir: Path, tmp_path: Path) -> Iterator[Processes]:
    """Starts real processes on the test database; ends all of them by their ids."""
    # Hints that earlier tests left are harmless, but they are not this test's.
    redis.Redis.from_url(os.environ["REDIS_URL"]).flushall()
    with Processes(tmp_path, models_dir) as started:
        yield started
