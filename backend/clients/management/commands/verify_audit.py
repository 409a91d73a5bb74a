"""Check the audit chain and name the first broken row; exit status 1 if there is one."""

import json
import os
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backend.clients import audit


def anchor(text: str) -> tuple[int, str]:
    """`SEQUENCE:SEAL`, as the keeper logs it (`audit.sealed`)."""
    sequence, _, seal = text.partition(":")
    if not sequence.isdigit() or len(seal) != 64:
        raise ArgumentTypeError("expected SEQUENCE:SEAL, the seal being 64 hex digits")
    return int(sequence), seal


class Command(BaseCommand):
    help = "Check the audit chain, in the database or in an export, and name the first broken row."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--export", type=Path, help="also write every event here, one JSON line each"
        )
        parser.add_argument(
            "--file", type=Path, help="check this export instead; no database is needed"
        )
        parser.add_argument(
            "--anchor", type=anchor, help="SEQUENCE:SEAL of an earlier `audit.sealed` log line"
        )
        parser.add_argument("--json", action="store_true", help="print the verdict as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["file"] and options["export"]:
            raise CommandError("--file reads an export, --export writes one: give one of them")
        try:
            events = _read(options["file"]) if options["file"] else audit.stored()
            if options["export"]:
                events = _written(events, options["export"])
            verdict = audit.verify(events, anchor=options["anchor"])
            for _ in events:  # an export is whole, also behind a broken row
                pass
        except OSError as error:
            raise CommandError(f"the file cannot be used ({error.strerror})") from None
        if options["json"]:
            document = {
                "ok": verdict.broken is None,
                "sealed": verdict.sealed,
                "unsealed": verdict.unsealed,
                "head": verdict.head,
                "broken": verdict.broken,
            }
            self.stdout.write(json.dumps(document))
        else:
            self.stdout.write(
                f"{verdict.sealed} sealed events verified, {verdict.unsealed} not sealed yet\n"
                f"head {verdict.sealed}:{verdict.head}"
            )
        if verdict.broken:
            raise CommandError(f"broken: {verdict.broken}")


def _read(file: Path) -> Iterator[audit.Event]:
    with file.open() as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield audit.Event(**json.loads(line))
            except (ValueError, TypeError):
                raise CommandError(f"line {number}: expected an event as JSON") from None


def _written(events: Iterable[audit.Event], file: Path) -> Iterator[audit.Event]:
    """The same events, each also a line of `file`, which only its owner can read."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as lines:
        for event in events:
            lines.write(json.dumps(event.to_json()) + "\n")
            yield event
