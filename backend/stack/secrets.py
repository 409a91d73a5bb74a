"""The secrets of a first start: random, private to their owner, never overwritten."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path


def _hex() -> str:
    return secrets.token_hex(32) + "\n"


def _password() -> str:
    # URL-safe: it travels inside DATABASE_URL and REDIS_URL without quoting.
    return secrets.token_urlsafe(24) + "\n"


def _payload_keys() -> str:
    """Lines `keyid:base64(32 bytes)`; the first is the current key, the others only decrypt."""
    return f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}\n"


RANDOM: dict[str, Callable[[], str]] = {
    "django_secret_key": _hex,
    "pseudonym_key": _hex,
    "experiment_salt": _hex,
    "payload_keys": _payload_keys,
    "flower_password": _password,
    "metrics_token": _hex,
    "grafana_password": _password,
    "postgres_password": _password,
    "redis_password": _password,
}


# What Prometheus and Grafana are given.
WATCHERS = ("metrics_token", "grafana_password")


def create_missing(directory: Path) -> list[str]:
    """Create every secret that is not there yet; return the names of those created.

    The directory gets mode 0700 when it is created here, each file 0600. A file that exists is
    never changed, whatever it holds, and two starts at once agree on one value: the content is
    written beside and linked into place, which fails for the second.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return [name for name, make in RANDOM.items() if _create(directory / name, make)]


def share(directory: Path, into: Path) -> None:
    """Copy what the watchers need to where they may read, and nothing else: they run as other users
    and must not see the keys beside it."""
    for name in WATCHERS:
        target = into / name
        beside = into / f".{name}.{os.getpid()}"
        beside.write_text((directory / name).read_text())
        beside.chmod(0o444)
        beside.replace(target)


def read(directory: Path, name: str) -> str:
    """The secret `name` without its final newline; OSError when it cannot be read."""
    return (directory / name).read_text().strip()


def _create(path: Path, make: Callable[[], str]) -> bool:
    if path.exists():
        return False
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(make())
            file.flush()
            os.fsync(file.fileno())
        os.link(beside, path)
    except FileExistsError:
        return False
    finally:
        beside.unlink()
    return True
