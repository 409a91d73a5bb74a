"""Readiness: a process before a database of another shape would fail or lie; it must say so."""

from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader

from backend.monitoring import status


@pytest.fixture(autouse=True)
def unasked(database: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test does to the table of migrations is undone; other processes never see it."""
    monkeypatch.setattr(status, "_migrations_seen", False)
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def unapply(app: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = %s AND name = %s", [app, name])
        assert cursor.rowcount == 1


def newest(app: str) -> str:
    return MigrationLoader(connection).graph.leaf_nodes(app)[0][1]


def test_every_migration_applied_is_ready() -> None:
    assert status.database_ready()


@pytest.mark.parametrize("app", ["triage", "monitoring", "auth"])
def test_one_migration_missing_is_not_ready(app: str) -> None:
    unapply(app, newest(app))
    assert not status.database_ready()


def test_a_database_without_the_table_of_migrations_is_not_ready() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE django_migrations RENAME TO elsewhere")
    assert not status.database_ready()


def test_a_database_ahead_of_the_code_is_ready() -> None:
    """During an update the database is migrated first; processes of the release before go on."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied)"
            " VALUES ('triage', '9999_of_the_next_release', now())"
        )
    assert status.database_ready()


def test_the_files_are_what_django_would_load() -> None:
    assert status._migrations_on_disk() == MigrationLoader(None).disk_migrations.keys()


def test_readiness_imports_no_migration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Imported, they and the models rebuilt from them stay in the memory of the web process."""

    def load(loader: MigrationLoader) -> None:
        raise AssertionError("every migration imported")

    monkeypatch.setattr(MigrationLoader, "load_disk", load)
    assert status.database_ready()
