"""Decide whether a new model is wanted, train it, and put it in shadow."""

import json
import os
from argparse import SUPPRESS, ArgumentParser, RawDescriptionHelpFormatter
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import Error

from backend.monitoring import retrainings
from backend.monitoring.retrainings import Assessment, State
from workers import registry as bundles
from workers import retraining

FAILED: Final = 1
REFUSED: Final = 3
# A training must not slow down the answers to patients.
_NICE: Final = 10
_EPILOG = """exit codes:
  0  in shadow; or nothing to do; or --dry-run
  1  failed; nothing that serves has changed
  2  wrong arguments
  3  the gate refused the candidate; it is registered, and in no use"""


class Command(BaseCommand):
    help = (
        "Train a candidate on the base data and the clinicians' labels, compare it with what "
        "serves and put it in shadow. Promotion stays yours: manage.py models promote VERSION."
    )

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> Any:
        parser = super().create_parser(prog_name, subcommand, epilog=_EPILOG, **options)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
        parser.add_argument(
            "--force", action="store_true", help="train without a reason, or against an obstacle"
        )
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument("--run", type=int, help=SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["run"] is not None:
                os.nice(_NICE)
                retraining.run(options["run"])
            else:
                self._by_hand(options)
        except Error as error:
            said = f"the database cannot be reached ({type(error).__name__})"
            raise CommandError(said, returncode=FAILED) from None

    def _by_hand(self, options: dict[str, Any]) -> None:
        found = retraining.assess()
        shown = found.to_json()
        if options["dry_run"] or not (found.ready or options["force"]):
            from workers import training_data

            shown["data"] = training_data.counted()
            self._say(options, shown, _as_text(found, shown["data"]))
            return
        row = retrainings.store(found, State.TRAINING, bundles.operator())
        assert row is not None  # only a day's row can exist already
        say = (lambda text: None) if options["json"] else self.stdout.write
        state = retraining.run(row, by=bundles.operator(), say=say)
        made = next(one for one in retrainings.listed() if one["id"] == row)
        shown |= {name: made[name] for name in ("state", "candidate", "detail", "gates")}
        self._say(options, shown, f"{made['state']}: {made['candidate']}\n{made['detail']}")
        if state != State.SHADOW:
            code = REFUSED if state == State.REFUSED else FAILED
            raise CommandError("nothing that serves has changed", returncode=code)

    def _say(self, options: dict[str, Any], shown: dict[str, Any], text: str) -> None:
        self.stdout.write(json.dumps(shown, indent=2, default=str) if options["json"] else text)


def _as_text(found: Assessment, data: dict[str, int]) -> str:
    facts = found.facts
    lines = [
        f"serving   {facts['serving'] or 'nothing'}, {facts['age_days']} days old",
        f"labels    {facts['labels']}, {facts['new_labels']} newer than the model; "
        f"{data['learnt']} to learn from, {data['held']} held back to judge",
        f"wanted    {'yes' if found.wanted else 'no'}",
        *(f"  {one.code}: {one.text}" for one in found.reasons),
    ]
    if found.obstacles:
        lines.append("not now")
        lines += [f"  {one.code}: {one.text}" for one in found.obstacles]
    return "\n".join(lines)
