"""The registry of models from a terminal: look, promote, roll back, retire, run in shadow."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError
from django.db import Error

from backend.commands import WordedCommand
from backend.monitoring import registry as rows
from backend.monitoring.registry import Change, ModelRecord, Refused
from ml.errors import BundleRefused, InvalidRecord
from workers import promotion
from workers import registry as bundles

REFUSED: Final = 1
GATE: Final = 3
_CODES = """exit codes:
  0  done
  1  refused: no such version, the registry's state does not allow it, no database
  2  wrong arguments
  3  promote, rollback, shadow: the bundle or the gate refused; the reasons are printed"""


class Command(WordedCommand):
    help = (
        "Show the registered models and decide which of them serves. Workers follow by themselves."
    )

    codes = _CODES

    def add_arguments(self, parser: ArgumentParser) -> None:
        command = self.words(parser)

        command("list", self._list, "Every registered version, and bundles without a row.")
        show = command("show", self._show, "One version: what it is and what was done to it.")
        promote = command(
            "promote", self._promote, "Let a version serve, if the gate finds it no worse."
        )
        promote.add_argument(
            "--data",
            type=Path,
            help="labelled records (JSON lines or KTAS) that neither model was trained on; "
            "default: a synthetic cohort of a seed kept for this",
        )
        promote.add_argument(
            "--override", action="store_true", help="against the gate's word; needs --reason"
        )
        rollback = command(
            "rollback", self._rollback, "Serve again what served before; it is proven, not gated."
        )
        retire = command("retire", self._retire, "Withdraw a version that does not serve.")
        shadow = command(
            "shadow", self._shadow, "Let a version predict on every case and log, unserved."
        )
        for one in (show, promote, retire, shadow):
            one.add_argument("version")
        for one in (promote, rollback, retire, shadow):
            one.add_argument("--reason", default="", help="kept with who did it and when")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            options["run"](options)
        except Refused as refusal:
            raise CommandError(str(refusal), returncode=REFUSED) from None
        except BundleRefused as refusal:
            self._end(options, {"done": False, "reasons": [str(refusal)]}, str(refusal), GATE)
        except Error as error:
            text = f"the database refused or cannot be reached ({type(error).__name__})"
            raise CommandError(text, returncode=REFUSED) from None

    def _list(self, options: dict[str, Any]) -> None:
        found, loose = rows.listed(), bundles.unregistered()
        if options["json"]:
            shown = [_json(one, brief=True) for one in found]
            self._print({"models": shown, "unregistered": loose})
            return
        self.stdout.write(f"{'VERSION':32} {'STAGE':10} {'RULES':14} {'PROMOTED':20} DIGEST")
        for one in found:
            promoted = f"{one.promoted_at:%Y-%m-%d %H:%M:%S}" if one.promoted_at else "–"
            self.stdout.write(
                f"{one.version:32} {one.stage:10} {one.rules_version:14} {promoted:20} "
                f"{one.digest[:12]}"
            )
        for name in loose:
            self.stdout.write(f"{name:32} {'(no row)':10} on disk; `shadow` or `promote` adds it")

    def _show(self, options: dict[str, Any]) -> None:
        one = rows.find(options["version"])
        if one is None:
            raise Refused(f"{options['version']} is not registered")
        history = rows.changes(one.version)
        if options["json"]:
            self._print(_json(one) | {"changes": history})
            return
        self.stdout.write(f"{one.version}  {one.stage}\ndigest     {one.digest}")
        self.stdout.write(f"rules      {one.rules_version}\nbefore it  {one.previous or '–'}\n")
        for change in history:
            against = "  AGAINST THE GATE" if change["overridden"] else ""
            self.stdout.write(
                f"{change['created_at']:%Y-%m-%d %H:%M:%S}  {change['action']:10} "
                f"{change['by']}: {change['reason'] or '–'}{against}"
            )
        self.stdout.write(f"\n{one.card}")

    def _promote(self, options: dict[str, Any]) -> None:
        if options["override"] and not options["reason"].strip():
            raise CommandError("--override: give the reason with --reason TEXT", returncode=2)
        try:
            found = promotion.promote(
                options["version"],
                by=bundles.operator(),
                reason=options["reason"],
                override=options["override"],
                data=options["data"],
            )
        except (OSError, InvalidRecord) as error:
            raise CommandError(f"--data: {error}", returncode=REFUSED) from None
        if found.unloadable:
            self.stderr.write(
                f"what serves cannot be loaded ({found.unloadable}); the rules answer"
            )
        from workers.gate import table

        shown = {
            "version": found.version,
            "reasons": list(found.verdict.reasons),
            "gate": found.verdict.to_json(),
            "done": found.promoted,
            "warnings": self._warnings(found.version),
        }
        if found.promoted:
            said = f"{found.version} serves{', against the gate' if found.overridden else ''}"
            self._end(options, shown, f"{table(found.verdict)}\n\n{said}")
        else:
            self.stdout.write("" if options["json"] else table(found.verdict))
            self._end(options, shown, f"{found.version} was not promoted", GATE)

    def _warnings(self, version: str) -> list[str]:
        record = rows.find(version)
        found = bundles.unreachable_floors(record) if record else []
        for warning in found:
            self.stderr.write(f"warning: {warning}")
        return found

    def _rollback(self, options: dict[str, Any]) -> None:
        version = bundles.roll_back(options["reason"])
        self._end(options, {"done": True, "version": version}, f"{version} serves")

    def _retire(self, options: dict[str, Any]) -> None:
        version = options["version"]
        rows.retire(version, Change(bundles.operator(), options["reason"]))
        self._end(options, {"done": True, "version": version}, f"{version} is retired")

    def _shadow(self, options: dict[str, Any]) -> None:
        _, record = bundles.candidate(options["version"])
        rows.put_in_shadow(record.version, Change(bundles.operator(), options["reason"]))
        said = f"{record.version} predicts in shadow"
        self._end(options, {"done": True, "version": record.version}, said)

    def _end(
        self, options: dict[str, Any], found: dict[str, Any], said: str, code: int = 0
    ) -> None:
        """Say how it ended: JSON on standard output in any case, a refusal's words on the other."""
        if options["json"]:
            self._print(found)
        if code:
            raise CommandError(said, returncode=code)
        if not options["json"]:
            self.stdout.write(said)

    def _print(self, found: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(found, indent=2, default=str))


def _json(one: ModelRecord, *, brief: bool = False) -> dict[str, Any]:
    found = {name: getattr(one, name) for name in ModelRecord.__slots__}
    return {k: v for k, v in found.items() if not (brief and k in {"metadata", "card", "metrics"})}
