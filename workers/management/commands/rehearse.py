"""Replay labelled records as days that have passed, and make the daily reports of those days."""

import datetime as dt
import json
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backend.clients import keys
from backend.monitoring import alerts, reports
from backend.triage.values import Author
from ml import bundle
from ml.errors import BundleRefused, InvalidRecord
from ml.records import Record, read_records
from workers import surveillance

CLIENT = "rehearsal"
_DAY = dt.timedelta(days=1)


class Command(BaseCommand):
    help = (
        "Replay labelled records as past days through the whole path, then make the daily reports. "
        "Only in a database that holds no patient's request."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="labelled records: JSON lines or a KTAS table")
        parser.add_argument("--first-day", required=True, help="UTC day, YYYY-MM-DD")
        parser.add_argument("--days", type=int, default=5, help="spread over so many (default 5)")
        parser.add_argument("--group", help="only the records of this group, e.g. a hospital")
        parser.add_argument("--model", default=bundle.LATEST, help="version (default: latest)")
        parser.add_argument("--json", action="store_true", help="print JSON instead of a table")

    def handle(self, *args: Any, **options: Any) -> None:
        from workers import rehearsal  # loads the numeric libraries: not for --help

        days = _days(options)
        client_id = keys.create_client(CLIENT)
        caller = keys.find_caller(keys.create_key(client_id, "rehearse"))
        if caller is None:
            raise CommandError(f"the client {CLIENT} is switched off")
        try:
            proven = bundle.load(options["model"])
            rehearsal.rehearse(client_id, Author(key_id=caller.key_id), proven, days)
        except (BundleRefused, rehearsal.RehearsalRefused) as refusal:
            raise CommandError(str(refusal)) from None
        found = [_reported(day, proven.digest) for day, _ in days]
        self.stdout.write(json.dumps(found, indent=2) if options["json"] else _table(found))


def _days(options: dict[str, Any]) -> list[tuple[dt.date, Sequence[Record]]]:
    try:
        first, count = dt.date.fromisoformat(options["first_day"]), options["days"]
    except ValueError:
        raise CommandError("--first-day: expected YYYY-MM-DD") from None
    try:
        records = [
            one
            for one in read_records(options["file"])
            if one.level is not None and options["group"] in {None, one.group}
        ]
    except (OSError, InvalidRecord) as error:
        raise CommandError(str(error)) from None
    if not 0 < count <= len(records):
        raise CommandError("--days: expected at least 1, and at most as many as labelled records")
    cuts = [n * len(records) // count for n in range(count + 1)]
    return [(first + n * _DAY, records[cuts[n] : cuts[n + 1]]) for n in range(count)]


def _reported(day: dt.date, digest: str) -> dict[str, Any]:
    """The checks of a day as they would have run on the midnight after it."""
    midnight = dt.datetime.combine(day + _DAY, dt.time(), dt.UTC)
    surveillance.check_accuracy(midnight)
    surveillance.check_drift(midnight)
    found: dict[str, Any] = {"day": str(day)}
    for kind in reports.KINDS:
        for one in reports.listed(kind, limit=reports.MOST_LISTED):
            if one.day == day and one.model_digest == digest:
                found[kind] = {"state": one.state, "count": one.count, "accuracy": one.accuracy}
                if kind == "accuracy":
                    charts = one.measures["cumulative"]
                    found["evidence"] = {n: charts[n]["value"] for n in ("accuracy", "urgency")}
    found["alarms"] = sorted({one["kind"] for one in alerts.open_alerts()})
    return found


def _table(found: list[dict[str, Any]]) -> str:
    lines = [
        f"{'DAY':12}{'LABELS':>7} {'ACCURACY':>9}  {'STATE':20}{'DRIFT':10}"
        f"{'EVIDENCE: ACCURACY':>20}{'URGENCY':>10}  OPEN ALARMS"
    ]
    for one in found:
        checked, drift = one["accuracy"], one.get("drift", {"state": "–"})
        share = "–" if checked["accuracy"] is None else f"{checked['accuracy']:.1%}"
        lines.append(
            f"{one['day']:12}{checked['count']:>7} {share:>9}  {checked['state']:20}"
            f"{drift['state']:10}{one['evidence']['accuracy']:>20.2f}"
            f"{one['evidence']['urgency']:>10.2f}  {', '.join(one['alarms']) or '–'}"
        )
    return "\n".join(lines)
