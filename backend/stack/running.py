"""The environment of what `make run` started here, for commands typed beside it."""

from __future__ import annotations

from collections.abc import Mapping

from backend.stack import environment, secrets
from backend.stack.checkout import Checkout
from backend.stack.instance import Instance
from backend.stack.stores import PostgreSQL, Valkey


def complete(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ`, with the addresses of the running instance where it names no database itself.

    Unchanged when DATABASE_URL is set or nothing runs: the settings then say what is missing.
    """
    given = environment.read_file(Checkout.of({}).root / ".env") | dict(environ)
    checkout = Checkout.of(given)
    instance = Instance(checkout.state)
    if given.get("DATABASE_URL") or instance.holder() is None:
        return given
    chosen = instance.previous_ports()
    postgres = secrets.read(checkout.secrets, "postgres_password")
    valkey = secrets.read(checkout.secrets, "redis_password")
    database_url = PostgreSQL(checkout.state / "postgres", chosen["postgres"], postgres).url
    redis_url = Valkey(checkout.state / "valkey", chosen["redis"], valkey).url
    redis_url = given.get("REDIS_URL") or redis_url
    return environment.for_processes(given, checkout, database_url, redis_url)
