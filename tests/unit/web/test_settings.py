"""Settings stop the process by name, and dangerous ones are found by a check."""

import secrets
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from backend import checks, env


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        (lambda: env.integer("X_TEST", 1, 0, 9), "ten"),
        (lambda: env.integer("X_TEST", 1, 0, 9), "10"),
        (lambda: env.fraction("X_TEST", 0.5), "1.5"),
        (lambda: env.fraction("X_TEST", 0.5), "half"),
        (lambda: env.flag("X_TEST", False), "maybe"),
        (lambda: env.database("X_TEST"), "mysql://u@h/db"),
        (lambda: env.database("X_TEST"), "postgres://u@h"),
    ],
)
def test_a_wrong_value_names_the_variable_and_hides_the_value(
    reader: Any, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("X_TEST", value)
    with pytest.raises(ImproperlyConfigured, match="X_TEST") as caught:
        reader()
    assert value not in str(caught.value)


def test_a_database_url_is_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_TEST", "postgres://us%40er:p%2Fw@db.example:5433/triage")
    found = env.database("X_TEST")
    assert found == {
        "HOST": "db.example",
        "PORT": "5433",
        "USER": "us@er",
        "PASSWORD": "p/w",
        "NAME": "triage",
    }


def test_a_short_or_missing_secret_stops_the_process(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="pseudonym_key cannot be read"):
        env.secret(tmp_path, "pseudonym_key")
    (tmp_path / "pseudonym_key").write_text("short\n")
    with pytest.raises(ImproperlyConfigured, match="shorter than 32") as caught:
        env.secret(tmp_path, "pseudonym_key")
    assert "short\n" not in str(caught.value)


@pytest.mark.parametrize(
    "weak",
    ["a" * 64, "change-me-" + "0123456789abcdef" * 3, "this is an EXAMPLE " * 3, "12" * 32],
)
def test_a_weak_or_sample_secret_stops_the_process(
    weak: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "experiment_salt").write_text(weak)
    with pytest.raises(ImproperlyConfigured, match="experiment_salt is no random") as caught:
        env.secret(tmp_path, "experiment_salt")
    monkeypatch.setenv("EXPERIMENT_SALT", weak)
    with pytest.raises(ImproperlyConfigured, match="EXPERIMENT_SALT is no random"):
        env.secret(tmp_path, "experiment_salt")
    assert weak not in str(caught.value)


def test_a_secret_comes_from_its_variable_or_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = secrets.token_hex(32), secrets.token_hex(32)
    (tmp_path / "experiment_salt").write_text(one + "\n")
    assert env.secret(tmp_path, "experiment_salt") == one
    monkeypatch.setenv("EXPERIMENT_SALT", other)
    assert env.secret(tmp_path, "experiment_salt") == other


def test_the_times_fit_and_a_misfit_is_found(settings: Any) -> None:
    assert checks.times_fit(None) == []
    settings.TASK_HARD_LIMIT_SECONDS = 5
    assert [found.id for found in checks.times_fit(None)] == ["triage.E001"]
    settings.TASK_HARD_LIMIT_SECONDS = 3
    settings.DEADLINE_SECONDS = 18
    assert [found.id for found in checks.times_fit(None)] == ["triage.E002"]


def test_callers_find_room_beside_those_who_wait(settings: Any) -> None:
    assert checks.callers_find_room(None) == []
    settings.MAX_CONNECTIONS = settings.MAX_WAITERS
    assert [found.id for found in checks.callers_find_room(None)] == ["triage.E004"]
