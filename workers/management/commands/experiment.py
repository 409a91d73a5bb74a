"""A trial of the model against the rules, from a terminal: start, look, ramp up, stop."""

import json
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import CommandError
from django.db import Error

from backend.commands import WordedCommand
from backend.monitoring import experiments
from backend.monitoring.experiments import By, Record, Refused
from ml.errors import InvalidCase
from ml.plan import parse_terms
from workers import trial
from workers.registry import operator

REFUSED: Final = 1
STOPPED_BY_GUARDRAIL: Final = 3
_CODES = """exit codes:
  0  done
  1  refused: no such trial, its state or its plan does not allow it, no database
  2  wrong arguments
  3  status: the newest trial was rolled back; ramp: this look rolled it back"""


class Command(WordedCommand):
    help = "Run a fair trial of the model against the rules (docs/experiments.md)."

    codes = _CODES

    def add_arguments(self, parser: ArgumentParser) -> None:
        command = self.words(parser)

        start = command("start", self._start, "Begin a trial of the model that serves now.")
        start.add_argument("--hypothesis", default="", help="what you expect, in a sentence")
        start.add_argument(
            "--plan",
            default="{}",
            help="JSON object of what differs from the default plan, for instance "
            '\'{"shares": [0.1, 0.5], "minimum_days": 7}\'',
        )
        status = command("status", self._status, "What the newest look saw; default: newest trial.")
        ramp = command(
            "ramp", self._ramp, "Look now, and open the next phase if the plan allows it."
        )
        stop = command("stop", self._stop, "End the trial and say who answers from now on.")
        stop.add_argument(
            "--outcome", required=True, choices=["ml", "rules"], help="who answers everybody"
        )
        status.add_argument("name", nargs="?")
        for one in (start, ramp, stop):
            one.add_argument("name")
            one.add_argument("--reason", default="", help="kept with the phase")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            options["run"](options)
        except Refused as refusal:
            raise CommandError(str(refusal), returncode=REFUSED) from None
        except InvalidCase as refusal:
            raise CommandError(f"--plan: {refusal}", returncode=2) from None
        except Error as error:
            text = f"the database refused or cannot be reached ({type(error).__name__})"
            raise CommandError(text, returncode=REFUSED) from None

    def _start(self, options: dict[str, Any]) -> None:
        try:
            body = json.loads(options["plan"])
        except ValueError:
            raise CommandError("--plan: expected a JSON object", returncode=2) from None
        terms = parse_terms(body)
        record = experiments.start(options["name"], options["hypothesis"], terms, _by(options))
        self._show(record, options)

    def _status(self, options: dict[str, Any]) -> None:
        name = options["name"]
        record = experiments.find(name) if name else next(iter(experiments.listed()), None)
        if record is None:
            raise Refused(f"there is no trial named {name}" if name else "there is no trial yet")
        self._show(record, options)
        if record.state == experiments.State.ROLLED_BACK:
            raise CommandError("", returncode=STOPPED_BY_GUARDRAIL)

    def _ramp(self, options: dict[str, Any]) -> None:
        running = experiments.running()
        if running is not None and running.name == options["name"]:
            seen = trial.watch()
            if seen.get("outcome") == "roll_back":
                text = f"rolled back: {', '.join(seen['reasons'])}"
                raise CommandError(text, returncode=STOPPED_BY_GUARDRAIL)
        self._show(experiments.ramp(options["name"], _by(options)), options)

    def _stop(self, options: dict[str, Any]) -> None:
        record = experiments.stop(options["name"], options["outcome"], _by(options))
        self._show(record, options)

    def _show(self, record: Record, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(experiments.summary(record), indent=2))
        else:
            self.stdout.write(_text(record))


def _by(options: dict[str, Any]) -> By:
    name = operator()
    return By(f"system:{name}", name, options["reason"])


def _text(record: Record) -> str:
    lines = [
        f"{record.name}  {record.state}" + (f", {record.outcome} answers" * bool(record.outcome)),
        f"plan      {record.plan_hash[:16]}  model {record.plan['model_version']}",
    ]
    if record.hypothesis:
        lines.append(f"expected  {record.hypothesis}")
    if record.reason:
        lines.append(f"reason    {record.reason}")
    for phase in record.phases:
        until = f"{phase.closed_at:%Y-%m-%d %H:%M}" if phase.closed_at else "now"
        lines.append(
            f"phase {phase.number}   {phase.ml_share:6.1%} model  {phase.opened_at:%Y-%m-%d %H:%M} "
            f"to {until}  {phase.ml_answers} model answers, {phase.ml_fallbacks} by fallback"
        )
    return "\n".join([*lines, *_findings(record)])


def _findings(record: Record) -> list[str]:
    found = record.findings
    if found is None or record.looked_at is None:
        return ["not looked at yet"]
    pairs, lines = found["seen"]["pairs"], [f"look at   {record.looked_at:%Y-%m-%d %H:%M} UTC"]
    if pairs["n"]:
        lines.append(
            f"labelled  {pairs['n']} patients: model right on {pairs['model_right']}, rules on "
            f"{pairs['rules_right']}; gain {found['gain']:+.1%} "
            f"({found['gain_low']:+.1%} to {found['gain_high']:+.1%})"
        )
    tests = {name: found[name] for name in ("accuracy", "under_triage", "fallback")}
    tests |= {f"ratio {number}": test for number, test in enumerate(found["ratio"], 1)}
    for name, test in tests.items():
        said = "SOUNDS" if test["sounds"] else "quiet"
        lines.append(f"{name:13} e-value {test['e_value']:.3g} of {test['threshold']:.0f}  {said}")
    lines.append(f"outcome   {found['outcome']}")
    if found["next_share"] is not None:
        blocked = ", ".join(found["ramp_blocked_by"]) or "allowed"
        lines.append(f"next      {found['next_share']:.0%}: {blocked}")
    return lines
