"""Commands typed beside `make run` find its stores; nothing is guessed when nothing runs."""

from pathlib import Path

from backend.stack import running, secrets
from backend.stack.checkout import Checkout
from backend.stack.instance import Instance


def test_it_finds_the_stores_of_the_running_instance(tmp_path: Path) -> None:
    given = {"STATE_DIR": str(tmp_path / "state")}
    checkout = Checkout.of(given)
    checkout.make_state()
    secrets.create_missing(checkout.secrets)
    assert "DATABASE_URL" not in running.complete(given)
    instance = Instance(checkout.state)
    assert instance.claim()
    instance.say({"ports": {"postgres": 20_001, "redis": 20_002}})
    try:
        found = running.complete(given)
        assert "@127.0.0.1:20001/postgres" in found["DATABASE_URL"]
        assert "@127.0.0.1:20002/0" in found["REDIS_URL"]
        assert found["SECRETS_DIR"] == str(checkout.secrets)
        mine = running.complete({**given, "DATABASE_URL": "postgres://me@elsewhere/db"})
        assert mine["DATABASE_URL"] == "postgres://me@elsewhere/db"
        assert "REDIS_URL" not in mine
    finally:
        instance.release()
    assert "DATABASE_URL" not in running.complete(given)
