"""Send records through the HTTP API, wait for every answer, print how good and how fast."""

import itertools
import json
import secrets
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from backend.stack.instance import Instance
from ml.errors import InvalidRecord
from ml.records import read_records
from workers import replay


class Command(BaseCommand):
    help = "Replay records (our own JSON lines or KTAS CSV) against the running service."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--rate", default="max", help="max, requests per second, or profile (see --profile)"
        )
        parser.add_argument("--profile", type=Path, help="CSV of arrivals per weekday and hour")
        parser.add_argument(
            "--speedup", type=float, default=60, help="hours of the profile per hour (default 60)"
        )
        parser.add_argument("--limit", type=int, help="only the first N records")
        parser.add_argument("--url", help="default: what `make run` started here")
        parser.add_argument("--key-file", type=Path, help="default: the demo client's key")
        parser.add_argument("--json", action="store_true", help="print JSON instead of a table")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            records = list(itertools.islice(read_records(options["file"]), options["limit"]))
            due = _due(options)
        except (OSError, InvalidRecord) as error:
            raise CommandError(str(error)) from None
        if not records:
            raise CommandError("the file holds no record")
        key_file = options["key_file"] or settings.SECRETS_DIR / "demo_api_key"
        try:
            key = key_file.read_text().strip()
        except OSError:
            raise CommandError("--key-file: cannot be read") from None
        url = options["url"] or _running_url()
        run = f"replay-{secrets.token_hex(4)}"
        client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30)
        started = time.monotonic()
        try:
            with client:
                answers = replay.replay(client, records, due, run)
                shown = tqdm(answers, total=len(records), unit="request", disable=options["json"])
                replayed = list(shown)
        except httpx.HTTPError as error:
            raise CommandError(f"the service at {url} failed: {type(error).__name__}") from None
        found = replay.summary(replayed, time.monotonic() - started)
        self.stdout.write(json.dumps(found, indent=2) if options["json"] else table(found))
        if found["answered"] != found["records"]:
            raise CommandError(f"{found['records'] - found['answered']} records got no answer")


def _due(options: dict[str, Any]) -> Iterator[float]:
    rate = options["rate"]
    if rate == "max":
        return replay.at_fixed_rate(0)
    if rate == "profile":
        if options["profile"] is None:
            raise CommandError("--rate profile: give the arrivals with --profile FILE")
        return replay.at_profile(options["profile"], options["speedup"], seed=1)
    try:
        return replay.at_fixed_rate(max(float(rate), 0.001))
    except ValueError:
        raise CommandError("--rate: expected max, profile or a number per second") from None


def _running_url() -> str:
    addresses = Instance(settings.STATE_DIR).said().get("addresses")
    if not isinstance(addresses, dict):
        raise CommandError("--url: nothing is running from this checkout; `make run` first")
    return str(addresses["web"])


def table(found: dict[str, Any]) -> str:
    """For people; shares in percent with 95 % intervals."""
    latency = " ".join(f"{name} {value} ms" for name, value in found["latency_ms"].items())
    lines = [
        f"records     {found['records']}, answered {found['answered']}",
        f"by method   {_counts(found['by_method'])}",
        f"by group    {_counts(found['by_ab_group'])}",
        f"fallback    {found['fallback']}, needs review {found['needs_review']}",
        f"model       {', '.join(found['model_versions']) or 'none'}",
        f"latency     {latency} (submit to answer seen)",
        f"throughput  {found['requests_per_second']} requests/s in {found['seconds']} s",
    ]
    if found["scores"]:
        lines += [
            "",
            f"{'':14}{'n':>5}  {'accuracy':>20}  {'kappa':>6}  {'under':>6}  {'over':>6}"
            f"  {'emergency recall':>20}",
        ]
        lines += [_score_line(name, scores) for name, scores in found["scores"].items()]
    return "\n".join(lines)


def _score_line(name: str, scores: dict[str, Any]) -> str:
    kappa = scores["quadratic_kappa"]
    return (
        f"{name:14}{scores['n']:>5}  {_interval(scores['accuracy']):>20}"
        f"  {'–' if kappa is None else f'{kappa:.2f}':>6}"
        f"  {scores['under_triage']:>6.1%}  {scores['over_triage']:>6.1%}"
        f"  {_interval(scores['emergency_recall']):>20}"
    )


def _interval(share: dict[str, Any] | None) -> str:
    if share is None:
        return "–"
    return f"{share['share']:.1%} ({share['low']:.0%}–{share['high']:.0%})"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
