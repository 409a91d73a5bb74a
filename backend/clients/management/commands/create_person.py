"""Make a person who signs in to the console: with a new password, printed or in a private file."""

import json
import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backend.clients.handover import write_private
from backend.clients.keys import create_client
from backend.clients.people import Role, create_person, has_password

_PASSWORD_BYTES = 18


class Command(BaseCommand):
    help = (
        "Make a person who may sign in to the console, or give one a new password and role. "
        "The password is generated."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--client", required=True, help="made if there is none of that name")
        parser.add_argument(
            "--role",
            required=True,
            choices=Role.values,
            help="each includes the ones before it",
        )
        parser.add_argument(
            "--password-file",
            type=Path,
            help="write the password here (mode 0600); kept if it is the person's already",
        )
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        name: str = options["name"]
        file: Path | None = options["password_file"]
        if file and file.exists() and has_password(name, file.read_text().strip()):
            self._say(options, f"person {name}: password in {file} is kept", created=False)
            return
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
        create_person(name, password, create_client(options["client"]), options["role"])
        if file is None:
            self._say(options, password, created=True, password=password)
            return
        try:
            write_private(file, password)
        except OSError as error:
            raise CommandError(f"--password-file: cannot be written ({error.strerror})") from None
        self._say(options, f"person {name}: new password in {file}", created=True)

    def _say(self, options: dict[str, Any], text: str, **facts: Any) -> None:
        shown = {"person": options["name"], "file": str(options["password_file"] or ""), **facts}
        self.stdout.write(json.dumps(shown) if options["json"] else text)
