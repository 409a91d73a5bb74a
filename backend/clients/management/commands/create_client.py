"""Make a client and an API key: printed once, or written to a file that only we can read."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backend.clients.handover import write_private
from backend.clients.keys import create_client, create_key, find_caller
from backend.clients.models import Scope


class Command(BaseCommand):
    help = "Make a client (if there is none of that name) and an API key for it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--key-name", default="first key", help="told apart by it later")
        parser.add_argument(
            "--scope",
            action="append",
            choices=Scope.values,
            help="may be given several times; default: submit and label",
        )
        parser.add_argument(
            "--key-file",
            type=Path,
            help="write the key here (mode 0600); kept if it already holds a valid key",
        )
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path | None = options["key_file"]
        if file and file.exists() and find_caller(file.read_text().strip()):
            self._say(options, f"client {options['name']}: key in {file} is kept", created=False)
            return
        scopes = tuple(options["scope"] or (Scope.SUBMIT, Scope.LABEL))
        key = create_key(create_client(options["name"]), options["key_name"], scopes)
        if file is None:
            self._say(options, key, created=True, key=key)
            return
        try:
            write_private(file, key)
        except OSError as error:
            raise CommandError(f"--key-file: cannot be written ({error.strerror})") from None
        self._say(options, f"client {options['name']}: new key in {file}", created=True)

    def _say(self, options: dict[str, Any], text: str, **facts: Any) -> None:
        shown = {"client": options["name"], "file": str(options["key_file"] or ""), **facts}
        self.stdout.write(json.dumps(shown) if options["json"] else text)
