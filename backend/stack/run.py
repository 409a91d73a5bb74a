"""`make run`: claim the checkout, choose ports, prepare the stores, supervise, show the way in."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Mapping

from backend.stack import demo, environment, ports, secrets
from backend.stack.checkout import Checkout
from backend.stack.errors import StackError
from backend.stack.instance import Instance
from backend.stack.logfile import LogFile
from backend.stack.services import (
    CONSOLE_USER,
    FLOWER_USER,
    PYTHON,
    Service,
    Sizes,
    Stage,
    services,
)
from backend.stack.stores import PostgreSQL, Valkey
from backend.stack.supervisor import Supervisor


def run(checkout: Checkout, environ: Mapping[str, str]) -> int:
    """Start everything and stay until asked to stop; returns the exit status.

    0 after an orderly stop, also when another instance already runs; 1 when an essential service
    failed. Raises StackError for what can be put right before anything was started.
    """
    began = time.monotonic()
    os.umask(0o077)  # whatever any process writes is its owner's alone
    checkout.make_state()
    instance = Instance(checkout.state)
    if not instance.claim():
        _say_where(instance)
        return 0
    chosen = ports.choose(environ, instance.previous_ports())
    addresses = {name: f"http://{ports.HOST}:{chosen[name]}" for name in ("web", "flower")}
    facts = {"pid": os.getpid(), "ports": chosen, "addresses": addresses}
    instance.say({**facts, "state": "starting"})
    created = secrets.create_missing(checkout.secrets)
    say("stack", f"secrets created in {checkout.secrets}" if created else "secrets are there")

    checkout.forget_metrics()
    supervisor = _supervisor(checkout, environ, chosen)
    supervisor.listen_for_signals()
    status = 0
    try:
        supervisor.start((Stage.STORES, Stage.PREPARE, Stage.SERVE))
        if not supervisor.stopping:
            instance.say({**facts, "state": "ready"})
            say("stack", f"ready after {time.monotonic() - began:.1f} s")
            _sample(supervisor, checkout)
            supervisor.start((Stage.AFTERWARDS,))
        if not supervisor.stopping:
            _show_way_in(addresses, checkout)
        supervisor.watch()
    except StackError as error:
        say("stack", str(error))
        status = 1
    finally:
        say("stack", "stopping; running work is finished first")
        supervisor.stop()
        instance.say({**facts, "state": "stopped"})
        say("stack", f"stopped, status {status}")
        instance.release()
    return status


def say(name: str, text: str) -> None:
    """One message on the terminal. A terminal that has gone away must not hinder an orderly end."""
    with contextlib.suppress(OSError):
        print(f"{name:>10} | {text}", flush=True)


def _supervisor(
    checkout: Checkout, environ: Mapping[str, str], chosen: Mapping[str, int]
) -> Supervisor:
    table: list[Service] = []
    redis_url, database_url = environ.get("REDIS_URL", ""), environ.get("DATABASE_URL", "")
    if not redis_url:
        password = secrets.read(checkout.secrets, "redis_password")
        valkey = Valkey(checkout.state / "valkey", chosen["redis"], password)
        table.append(valkey.prepare())
        redis_url = valkey.url
    if not database_url:
        password = secrets.read(checkout.secrets, "postgres_password")
        postgres = PostgreSQL(checkout.state / "postgres", chosen["postgres"], password)
        table.append(postgres.prepare())
        database_url = postgres.url
    sizes = Sizes(
        web=f"{ports.HOST}:{chosen['web']}",
        flower=f"{ports.HOST}:{chosen['flower']}",
        web_processes=_count(environ, "WEB_CONCURRENCY"),
        triage_processes=_count(environ, "TRIAGE_CONCURRENCY"),
        demo_key=str(checkout.secrets / "demo_api_key"),
        demo_login=str(checkout.secrets / "console_password"),
    )
    table += services(sizes)
    link = {"FLOWER_URL": f"http://{ports.HOST}:{chosen['flower']}/"}
    complete = environment.for_processes({**link, **environ}, checkout, database_url, redis_url)
    return Supervisor(table, complete, checkout.root, checkout.logs, say)


def _count(environ: Mapping[str, str], name: str) -> int:
    value = environ.get(name, "2")
    if not value.isdecimal() or not 1 <= int(value) <= 32:
        raise StackError(f"{name}: expected a whole number from 1 to 32")
    return int(value)


def _sample(supervisor: Supervisor, checkout: Checkout) -> None:
    log = LogFile(checkout.logs / "demo.log")
    command = (PYTHON, "-m", "backend.stack", "demo")
    service = Service("demo", command, Stage.SERVE, once=True, start_timeout=60)
    code = supervisor.run_beside(service, log)
    for line in log.new_lines():
        say("demo", f"sample patient → {line}" if code == 0 else line)
    if code != 0 and not supervisor.stopping:
        say("demo", f"the sample request was not answered; all stays up, see {checkout.logs}")


def _show_way_in(addresses: Mapping[str, str], checkout: Checkout) -> None:
    web, key = addresses["web"], checkout.secrets / "demo_api_key"
    lines = [
        "",
        f"API             {web}/api/v1/triage/",
        f"documentation   {web}/api/docs/",
        f"console         {web}/console/   user {CONSOLE_USER},"
        f" password: cat {checkout.secrets / 'console_password'}",
        f"administration  {web}/admin/",
        f"Flower          {addresses['flower']}/   user {FLOWER_USER},"
        f" password: cat {checkout.secrets / 'flower_password'}",
        f"metrics         {web}/metrics   token: cat {checkout.secrets / 'metrics_token'}",
        f"your key        cat {key}",
        f"logs            {checkout.logs}",
        "",
        "Paste this:",
        demo.curl_line(web, key),
        "",
        "Ctrl-C or `make stop` ends everything.",
    ]
    with contextlib.suppress(OSError):
        print("\n".join(lines), flush=True)


def _say_where(instance: Instance) -> None:
    said = instance.said()
    addresses = said.get("addresses")
    web = addresses.get("web") if isinstance(addresses, dict) else None
    pid = instance.holder()
    print(
        f"already running (process {pid}, {said.get('state', 'starting')}): {web}", file=sys.stderr
    )
    print("`make stop` ends it.", file=sys.stderr)
