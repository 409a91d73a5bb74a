"""Why a request was answered as it was, for a clinician to read at a glance."""

import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any, Final
from uuid import UUID

import structlog
from django.core.management.base import BaseCommand, CommandError
from django.db import Error

from ml.schema import LEVELS
from workers import explain
from workers.explain import NothingToExplain, Repeated, Stored

log = structlog.get_logger()

NOT_REPRODUCED: Final = 3
_CODES = """exit codes:
  0  explained, and reproduced by the same rules and bundle
  1  no such request, or it has no answer
  2  wrong arguments
  3  explained, but not reproduced: what changed is printed"""
_RULES_WHY: Final = {
    "red_flag": "a red flag of the rules: final",
    "arm": "the rules: the patient is in the trial's rules arm",
    "no_model": "the rules: the worker had no proven model",
    "prediction_failed": "the rules: the model failed on this case",
    "deadline": "the rules: no worker answered by the deadline",
    "attempts_exhausted": "the rules: every attempt lost its worker",
    "low_confidence": "the rules: the model was unsure and said less",
    "excluded": "the rules: outside the trial, and the model said less",
}
_REPEATED: Final = {
    "bit_for_bit": "bit for bit",
    "within_rounding": "yes, but for the last digits (batches sum in another order)",
    "differs": "NO",
    "impossible": "CANNOT BE REPEATED HERE",
}


class Command(BaseCommand):
    help = "Explain one request's answer and make it again with the same bundle."

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> Any:
        parser = super().create_parser(prog_name, subcommand, epilog=_CODES, **options)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("request_id", type=UUID)
        parser.add_argument("--json", action="store_true", help="print JSON; never with text")
        parser.add_argument(
            "--show-text",
            action="store_true",
            help="decrypt and show the matched words, on a terminal only",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        show = options["show_text"]
        if show and (options["json"] or not sys.stdout.isatty()):
            # A patient's words must not end in a file or a pipe by accident.
            raise CommandError("--show-text: only on a terminal, and not with --json", returncode=2)
        try:
            stored = explain.read(options["request_id"])
        except NothingToExplain as error:
            raise CommandError(str(error)) from None
        except Error as error:
            raise CommandError(f"the database failed ({type(error).__name__})") from None
        repeated = explain.repeat(stored)
        if options["json"]:
            self.stdout.write(json.dumps(as_json(stored, repeated), indent=2))
        else:
            if show:
                log.warning("explain.text_shown", request_id=str(stored.id))
            self.stdout.write("\n".join(as_text(stored, repeated, show_text=show)))
        if repeated.verdict in {"differs", "impossible"}:
            raise CommandError("the answer was not reproduced", returncode=NOT_REPRODUCED)


def who_decided(stored: Stored) -> str:
    """In words; the reason's code stands in the path."""
    decision = stored.decision
    if decision["decided_by"] == "rules":
        return _RULES_WHY.get(decision["reason"], "the rules")
    assert stored.model is not None  # a model that decided is named
    name = f"the model {stored.model.version}"
    return f"{name}, held by the guard" if decision["reason"] == "guard" else name


def as_json(stored: Stored, repeated: Repeated) -> dict[str, Any]:
    """For programs: codes, numbers and offsets, no text of the patient."""
    model = stored.model
    return {
        "request_id": str(stored.id),
        "accepted_at": stored.accepted_at.isoformat(),
        "answered_at": stored.answered_at.isoformat(),
        "amended": stored.amended,
        "arm": stored.arm,
        "who_decided": who_decided(stored),
        **stored.decision,
        "model": model and {"version": model.version, "digest": model.digest},
        "rules_version": stored.rules_version,
        "reproduced": {
            "verdict": repeated.verdict,
            "changed": [str(change) for change in repeated.changed],
            "differs": list(repeated.differs),
        },
    }


def as_text(stored: Stored, repeated: Repeated, *, show_text: bool) -> list[str]:
    """For people: the answer first, then who, how, why, and whether it can be repeated."""
    decision, rules = stored.decision, stored.rules
    found = decision["explanation"]
    model = found["model"]
    review = "  ·  A CLINICIAN SHOULD LOOK" if decision["needs_review"] else ""
    amended = "  ·  amended: raised by a late opinion" if stored.amended else ""
    lines = [
        f"{decision['level'].upper()}  ·  care: {decision['care_level']}{review}{amended}",
        _line("decided by", who_decided(stored)),
        _line("path", "  →  ".join(decision["trace"])),
    ]
    if decision["probabilities"]:
        shares = zip(LEVELS, decision["probabilities"], strict=True)
        lines.append(_line("probability", ", ".join(f"{n} {p:.1%}" for n, p in shares)))
    news2 = "–" if rules.news2 is None else rules.news2
    said = f"{rules.level.label}, never below {rules.floor.label}; severity {rules.severity}/100"
    reasons = f"; {', '.join(rules.reasons)}" if rules.reasons else ""
    lines.append(_line("rules", f"{said}; NEWS2 {news2}{reasons}"))
    for hit in rules.hits:
        place = f"{hit.field} {hit.start}–{hit.end}" if hit.field else "measured values"
        if show_text and stored.case is not None and hit.field:
            words = explain.matched_text(stored.case, hit.field, hit.start, hit.end)
            place += f" “{_printable(words)}”"
        lines.append(f"  {hit.level.label:10} {hit.rule_id}  [{hit.category}]  {place}")
        lines.append(f"             {hit.source}")
    if model is not None:
        raised = ", raised by its recall threshold" if model["raised_by_threshold"] else ""
        lines.append(_line("model", f"{model['level']}{raised}; log-odds for it:"))
        lines += [f"  {c['log_odds']:+10.2f} {c['feature']}" for c in model["contributions"]]
        lines.append(_line("imputed", ", ".join(model["imputed"]) or "nothing"))
    lines.append(_line("missing", ", ".join(found["missing"]) or "nothing"))
    lines.append(_line("reproduced", _REPEATED[repeated.verdict]))
    lines += [f"  {change}" for change in repeated.changed]
    if repeated.differs:
        lines.append(f"  differs: {', '.join(repeated.differs)}")
    digest = stored.model.digest if stored.model else "no model"
    lines.append(_line("with", f"{stored.rules_version}, {digest}"))
    return lines


def _line(name: str, text: str) -> str:
    return f"{name:12}{text}"


def _printable(text: str) -> str:
    """A patient's text must not drive the operator's terminal."""
    return "".join(one if one.isprintable() else "·" for one in text)
