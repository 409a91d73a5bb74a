"""Typed readers of the environment. A wrong value stops the process naming the variable."""

import os
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str) -> str:
    return os.environ.get(name, default)


def integer(name: str, default: int, low: int, high: int) -> int:
    raw = os.environ.get(name, str(default))
    try:
        value = int(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name}: expected a whole number") from None
    if not low <= value <= high:
        raise ImproperlyConfigured(f"{name}: expected {low} to {high}")
    return value


def fraction(name: str, default: float) -> float:
    raw = os.environ.get(name, str(default))
    try:
        value = float(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name}: expected a number from 0 to 1") from None
    if not 0 <= value <= 1:
        raise ImproperlyConfigured(f"{name}: expected a number from 0 to 1")
    return value


def flag(name: str, default: bool) -> bool:
    raw = os.environ.get(name, "true" if default else "false").lower()
    if raw not in {"true", "false", "1", "0"}:
        raise ImproperlyConfigured(f"{name}: expected true or false")
    return raw in {"true", "1"}


def words(name: str, default: str) -> list[str]:
    """A comma-separated list; empty items are dropped."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def lines(name: str, directory: Path, file: str) -> list[str]:
    """A list out of a variable (separated by spaces) or, where that is empty, out of a secret
    file that may be missing (one a line, `#` comments)."""
    if given := os.environ.get(name, "").split():
        return given
    path = directory / file
    if not path.exists():
        return []
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError):
        raise ImproperlyConfigured(f"SECRETS_DIR: the file {file} cannot be read") from None
    found = (line.strip() for line in text.splitlines())
    return [line for line in found if line and not line.startswith("#")]


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """A comma-separated list of networks (CIDR); empty by default."""
    try:
        return [ip_network(word) for word in words(name, "")]
    except ValueError:
        raise ImproperlyConfigured(f"{name}: expected networks as 10.0.0.0/8") from None


def database(name: str) -> dict[str, str]:
    """Django's connection fields out of `postgres://user:password@host:port/name`."""
    raw = os.environ.get(name)
    if not raw:
        raise ImproperlyConfigured(f"{name}: expected postgres://user:password@host:port/name")
    url = urlsplit(raw)
    if url.scheme not in {"postgres", "postgresql"} or not url.path.strip("/"):
        raise ImproperlyConfigured(f"{name}: expected postgres://user:password@host:port/name")
    return {
        "HOST": url.hostname or "",
        "PORT": str(url.port or ""),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "NAME": url.path.strip("/"),
    }


# Words of sample files and of tutorials; no random secret holds one.
_SAMPLE = re.compile(
    r"change.?me|example|sample|insecure|placeholder|password|default|your.?secret", re.IGNORECASE
)
_LEAST_DIFFERENT = 8


def secret(directory: Path, name: str, at_least: int = 32) -> str:
    """A secret: the variable of that name in capitals, else the content of its file.

    One that is missing, short, a sample or of few different characters stops the process.
    """
    variable = name.upper()
    where = variable if variable in os.environ else f"SECRETS_DIR: {name}"
    try:
        value = os.environ.get(variable) or (directory / name).read_text().strip()
    except OSError:
        raise ImproperlyConfigured(f"SECRETS_DIR: the file {name} cannot be read") from None
    if len(value) < at_least:
        raise ImproperlyConfigured(f"{where} is shorter than {at_least} characters")
    if len(set(value)) < _LEAST_DIFFERENT or _SAMPLE.search(value):
        raise ImproperlyConfigured(f"{where} is no random secret; make one: openssl rand -hex 32")
    return value
