"""Make a client and an API key: printed once, or written to a file that only we can read."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any, Final

from django.core.management.base import BaseCommand
from django.db import transaction

from backend.clients.handover import Handover
from backend.clients.keys import find_caller
from backend.clients.models import Scope
from backend.clients.roster import enrol_client, issue_key

_ACTOR: Final = "command:create_client"
_MOST: Final = 2_147_483_647
_LIMITS: Final = {
    "requests_per_minute": (1, "calls a minute"),
    "requests_per_day": (0, "submitted requests a UTC day; 0: any number"),
    "open_requests": (0, "requests that are not answered yet; 0: any number"),
}


class Command(BaseCommand):
    help = (
        "Make a client (if there is none of that name) and an API key for it; set the client's "
        "limits where given."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--key-name", default="first key", help="told apart by it later")
        parser.add_argument(
            "--scope",
            action="append",
            choices=Scope.values,
            help="may be given several times; default: submit and label",
        )
        for name, (least, text) in _LIMITS.items():
            option = "--" + name.replace("_", "-")
            parser.add_argument(option, type=_whole(least), metavar="N", help=text)
        Handover.add_arguments(parser, "key", kept="already holds a valid key")

    def handle(self, *args: Any, **options: Any) -> None:
        handover = Handover(self, "key", f"client {options['name']}", options)
        limits = {name: options[name] for name in _LIMITS if options[name] is not None}
        # A key that cannot be handed over is not made.
        with transaction.atomic():
            client_id = enrol_client(_ACTOR, options["name"], limits)
            if handover.is_done(find_caller):
                return
            scopes = tuple(options["scope"] or (Scope.SUBMIT, Scope.LABEL))
            handover.give(issue_key(_ACTOR, client_id, options["key_name"], scopes))


def _whole(least: int) -> Any:
    def read(text: str) -> int:
        if text.isascii() and text.isdigit() and least <= int(text) <= _MOST:
            return int(text)
        raise ArgumentTypeError(f"expected a whole number, {least} to {_MOST}")

    return read
