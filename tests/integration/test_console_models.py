"""Models and alarms in the console: orders that a worker carries out with its gate, and who gave
them; alarms that people take and close."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from backend.clients.people import Person, Place, Role
from backend.monitoring import alerts, orders, registry
from backend.monitoring.registry import Refused
from ml.cohort import generate
from ml.training import train
from tests.integration.test_console import signed_in, text
from workers import gate
from workers import orders as carrying
from workers import registry as bundles

Sql = Callable[..., list[Any]]
TWO = "console-two"


@pytest.fixture(scope="module")
def two(models_dir: object) -> str:
    train(list(generate(900, seed=6)), source="synthetic-tests", seed=6, name=TWO)
    return TWO


@pytest.fixture
def operator(owner_id: int) -> Client:
    return signed_in("ada", owner_id, Role.OPERATOR)


@pytest.fixture
def serving(database: None, models_dir: object) -> str:
    """The bundle that the pointer names serves."""
    from ml import bundle

    version = bundle.latest_version()
    assert version is not None
    return bundles.serve_first(bundle.load(version)).version


def order(browser: Client, version: str, action: str, **more: str) -> str:
    form = {"action": action, "reason": "better on our patients", "sure": "on", **more}
    return text(browser.post(f"/console/models/{version}/change/", form, follow=True))


def person(owner_id: int) -> Person:
    return Person(1, "ada", {owner_id: Place(owner_id, "owner", "operator")})


def test_a_promotion_goes_through_the_gate_and_back(
    operator: Client, serving: str, two: str, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "HELD_OUT_RECORDS", 1_500)
    bundles.candidate(two)
    shown = order(operator, two, "promote")
    assert "Ordered: promote" in shown
    assert "waiting" in shown
    assert carrying.carry_out() == 1
    shown = text(operator.get(f"/console/models/{two}/"))
    found = orders.newest(two)[0]
    assert found.gate is not None
    assert found.gate["candidate"] == two
    # Whatever the gate says of two such small models, the page says the same.
    if found.state == orders.State.REFUSED:
        assert all(reason in shown for reason in found.reasons)
        assert order(operator, two, "promote", override="on")
        assert carrying.carry_out() == 1
    roles = registry.roles()
    assert roles.serving is not None
    assert roles.serving.version == two
    assert "Ordered: rollback" in order(operator, serving, "rollback")
    assert carrying.carry_out() == 1
    assert registry.roles().serving == registry.Entry(
        serving, sql("SELECT digest FROM monitoring_modelversion WHERE version = %s", serving)[0][0]
    )
    changes = registry.changes(serving)
    assert changes[-1]["by"] == "ada"
    assert "better on our patients" in changes[-1]["reason"]
    kept = sql("SELECT action FROM clients_auditevent WHERE action LIKE 'model.%%' ORDER BY id")
    assert kept[0] == ("model.promote_ordered",)
    assert kept[-1] == ("model.rollback_ordered",)
    page = text(operator.get("/console/models/compare/", {"a": serving, "b": two}))
    assert "Emergency recall" in page


def test_an_order_without_a_reason_or_a_yes_is_none(
    operator: Client, serving: str, two: str, owner_id: int
) -> None:
    bundles.candidate(two)
    assert "say why" in order(operator, two, "shadow", reason=" ")
    form = {"action": "shadow", "reason": "because"}
    said = text(operator.post(f"/console/models/{two}/change/", form, follow=True))
    assert "confirm that you mean it" in said
    assert orders.newest() == []
    with pytest.raises(Refused, match="not registered"):
        orders.place(person(owner_id), "promote", "nowhere", "because")


def test_one_order_at_a_time_and_a_lost_worker_is_replaced(
    operator: Client, serving: str, two: str, sql: Sql
) -> None:
    bundles.candidate(two)
    order(operator, two, "shadow")
    assert "another order is not finished" in order(operator, two, "retire")
    taken = orders.take()
    assert taken is not None
    assert orders.take() is None
    sql("UPDATE monitoring_modelorder SET taken_at = now() - interval '7 minutes'")
    assert carrying.carry_out() == 1
    assert [one.version for one in registry.listed() if one.stage == "shadow"] == [two]
    # The worker that was thought dead changes nothing any more.
    orders.finish(taken, orders.Outcome(done=False, reasons=("late",)))
    assert orders.newest()[0].state == "done"


def test_a_refused_order_says_why(operator: Client, serving: str) -> None:
    order(operator, serving, "retire")
    assert carrying.carry_out() == 1
    found = orders.newest()[0]
    assert found.state == "refused"
    assert "serves; promote another version" in text(operator.get(f"/console/models/{serving}/"))


def test_an_alarm_is_taken_and_closed(operator: Client, sql: Sql) -> None:
    alerts.raise_alert("low_accuracy", "m1", "The model agreed with clinicians too seldom.")
    page = operator.get("/console/alarms/")
    assert "too seldom" in text(page)
    address = f"/console/alarms/{alerts.listed()[0].id}/"
    assert "is yours" in text(operator.post(address, {"do": "acknowledge"}, follow=True))
    assert alerts.listed()[0].acknowledged_by == "ada"
    assert "ada takes care of it" in text(operator.get("/console/alarms/"))
    assert "closed" in text(operator.post(address, {"do": "resolve"}, follow=True))
    assert alerts.listed() == []
    assert "No alarm is open" in text(operator.get("/console/alarms/"))
    kept = sql("SELECT action FROM clients_auditevent WHERE action LIKE 'alert.%%' ORDER BY id")
    assert kept == [("alert.acknowledged",), ("alert.resolved",)]
    assert "over already" in text(operator.post(address, {"do": "acknowledge"}, follow=True))
    assert operator.post("/console/alarms/999999/", {"do": "resolve"}).status_code == 404
