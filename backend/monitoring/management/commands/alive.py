"""A health check for containers: has a process of this machine spoken of late?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from backend.monitoring import presence


class Command(BaseCommand):
    help = (
        "Exit 0 when this kind of process on this host has reported of late and none fell silent."
        " Without PostgreSQL nothing can be said: that is no fault of the process, exit 0."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", choices=presence.WATCHED_KINDS)

    def handle(self, *args: Any, **options: Any) -> None:
        kind: str = options["kind"]
        try:
            ages = presence.here(kind)
        except Error:
            self.stdout.write("unknown: PostgreSQL cannot be reached")
            return
        if not ages:
            raise CommandError(f"no {kind} process of this host has ever reported")
        if max(ages) > presence.SILENT_SECONDS:
            raise CommandError(f"a {kind} process said nothing for {max(ages):.0f} s")
        self.stdout.write(f"{len(ages)} alive")
