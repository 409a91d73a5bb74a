"""`python -m backend.stack …`: run, stop, demo; secrets and exec for containers."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from backend.stack import demo, environment, secrets
from backend.stack.checkout import Checkout
from backend.stack.errors import StackError
from backend.stack.instance import Instance
from backend.stack.run import run

# Longer than all the graces of a stop together.
_STOP_SECONDS = 180.0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m backend.stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="start everything; stays until Ctrl-C")
    commands.add_parser("stop", help="stop what `run` started from this checkout")
    commands.add_parser("demo", help="submit a sample patient to the running instance")
    makes = commands.add_parser("secrets", help="create the secrets that do not exist yet")
    makes.add_argument(
        "--share", type=Path, metavar="DIR", help="copy what Prometheus and Grafana need to DIR"
    )
    becomes = commands.add_parser("exec", help="run a command with the stores' passwords filled in")
    becomes.add_argument("program", nargs=argparse.REMAINDER)
    chosen = parser.parse_args(arguments)
    try:
        environ = environment.read_file(Checkout.of({}).root / ".env") | os.environ
        checkout = Checkout.of(environ)
        if chosen.command == "run":
            return run(checkout, environ)
        if chosen.command == "stop":
            return _stop(checkout)
        if chosen.command == "demo":
            return _demo(checkout)
        if chosen.command == "secrets":
            created = secrets.create_missing(checkout.secrets)
            print(f"created: {', '.join(created) or 'nothing, all were there'}")
            if chosen.share:
                secrets.share(checkout.secrets, chosen.share)
            return 0
        if not chosen.program:
            parser.error("exec needs a command")
        environment.replace_process(chosen.program, checkout)
    except KeyboardInterrupt:
        return 130  # before the supervisor listens: nothing of its is running yet
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
    except OSError as error:
        print(f"error: {error.strerror}: {error.filename}", file=sys.stderr)
    return 1


def _stop(checkout: Checkout) -> int:
    instance = Instance(checkout.state)
    pid = instance.holder()
    if pid is None:
        print("nothing is running from this checkout")
        return 0
    print(f"stopping (process {pid}); running work is finished first …", flush=True)
    if not instance.stop(_STOP_SECONDS):
        print(f"still running after {_STOP_SECONDS:.0f} s: process {pid}", file=sys.stderr)
        return 1
    print("stopped")
    return 0


def _demo(checkout: Checkout) -> int:
    said = Instance(checkout.state).said()
    addresses = said.get("addresses")
    if not isinstance(addresses, dict):
        raise StackError("nothing is running from this checkout: `make run` first")
    key = secrets.read(checkout.secrets, "demo_api_key")
    print("\n".join(demo.show(addresses["web"], key)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
