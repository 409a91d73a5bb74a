"""Make a person who signs in to the console: with a new password, printed or in a private file."""

import secrets
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand
from django.db import transaction

from backend.clients.handover import Handover
from backend.clients.people import Role, has_password
from backend.clients.roster import enrol_client, enrol_person

_ACTOR: Final = "command:create_person"
_PASSWORD_BYTES: Final = 18


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
        Handover.add_arguments(parser, "password", kept="is the person's already")

    def handle(self, *args: Any, **options: Any) -> None:
        name: str = options["name"]
        handover = Handover(self, "password", f"person {name}", options)
        if handover.is_done(lambda password: has_password(name, password)):
            return
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
        # A password that cannot be handed over is not set.
        with transaction.atomic():
            client_id = enrol_client(_ACTOR, options["client"])
            enrol_person(_ACTOR, name, password, client_id, options["role"])
            handover.give(password)
