"""Make the daily accuracy reports that are missing, now."""

import datetime as dt
import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workers import surveillance


class Command(BaseCommand):
    help = "Make the missing daily accuracy reports (the scheduler does this every hour)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--as-of", help="UTC time, ISO 8601; default, and at the latest, now")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            as_of = dt.datetime.fromisoformat(options["as_of"]) if options["as_of"] else None
        except ValueError:
            raise CommandError("--as-of: expected an ISO 8601 time") from None
        if as_of is not None and as_of.tzinfo is None:
            as_of = as_of.replace(tzinfo=dt.UTC)
        made = surveillance.check_accuracy(as_of)
        if options["json"]:
            self.stdout.write(json.dumps(made))
        else:
            self.stdout.write(", ".join(f"{name}: {count}" for name, count in made.items()))
