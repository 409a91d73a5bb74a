"""Secrets are made once, are private, and no later start changes them."""

import base64
import stat
import subprocess
import sys
from pathlib import Path

from backend.stack import environment, secrets

ROOT = Path(__file__).resolve().parents[3]


def test_first_start_makes_all_private(tmp_path: Path):
    directory = tmp_path / "state" / "secrets"
    assert sorted(secrets.create_missing(directory)) == sorted(secrets.RANDOM)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()} == {0o600}
    assert {file.name for file in directory.iterdir()} == set(secrets.RANDOM)


def test_nothing_is_ever_overwritten_not_even_an_empty_file(tmp_path: Path):
    (tmp_path / "pseudonym_key").write_text("")
    secrets.create_missing(tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert before["pseudonym_key"] == b""
    assert secrets.create_missing(tmp_path) == []
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_watchers_get_copies_that_they_can_read_and_nothing_else(tmp_path: Path):
    directory, into = tmp_path / "secrets", tmp_path / "watching"
    secrets.create_missing(directory)
    into.mkdir()
    for _ in range(2):
        secrets.share(directory, into)
    assert {file.name for file in into.iterdir()} == {"metrics_token", "grafana_password"}
    for file in into.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o444
        assert file.read_text() == (directory / file.name).read_text()


def test_formats(tmp_path: Path):
    secrets.create_missing(tmp_path)
    for name in ("django_secret_key", "pseudonym_key", "experiment_salt"):
        assert len(bytes.fromhex(secrets.read(tmp_path, name))) == 32
    key_id, _, key = secrets.read(tmp_path, "payload_keys").partition(":")
    assert key_id
    assert len(base64.b64decode(key, validate=True)) == 32


def test_two_installations_share_no_secret(tmp_path: Path):
    for name in ("one", "two"):
        secrets.create_missing(tmp_path / name)
    for name in secrets.RANDOM:
        assert secrets.read(tmp_path / "one", name) != secrets.read(tmp_path / "two", name)


def test_two_first_starts_at_once_agree(tmp_path: Path):
    code = (
        "import sys; from pathlib import Path; from backend.stack import secrets;"
        "secrets.create_missing(Path(sys.argv[1]));"
        "print({n: secrets.read(Path(sys.argv[1]), n) for n in sorted(secrets.RANDOM)})"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    starts = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(6)
    ]
    assert len({start.communicate(timeout=60)[0] for start in starts}) == 1
    assert {file.name for file in tmp_path.iterdir()} == set(secrets.RANDOM)


def test_urls_without_a_password_get_it_from_the_secrets(tmp_path: Path):
    (tmp_path / "postgres_password").write_text("a/b@c\n")
    (tmp_path / "redis_password").write_text("r\n")
    complete = environment.with_passwords(
        {"DATABASE_URL": "postgres://triage@db:5432/triage", "REDIS_URL": "redis://redis:6379/0"},
        tmp_path,
    )
    assert complete["DATABASE_URL"] == "postgres://triage:a%2Fb%40c@db:5432/triage"
    assert complete["REDIS_URL"] == "redis://:r@redis:6379/0"


def test_urls_with_a_password_stay_as_they_are(tmp_path: Path):
    given = {"DATABASE_URL": "postgres://u:p@db/x", "REDIS_URL": "redis://:p@redis:6379/0"}
    complete = environment.with_passwords(given, tmp_path)
    assert complete.items() >= given.items()
