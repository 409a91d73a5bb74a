"""`python -m benchmarks`: the measurements, a table each, one JSON file beside."""

import argparse
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

# Before numpy is imported: one thread per process, as the service runs it.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from backend.stack.checkout import ROOT  # noqa: E402
from benchmarks import machine  # noqa: E402
from benchmarks.report import Report  # noqa: E402

NAMES: Final = ("decision", "worker", "accept", "latency", "read", "memory", "growth")


def main() -> int:
    """Run the wanted measurements; 0 when all of them ran, whatever their bars say. What one of
    them could not do costs the others nothing."""
    options = _options()
    if not _ensure_model():
        return 1
    about = machine.describe()
    print("  ".join(f"{name}={value}" for name, value in about.items()), flush=True)
    reports, failed = _measure(options.only, options.scale)
    found = {
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "scale": options.scale,
        "machine": about,
        "failed": failed,
        "reports": [report.to_json() for report in reports],
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(found, indent=1) + "\n")
    print(f"also in {options.json}")
    if failed:
        print(f"not measured: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", type=_names, default=NAMES, help=f"of {','.join(NAMES)}")
    parser.add_argument("--scale", type=float, default=1.0, help="of rows and seconds")
    parser.add_argument("--json", type=Path, default=ROOT / "var" / "benchmarks.json")
    return parser.parse_args()


def _names(text: str) -> tuple[str, ...]:
    chosen = tuple(text.split(","))
    unknown = [name for name in chosen if name not in NAMES]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]} is none of {', '.join(NAMES)}")
    return chosen


def _ensure_model() -> bool:
    """Serve what this checkout serves; where it has no model, train one as `make run` would."""
    from ml import bundle
    from ml.errors import TriageError

    try:
        bundle.load_latest()
    except TriageError:
        from ml.__main__ import main as ml

        print("no model here yet: training one (half a minute)", flush=True)
        return ml(["train"]) == 0
    return True


def _measure(names: tuple[str, ...], scale: float) -> tuple[list[Report], list[str]]:
    reports: list[Report] = []
    failed: list[str] = []

    def one(name: str, work: Callable[..., Report], *arguments: Any) -> None:
        if name not in names:
            return
        started = time.monotonic()
        print(f"\n{name} …", file=sys.stderr, flush=True)
        try:
            report = work(*arguments, scale)
        except Exception:
            traceback.print_exc()
            failed.append(name)
        else:
            reports.append(report)
            print(report.text(), flush=True)
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)

    from benchmarks import decision

    one("decision", decision.measure)
    if set(names) - {"decision"}:
        from benchmarks.system import System

        with System() as system:
            import django

            django.setup()
            from benchmarks import accept, growth, latency, memory, read, worker

            for name, work in (
                ("worker", worker.measure),
                ("accept", accept.measure),
                ("latency", latency.measure),
                ("read", read.measure),
                ("memory", memory.measure),
                ("growth", growth.measure),
            ):
                one(name, work, system)
    return reports, failed


if __name__ == "__main__":
    sys.exit(main())
