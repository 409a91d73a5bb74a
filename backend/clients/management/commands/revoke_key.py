"""End an API key: it is refused within a second."""

import json
import re
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from backend.clients.roster import revoke_key

_PREFIX: Final = re.compile(r"(?:tri_)?([0-9a-f]{8})")


class Command(BaseCommand):
    help = "End an API key by its prefix (the 8 characters after 'tri_'), within a second."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("prefix")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        given = _PREFIX.fullmatch(options["prefix"])
        if given is None:  # a whole key does not belong on a command line, nor in a message
            raise CommandError("prefix: expected 8 characters of 0-9 and a-f, not the whole key")
        prefix = given.group(1)
        client = revoke_key("command:revoke_key", prefix)
        if client is None:
            raise CommandError("prefix: there is no such key")
        shown = {"client": client, "prefix": prefix, "revoked": True}
        text = f"client {client}: key tri_{prefix}… is revoked"
        self.stdout.write(json.dumps(shown) if options["json"] else text)
