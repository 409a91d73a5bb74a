"""A new secret is handed over once: printed, or written to a file that only its owner can read."""

import os
from pathlib import Path


def write_private(file: Path, secret: str) -> None:
    """Write `secret` and a newline to `file`, mode 0600, whole or not at all. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = file.with_name(file.name + ".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(secret + "\n")
    beside.replace(file)
