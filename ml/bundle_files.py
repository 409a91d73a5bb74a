"""A model bundle on disk: one signed directory per version, written whole, checked byte by byte.

Light: nothing here imports numpy or unpickles, so that processes that never predict (the worker's
parent, the status page) can tell whether a bundle is whole and ours.

    <models>/latest                 the name of the promoted version, one line
    <models>/<version>/metadata.json, metadata.sig, model.joblib, extractor.joblib,
                       golden.json, MODEL_CARD.md
"""

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ml.errors import BundleMissing, BundleRefused
from ml.schema import LEVELS
from ml.signing import sign, verify

FORMAT: Final = 1
FILES: Final = ("model.joblib", "extractor.joblib", "golden.json", "MODEL_CARD.md")
METADATA: Final = "metadata.json"
SIGNATURE: Final = "metadata.sig"
LATEST: Final = "latest"
# Far above any real bundle; keeps a wrong file from filling the memory of every child.
_MOST_BYTES: Final = 256 * 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Checked:
    """A bundle whose signature and digests hold; `files` are the very bytes that were hashed."""

    version: str
    digest: str
    metadata: dict[str, Any]
    files: dict[str, bytes]


def default_models_dir() -> Path:
    return Path(os.environ.get("TRIAGE_MODELS_DIR") or Path(__file__).resolve().parent / "models")


def latest_version(models_dir: Path | None = None) -> str | None:
    """The promoted version, or None where nothing was promoted yet.

    Raises `BundleRefused("corrupt")` if the pointer holds anything but a version's name.
    """
    try:
        name = ((models_dir or default_models_dir()) / LATEST).read_text("ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        raise BundleRefused("corrupt", "the pointer to the latest version is unreadable") from None
    return _valid(name)


def promote(version: str, models_dir: Path | None = None) -> None:
    """Point `latest` at `version` in one atomic rename. Raises `BundleRefused` if unproven."""
    directory = models_dir or default_models_dir()
    check_bytes(version, directory)
    beside = directory / f".{LATEST}.{secrets.token_hex(8)}"
    try:
        _write(beside, f"{version}\n".encode())
        beside.replace(directory / LATEST)
        _sync(directory)
    finally:
        beside.unlink(missing_ok=True)


def check_bytes(version: str = LATEST, models_dir: Path | None = None) -> Checked:
    """Prove signature and digests of `version` (or of `latest`); unpickles and imports nothing.

    Raises `BundleMissing`, or `BundleRefused` with reason `signature`, `format`,
    `digest` or `corrupt`.
    """
    directory = models_dir or default_models_dir()
    if version == LATEST:
        found = latest_version(directory)
        if found is None:
            raise BundleMissing("no model was promoted; train one")
        version = found
    place = directory / _valid(version)
    if not place.is_dir():
        raise BundleMissing(f"there is no bundle {version}")
    raw = _read(place, METADATA)
    verify(raw, _read(place, SIGNATURE))
    try:
        metadata = json.loads(raw)
        digests: dict[str, str] = metadata["files"]
        version_format, labels = metadata["format"], metadata["labels"]
        named = metadata["version"]
    except (ValueError, KeyError, TypeError):
        raise BundleRefused("corrupt", "the metadata is not what this program writes") from None
    if version_format != FORMAT or labels != list(LEVELS) or set(digests) != set(FILES):
        raise BundleRefused("format", f"format {FORMAT} with our four levels is expected")
    if named != version:
        # A signed bundle under another's name is how an old model would be passed off as new.
        raise BundleRefused("corrupt", "the bundle was signed under another version's name")
    files = {name: _read(place, name) for name in FILES}
    for name, content in files.items():
        if hashlib.sha256(content).hexdigest() != digests[name]:
            raise BundleRefused("digest", f"{name} is not the file that was signed")
    return Checked(version, hashlib.sha256(raw).hexdigest(), metadata, files)


def save(
    version: str,
    files: Mapping[str, bytes],
    metadata: Mapping[str, Any],
    models_dir: Path | None = None,
) -> Checked:
    """Sign and write a version: beside, synced, renamed. A reader sees all of it or nothing.

    `files` holds exactly `FILES`. The same content again is no error. Raises
    `BundleRefused("corrupt")` if another bundle has that name, `("signature")` without a key.
    """
    if set(files) != set(FILES):
        raise ValueError(f"a bundle holds exactly {', '.join(FILES)}")
    directory = models_dir or default_models_dir()
    complete = {
        **metadata,
        "format": FORMAT,
        "version": _valid(version),
        "labels": list(LEVELS),
        "files": {name: hashlib.sha256(files[name]).hexdigest() for name in FILES},
    }
    raw = json.dumps(complete, indent=1, sort_keys=True, allow_nan=False).encode()
    signature = sign(raw)
    directory.mkdir(parents=True, exist_ok=True)
    beside = directory / f".{version}.{secrets.token_hex(8)}"
    beside.mkdir()
    try:
        for name, content in {**files, METADATA: raw, SIGNATURE: signature}.items():
            _write(beside / name, content)
        _sync(beside)
        # Renaming onto a directory that holds files fails: a version is never overwritten.
        beside.rename(directory / version)
        _sync(directory)
    except OSError:
        if not (directory / version).is_dir():
            raise
        if hashlib.sha256(raw).hexdigest() != check_bytes(version, directory).digest:
            raise BundleRefused("corrupt", f"another bundle is named {version}") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return check_bytes(version, directory)


def _valid(version: str) -> str:
    if not _NAME.fullmatch(version) or version == LATEST:
        raise BundleRefused("corrupt", "a version is named with letters, digits, dot, dash")
    return version


def _read(place: Path, name: str) -> bytes:
    try:
        with (place / name).open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError:
        raise BundleRefused("corrupt", f"{name} cannot be read") from None
    if len(content) > _MOST_BYTES:
        raise BundleRefused("corrupt", f"{name} is too large")
    return content


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
