"""A new secret is handed over once: printed, or written to a file that only its owner can read."""

import json
import os
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError


@dataclass(frozen=True, slots=True)
class Handover:
    """How a command hands over a secret of `subject` (`client demo`): its `kind` is `key` or
    `password`, and so are its option `--<kind>-file` and its field in the JSON."""

    command: BaseCommand
    kind: str
    subject: str
    options: dict[str, Any]

    @staticmethod
    def add_arguments(parser: ArgumentParser, kind: str, kept: str) -> None:
        """`kept`: which secret in the file makes a new one needless."""
        parser.add_argument(
            f"--{kind}-file",
            type=Path,
            help=f"write the {kind} here (mode 0600); kept if it {kept}",
        )
        parser.add_argument("--json", action="store_true", help="print JSON")

    @property
    def file(self) -> Path | None:
        found: Path | None = self.options[f"{self.kind}_file"]
        return found

    def is_done(self, valid: Callable[[str], object]) -> bool:
        """Whether the file already holds a secret that is `valid`; says so."""
        if not (self.file and self.file.exists() and valid(self.file.read_text().strip())):
            return False
        self._say(f"{self.subject}: {self.kind} in {self.file} is kept", created=False)
        return True

    def give(self, secret: str) -> None:
        """Raises `CommandError` where the file cannot be written."""
        if self.file is None:
            self._say(secret, created=True, **{self.kind: secret})
            return
        try:
            write_private(self.file, secret)
        except OSError as error:
            reason = f"--{self.kind}-file: cannot be written ({error.strerror})"
            raise CommandError(reason) from None
        self._say(f"{self.subject}: new {self.kind} in {self.file}", created=True)

    def _say(self, text: str, **facts: Any) -> None:
        what, name = self.subject.split(" ", 1)
        shown = {what: name, "file": str(self.file or ""), **facts}
        self.command.stdout.write(json.dumps(shown) if self.options["json"] else text)


def write_private(file: Path, secret: str) -> None:
    """Write `secret` and a newline to `file`, mode 0600, whole or not at all. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = file.with_name(file.name + ".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(secret + "\n")
    beside.replace(file)
