"""The environment every process gets: addresses of the stores, directories, one numeric thread."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

from backend.stack import secrets
from backend.stack.checkout import Checkout
from backend.stack.errors import StackError
from backend.stack.ports import HOST

# A numeric library that starts threads in every child would only make them fight for the cores,
# and OpenMP does not survive a fork. It must be set before the process starts.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

# Where a URL without a password finds it: the same names in `make run` and under Compose.
_PASSWORD_FILES = {"DATABASE_URL": "postgres_password", "REDIS_URL": "redis_password"}


class EnvironmentFileError(StackError):
    """A line of `.env` is not NAME=value."""


def read_file(path: Path) -> dict[str, str]:
    """The variables of a `.env` file: NAME=value lines, `#` comments, no expansion.

    Raises EnvironmentFileError naming the line's number, never its content.
    """
    values: dict[str, str] = {}
    if not path.exists():
        return values
    for number, raw in enumerate(path.read_text().splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.strip().isidentifier():
            raise EnvironmentFileError(f"{path.name}, line {number}: expected NAME=value")
        values[name.strip()] = value.strip().strip("\"'")
    return values


def for_processes(
    base: Mapping[str, str], checkout: Checkout, database_url: str, redis_url: str
) -> dict[str, str]:
    """What the service's processes see: `base` plus where everything is."""
    hosts = base.get("ALLOWED_HOSTS", "localhost")
    return {
        **base,
        **_ONE_THREAD,
        # The readiness check and the sample patient come by this name.
        "ALLOWED_HOSTS": f"{hosts},{HOST}",
        "PYTHONUNBUFFERED": "1",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STATE_DIR": str(checkout.state),
        "SECRETS_DIR": str(checkout.secrets),
        "PROMETHEUS_MULTIPROC_DIR": str(checkout.metrics),
        "TRIAGE_MODELS_DIR": str(checkout.models),
        "TRIAGE_MODEL_SIGNING_KEY": str(checkout.secrets / "model_signing.key"),
        "TRIAGE_MODEL_VERIFY_KEY": str(checkout.secrets / "model_verify.pub"),
    }


def with_passwords(base: Mapping[str, str], directory: Path) -> dict[str, str]:
    """`base` with the passwords of the stores put into URLs that name a user or host only.

    For containers: a password in the Compose file or in an image's environment would be readable
    with `docker inspect`. Raises OSError when a needed file cannot be read.
    """
    complete = dict(base) | _ONE_THREAD
    for variable, name in _PASSWORD_FILES.items():
        url = urlsplit(base.get(variable, ""))
        if url.hostname is None or url.password is not None:
            continue
        password = quote(secrets.read(directory, name), safe="")
        location = url.netloc.rpartition("@")[2]
        authority = f"{url.username or ''}:{password}@{location}"
        complete[variable] = url._replace(netloc=authority).geturl()
    return complete


def replace_process(command: list[str], checkout: Checkout) -> None:
    """Become `command` with the complete environment; used as the image's entry point."""
    os.execvpe(command[0], command, with_passwords(os.environ, checkout.secrets))  # noqa: S606
