"""The embedded servers: started, killed and started again with their data, by real connections."""

import os
import signal
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from backend.stack import identity, ports, stores
from backend.stack.logfile import LogFile
from backend.stack.process import Process

Start = Callable[[stores.PostgreSQL | stores.Valkey], Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Process] = []

    def run(store: stores.PostgreSQL | stores.Valkey) -> Process:
        service = store.prepare()
        log = LogFile(tmp_path / f"{service.name}.log")
        process = Process(service, log, stores.clean_environment(), tmp_path)
        started.append(process)
        assert process.wait_until_ready(30), log.last_lines(10)
        return process

    yield run
    for process in started:
        process.stop()


def _postgres(directory: Path) -> stores.PostgreSQL:
    return stores.PostgreSQL(directory, ports.choose({}, {})["postgres"], "a password")


def test_postgres_keeps_committed_rows_through_a_kill(tmp_path: Path, start: Start):
    # Deep on purpose: a Unix socket below this path could not be bound.
    store = _postgres(tmp_path / ("deep" * 30) / "with space" / "pg")
    first = start(store)
    fields = {"host": ports.HOST, "port": store.port, "user": stores.USER, "dbname": "postgres"}
    with psycopg.connect(**fields, password="a password") as connection:
        connection.execute("create table kept (n int)")
        connection.execute("insert into kept values (42)")
    os.kill(first.pid, signal.SIGKILL)
    first.kill()
    start(store)
    with psycopg.connect(**fields, password="a password") as connection:
        assert connection.execute("select n from kept").fetchone() == (42,)
        version = connection.execute("show server_version_num").fetchone()
        assert version is not None
        assert version[0].startswith("18")
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(**fields, password="another")


def test_postgres_stops_fast_with_a_client_connected(tmp_path: Path, start: Start):
    store = _postgres(tmp_path / "pg")
    process = start(store)
    with psycopg.connect(
        host=ports.HOST, port=store.port, user=stores.USER, password="a password", dbname="postgres"
    ):
        assert process.stop() == 0


def test_postgres_does_not_log_what_a_failing_statement_contained(tmp_path: Path, start: Start):
    store = _postgres(tmp_path / "pg")
    start(store)
    with psycopg.connect(
        host=ports.HOST,
        port=store.port,
        user=stores.USER,
        password="a password",
        dbname="postgres",
        autocommit=True,
        cursor_factory=psycopg.ClientCursor,
    ) as connection:
        connection.execute("create table once (name text unique)")
        for _ in range(2):
            try:
                connection.execute("insert into once values (%s)", ["marked patient"])
            except psycopg.errors.UniqueViolation:
                refused = True
        assert refused
    log = (tmp_path / "postgres.log").read_text()
    assert "duplicate key value" in log
    assert "marked patient" not in log


def test_an_interrupted_first_start_leaves_nothing_that_looks_finished(
    tmp_path: Path, start: Start
):
    store = _postgres(tmp_path / "pg")
    (tmp_path / "pg" / "data.new").mkdir(parents=True)
    (tmp_path / "pg" / "data.new" / "PG_VERSION").write_text("18\n")
    start(store)
    assert not (tmp_path / "pg" / "data.new").exists()
    assert not (tmp_path / "pg" / "password").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_postgres_as_nobody_below_a_private_directory(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
):
    """As in a container that refuses user namespaces."""
    monkeypatch.setattr(identity.launch, "namespaces_allowed", lambda: False)
    private = tmp_path / "home"
    private.mkdir(mode=0o700)
    store = _postgres(private / "pg")
    process = start(store)
    assert (private / "pg" / "data").stat().st_uid == identity.NOBODY
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    status = Path(f"/proc/{process.pid}/status").read_text()
    assert f"Uid:\t{identity.NOBODY}\t" in status
    assert process.stop() == 0
    # A later start where namespaces work again still finds its owner.
    monkeypatch.undo()
    start(store)


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read every directory")
def test_a_cluster_of_another_user_is_refused_by_name(tmp_path: Path):
    with pytest.raises(identity.IdentityError, match="belongs to uid 0"):
        identity.of_database(Path("/usr"))


def test_valkey_keeps_its_list_through_a_kill_and_wants_its_password(tmp_path: Path, start: Start):
    store = stores.Valkey(tmp_path / "a b" / "valkey", ports.choose({}, {})["redis"], "a-password")
    first = start(store)
    with redis.Redis.from_url(store.url) as client:
        client.rpush("triage", "hint")
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("appendonly") == {"appendonly": "yes"}
    os.kill(first.pid, signal.SIGKILL)
    first.kill()
    start(store)
    with redis.Redis.from_url(store.url) as client:
        assert client.lrange("triage", 0, -1) == [b"hint"]
    with (
        redis.Redis(host=ports.HOST, port=store.port) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


def test_the_password_is_on_no_command_line(tmp_path: Path, start: Start):
    valkey = stores.Valkey(tmp_path / "valkey", ports.choose({}, {})["redis"], "visible-password")
    process = start(valkey)
    assert b"visible-password" not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    assert stat.S_IMODE((tmp_path / "valkey" / "valkey.conf").stat().st_mode) == 0o600


def test_a_platform_without_the_wheels_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stores, "_package", lambda name: None)
    monkeypatch.setattr(stores.shutil, "which", lambda name: None)
    with pytest.raises(stores.StoreError, match="DATABASE_URL"):
        stores.postgres_programs()
    with pytest.raises(stores.StoreError, match="REDIS_URL"):
        stores.valkey_program()


def test_ports_are_loopback_only(tmp_path: Path, start: Start):
    store = _postgres(tmp_path / "pg")
    start(store)
    listening = subprocess.run(["cat", "/proc/net/tcp"], capture_output=True, text=True, check=True)
    ours = [line for line in listening.stdout.splitlines() if f":{store.port:04X} " in line]
    listeners = [line.split()[1] for line in ours if line.split()[3] == "0A"]
    assert listeners == [f"0100007F:{store.port:04X}"]
