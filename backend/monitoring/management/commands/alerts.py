"""Alarms from a terminal: what is open, who takes care of it, and whether notices arrive."""

import getpass
import json
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import CommandError
from django.db import Error, transaction

from backend.clients import audit
from backend.commands import WordedCommand
from backend.monitoring import alerts, channels
from backend.monitoring.alerts import AlertRecord, AlreadyResolved
from backend.monitoring.channels import NotSent

REFUSED: Final = 1
NOT_DELIVERED: Final = 3
_EPILOG = """exit codes:
  0  done; test: every channel took the message
  1  no such alarm, it is resolved, or no database
  2  wrong arguments
  3  test: a channel did not take the message, or there is none"""


class Command(WordedCommand):
    help = "List alarms, acknowledge one, or send a test message to every channel."

    codes = _EPILOG

    def add_arguments(self, parser: ArgumentParser) -> None:
        command = self.words(parser)

        listed = command("list", self._list, "The open alarms.")
        listed.add_argument("--all", action="store_true", help="the resolved ones too")
        taken = command("acknowledge", self._acknowledge, "Take care of an alarm.")
        taken.add_argument("id", type=int)
        test = command("test", self._test, "Send a test message to every channel, now.")
        test.add_argument(
            "--severity",
            choices=alerts.Severity.values,
            default=alerts.Severity.CRITICAL,
            help="only the channels of alarms of this severity (default: critical, all)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            options["run"](options)
        except Error as error:
            said = f"the database cannot be reached ({type(error).__name__})"
            raise CommandError(said, returncode=REFUSED) from None

    def _list(self, options: dict[str, Any]) -> None:
        found = alerts.listed("all" if options["all"] else "open")
        if options["json"]:
            self._print({"alerts": [_json(one) for one in found]})
            return
        for one in found:
            state = "resolved" if one.resolved_at else one.acknowledged_by or "nobody yet"
            self.stdout.write(
                f"{one.id:>6}  {one.severity:8}  {one.raised_at:%Y-%m-%d %H:%M}  {one.kind}: "
                f"{one.subject}\n        {one.summary}\n        {state}; {one.runbook}"
            )
        if not found:
            self.stdout.write("no alarm is open")

    def _acknowledge(self, options: dict[str, Any]) -> None:
        name = f"system:{_operator()}"
        try:
            with transaction.atomic():
                found = alerts.acknowledge(options["id"], name)
                if found is None:
                    raise CommandError("there is no such alarm", returncode=REFUSED)
                audit.record(name, "alert.acknowledged", client_id=None, subject=options["id"])
        except AlreadyResolved:
            raise CommandError("the alarm is resolved", returncode=REFUSED) from None
        if options["json"]:
            self._print(_json(found))
        else:
            self.stdout.write(f"{found.kind}: {found.acknowledged_by} takes care of it")

    def _test(self, options: dict[str, Any]) -> None:
        found = []
        for channel in channels.configured(options["severity"]):
            error = ""
            try:
                channel.send(
                    "[clinical-triage] test",
                    "This is a test of the alarms; there is nothing to do.\n",
                )
            except NotSent as failed:
                error = failed.code
            found.append({"channel": channel.name, "sent": not error, "error": error})
            if not options["json"]:
                self.stdout.write(f"{channel.name:30} {error or 'sent'}")
        if options["json"]:
            self._print({"channels": found})
        if not found:
            raise CommandError("nobody would be told: no channel is set", returncode=NOT_DELIVERED)
        if missed := sum(not one["sent"] for one in found):
            said = f"{missed} of {len(found)} channels did not take it"
            raise CommandError(said, returncode=NOT_DELIVERED)

    def _print(self, found: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(found, indent=2, default=str))


def _operator() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return "unknown"


def _json(one: AlertRecord) -> dict[str, Any]:
    found = {name: getattr(one, name) for name in AlertRecord.__slots__ if name != "deliveries"}
    return found | {
        "runbook": one.runbook,
        "deliveries": [each.to_json() for each in one.deliveries],
    }
