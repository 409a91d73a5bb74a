"""Typed readers of the environment. A wrong value stops the process naming the variable."""

import os
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


def secret(directory: Path, name: str, at_least: int = 32) -> str:
    """The content of one secret file. Short or missing secrets stop the process."""
    path = directory / name
    try:
        value = path.read_text().strip()
    except OSError:
        raise ImproperlyConfigured(f"SECRETS_DIR: the file {name} cannot be read") from None
    if len(value) < at_least:
        raise ImproperlyConfigured(f"SECRETS_DIR: {name} is shorter than {at_least} characters")
    return value
