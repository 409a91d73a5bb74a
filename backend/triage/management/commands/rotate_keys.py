"""Seal everything again under the first key of `payload_keys`, while the service runs."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backend import encryption
from backend.monitoring import alerts
from backend.triage import rotation


class Command(BaseCommand):
    help = (
        "Seal everything again under the first line of payload_keys. May be killed and called "
        "again. When it reports nothing left, the old lines may be removed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--batch", type=int, default=500, help="rows a transaction")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["batch"] <= 10_000:
            raise CommandError("--batch: expected 1 to 10000")
        sealed = unreadable = 0
        for column in rotation.COLUMNS:
            done = rotation.rotate(column, options["batch"])
            sealed, unreadable = sealed + done.sealed, unreadable + done.unreadable
        key = encryption.current_key_id()
        if options["json"]:
            found = {"key": key, "sealed": sealed, "unreadable": unreadable}
            self.stdout.write(json.dumps(found))
        else:
            self.stdout.write(f"{sealed} rows sealed again under {key}, {unreadable} do not open")
        if unreadable:
            text = f"{unreadable} sealed rows open with no key at hand; they were left as they are."
            alerts.raise_alert("payload_unreadable", "rotation", text)
            raise CommandError("some rows open with no key at hand: put their key back")
