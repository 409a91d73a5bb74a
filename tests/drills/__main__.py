"""The long drill: `python -m tests.drills [--seed N] [--scale S] [--only WORD]`.

Starts a complete service on private stores, runs every scenario under load, and prints the table.
Exit status 1 when any promise was broken. The seed decides loads and faults; which instruction a
fault meets is the machine's.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from backend.stack import environment, secrets
from backend.stack.checkout import Checkout


def prepare(directory: Path) -> Path:
    """Secrets and a small synthetic model for this run, in this process's environment too."""
    checkout = Checkout.of({"STATE_DIR": str(directory / "state")})
    checkout.make_state()
    secrets.create_missing(checkout.secrets)
    os.environ.update(environment.for_processes(os.environ, checkout, "", ""))
    os.environ["TRIAGE_MODELS_DIR"] = str(directory / "models")
    from ml import bundle
    from ml.cohort import generate
    from ml.training import train

    made = train(list(generate(900, seed=5)), source="synthetic-drill", seed=5)
    bundle.promote(made.version)
    return directory / "models"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.drills", description=__doc__)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the faults")
    parser.add_argument("--only", default="", help="scenarios whose name contains this")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="triage-drill-") as place:
        directory = Path(place)
        models = prepare(directory)
        return _run(directory, models, options.seed, options.scale, options.only)


def _run(directory: Path, models: Path, seed: int, scale: float, only: str) -> int:
    # After `prepare`: what they import reads the environment.
    from tests.drills import chaos, database_scenarios, scenarios
    from tests.drills.drill import Drilled, table
    from tests.drills.harness import System

    def share(count: int) -> int:
        return max(1, round(count * scale))

    plan: dict[str, Callable[[System, Path, int], Drilled]] = {
        "lost hints": lambda s, d, n: scenarios.dead_letter(s, d, n, share(4)),
        "emptied broker": lambda s, d, n: scenarios.empty_broker(s, d, n, share(30)),
        "restarted broker": lambda s, d, n: scenarios.restarted_broker(s, d, n, share(50)),
        "frozen broker": lambda s, d, n: scenarios.frozen_broker(s, d, n, share(600))[0],
        **{
            f"refusing broker: {how}": lambda s, d, n, how=how: scenarios.refusing_broker(
                s, d, n, how
            )
            for how in scenarios.REFUSALS
        },
        "restarted database": lambda s, d, n: database_scenarios.restarted(
            s, d, n, share(20), "either"
        ),
        "cut connections": lambda s, d, n: database_scenarios.cut_off(s, d, n, share(60)),
        "locked table": lambda s, d, n: database_scenarios.locked(s, d, n, 6),
        "kills": lambda s, d, n: chaos.random_kills(s, d, n, share(300)),
        "rolling restarts": lambda s, d, n: chaos.rolling_restarts(s, d, n, share(3)),
    }
    done: list[Drilled] = []
    broken = 0
    started = time.monotonic()
    with System(directory, models) as system:
        system.start()
        for number, (name, scenario) in enumerate(plan.items()):
            if only not in name:
                continue
            system.heal()
            system.sql("TRUNCATE triage_triagerequest CASCADE")
            print(f"[{time.monotonic() - started:5.0f} s] {name}", file=sys.stderr, flush=True)
            try:
                drilled = scenario(system, directory, seed + number)
                done.append(drilled)
                drilled.check()
            except AssertionError as error:
                broken += 1
                print(f"BROKEN: {name}: {error}", file=sys.stderr, flush=True)
    print(table(done))
    faults = sum(one.faults for one in done)
    accepted = sum(one.verdict.accepted for one in done)
    print(f"\nseed {seed}: {len(done)} scenarios, {faults} faults, {accepted} accepted, ", end="")
    print(f"{broken} broken, {time.monotonic() - started:.0f} s")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
