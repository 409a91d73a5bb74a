"""Erase a patient: every request, answer, log and label; statistics keep their counts."""

import json
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from backend.clients.keys import find_client
from backend.triage import lifecycle, retention

# What is open is answered by its deadline at the latest.
_WAIT_SECONDS = 1


class Command(BaseCommand):
    help = (
        "Erase a patient of a client. May be killed and called again, and the background worker "
        "goes on with it too."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--client", required=True, help="the client's name")
        parser.add_argument(
            "--patient-id",
            required=True,
            help="the client's own id of the patient; `-` reads it from standard input, so that it "
            "is in no process list and no history",
        )
        parser.add_argument("--json", action="store_true", help="print what was done as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        client_id = find_client(options["client"])
        if client_id is None:
            raise CommandError("--client: there is no client of that name")
        patient_id = options["patient_id"]
        if patient_id == "-":
            patient_id = sys.stdin.readline().rstrip("\n")
        if not patient_id:
            raise CommandError("--patient-id: expected an id")
        erasure_id = retention.request_erasure(client_id, patient_id, "system:erase")
        until = time.monotonic() + settings.DEADLINE_SECONDS + settings.LEASE_SECONDS
        while not (done := retention.erase(erasure_id)).finished and time.monotonic() < until:
            time.sleep(_WAIT_SECONDS)
            lifecycle.enforce_deadlines()
        if options["json"]:
            found = {"id": done.id, "requests": done.requests, "finished": done.finished}
            self.stdout.write(json.dumps(found))
        else:
            self.stdout.write(f"erasure {done.id}: {done.requests} requests erased")
        if not done.finished:
            raise CommandError(f"erasure {done.id} is not finished; the background worker goes on")
