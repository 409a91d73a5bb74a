"""Alarms reach people: real mail server, real web service, and what happens when they are away."""

import io
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from backend.clients import keys
from backend.clients.models import Scope
from backend.monitoring import alerts, delivery
from tests.integration.conftest import Api
from tests.integration.test_review import Sql
from tests.receivers import mail_server, web_service

ALERTS = "/api/v1/alerts/"


@pytest.fixture
def mails(database: None, settings: Any) -> Iterator[list[str]]:
    with mail_server() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address
        settings.ALERT_EMAILS = ["oncall@hospital.example"]
        settings.ALERT_URLS = settings.ALERT_URLS_CRITICAL = []
        yield server.mails


@pytest.fixture
def hook(mails: list[str], settings: Any) -> Iterator[Any]:
    with web_service() as server:
        host, port = server.server_address
        settings.ALERT_URLS = [f"json://user:s3cret@{host}:{port}/warnings"]
        settings.ALERT_URLS_CRITICAL = [f"json://{host}:{port}/critical"]
        yield server


@pytest.fixture
def operator(owner_id: int) -> Api:
    return Api(keys.create_key(owner_id, "duty", (Scope.OPERATE,)))


def later(sql: Sql) -> None:
    """As if every back-off were over."""
    sql("UPDATE monitoring_alertdelivery SET next_at = now()")


def states(sql: Sql) -> list[Any]:
    return sql("SELECT notice, channel, state, attempts FROM monitoring_alertdelivery ORDER BY id")


def test_every_critical_kind_is_one_that_is_raised() -> None:
    runbooks = (Path(__file__).resolve().parents[2] / "docs" / "runbooks.md").read_text()
    assert set(re.findall(r"^### (\w+)$", runbooks, re.M)) >= alerts.CRITICAL_KINDS


def test_an_alarm_is_mailed_once_and_its_end_too(mails: list[str], sql: Sql) -> None:
    alerts.raise_alert("low_accuracy", "v1", "Agreed on 70 % of 40.")
    alerts.raise_alert("low_accuracy", "v1", "Agreed on 69 % of 41.")
    assert alerts.send_unsent() == 1
    assert alerts.send_unsent() == 0
    [mail] = mails
    assert "Subject: [clinical-triage] CRITICAL low_accuracy: v1" in mail
    assert "To: oncall@hospital.example" in mail
    assert "docs/runbooks.md#low_accuracy" in mail
    alerts.resolve("low_accuracy", "v1")
    assert alerts.send_unsent() == 1
    assert alerts.send_unsent() == 0
    assert "Subject: [clinical-triage] resolved low_accuracy: v1" in mails[1]


def test_severity_decides_who_is_told(mails: list[str], hook: Any, sql: Sql) -> None:
    alerts.raise_alert("insufficient_labels", "v1", "There were 3 labels.")
    assert alerts.send_unsent() == 2
    alerts.raise_alert("no_model", "triage", "No model.")
    assert alerts.send_unsent() == 3
    titles = [body["title"] for body in hook.bodies]
    assert titles == [
        "[clinical-triage] insufficient_labels: v1",
        "[clinical-triage] CRITICAL no_model: triage",
        "[clinical-triage] CRITICAL no_model: triage",
    ]
    assert len(mails) == 2
    names = {name for (name,) in sql("SELECT channel FROM monitoring_alertdelivery")}
    assert len(names) == 3
    assert "s3cret" not in json.dumps(sorted(names)), "a URL is a secret"


def test_a_service_that_is_away_is_tried_again_and_seen(
    mails: list[str], hook: Any, operator: Api, anonymous: Api, sql: Sql
) -> None:
    hook.status = 503
    alerts.raise_alert("insufficient_labels", "v1", "There were 3 labels.")
    assert alerts.send_unsent() == 1, "the mail"
    assert alerts.send_unsent() == 0, "not before the back-off is over"
    for _ in range(2):
        later(sql)
        alerts.send_unsent()
    [waiting] = sql(
        "SELECT attempts, error, next_at > now() + interval '3 minutes' FROM"
        " monitoring_alertdelivery WHERE state = 'waiting'"
    )
    assert waiting == (3, "refused_or_unreachable", True)
    part = anonymous.get("/statusz").json()["parts"]["alarms"]
    assert part["ok"] is False
    assert part["failing"][0]["attempts"] == 3
    [shown] = operator.get(ALERTS).json()["alerts"]
    assert {one["channel"]: one["state"] for one in shown["deliveries"]}["email"] == "sent"
    hook.status = 200
    later(sql)
    assert alerts.send_unsent() == 1
    assert len(mails) == 1
    assert anonymous.get("/statusz").json()["parts"]["alarms"] == {"ok": True, "failing": []}


def test_a_mail_server_that_is_down_loses_no_alarm(
    mails: list[str], settings: Any, sql: Sql
) -> None:
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    alerts.raise_alert("low_accuracy", "v1", "text")
    assert alerts.send_unsent() == 0
    assert sql("SELECT sent_at FROM monitoring_alert") == [(None,)]
    settings.EMAIL_PORT = port
    later(sql)
    assert alerts.send_unsent() == 1
    assert len(mails) == 1


def test_an_alarm_that_comes_and_goes_is_announced_once_within_its_cool_down(
    mails: list[str], sql: Sql
) -> None:
    for _ in range(5):
        alerts.raise_alert("canary_failed", "triage", "text")
        alerts.send_unsent()
        alerts.resolve("canary_failed", "triage")
        alerts.send_unsent()
    assert len(mails) == 2, "raised, resolved"
    alerts.raise_alert("canary_failed", "triage", "text")
    sql("UPDATE monitoring_alert SET sent_at = sent_at - interval '61 minutes'")
    assert alerts.send_unsent() == 1, "still there after the cool-down"


def test_who_takes_care_is_kept_and_nobody_else_is_called(
    mails: list[str], operator: Api, sql: Sql
) -> None:
    alerts.raise_alert("no_model", "triage", "text")
    alert_id = alerts.listed()[0].id
    path = f"{ALERTS}{alert_id}/acknowledge/"
    first = operator.post(path, {}).json()
    assert first["acknowledged_by"].startswith("key:")
    assert alerts.acknowledge(alert_id, "somebody else").acknowledged_by == first["acknowledged_by"]  # type: ignore[union-attr]
    assert alerts.send_unsent() == 0
    assert sql("SELECT action, subject FROM clients_auditevent") == [
        ("alert.acknowledged", str(alert_id))
    ]
    alerts.resolve("no_model", "triage")
    assert operator.get(ALERTS).json() == {"alerts": []}
    assert len(operator.get(f"{ALERTS}?state=resolved").json()["alerts"]) == 1
    assert operator.get(f"{ALERTS}?state=closed").status_code == 400
    assert operator.post(f"{ALERTS}{2**63}/acknowledge/", {}).status_code == 404


def test_a_resolved_alarm_cannot_be_taken(mails: list[str], operator: Api) -> None:
    alerts.raise_alert("no_model", "triage", "text")
    alert_id = alerts.listed()[0].id
    alerts.resolve("no_model", "triage")
    assert operator.post(f"{ALERTS}{alert_id}/acknowledge/", {}).status_code == 409
    with pytest.raises(CommandError, match="resolved"):
        call_command("alerts", "acknowledge", str(alert_id))


def test_many_senders_send_each_notice_once(mails: list[str], sql: Sql) -> None:
    for number in range(6):
        alerts.raise_alert("no_model", f"host {number}", "text")

    def send() -> None:
        alerts.send_unsent()
        connection.close()

    senders = [threading.Thread(target=send) for _ in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert len(mails) == 6
    assert {(state, attempts) for _, _, state, attempts in states(sql)} == {("sent", 1)}


def test_what_was_over_before_anybody_could_be_told_is_dropped(
    mails: list[str], settings: Any, sql: Sql
) -> None:
    settings.EMAIL_PORT = 1
    alerts.raise_alert("no_model", "triage", "text")
    alerts.send_unsent()
    alerts.resolve("no_model", "triage")
    later(sql)
    assert alerts.send_unsent() == 0
    assert states(sql) == [("raised", "email", "dropped", 1)]


def test_the_back_off_grows_to_an_hour(database: None, sql: Sql) -> None:
    alerts.raise_alert("no_model", "triage", "text")
    alert_id = alerts.listed()[0].id
    sql(
        "INSERT INTO monitoring_alertdelivery (alert_id, notice, channel) VALUES (%s, 'raised',"
        " 'gone-1')",
        alert_id,
    )
    waits = []
    for _ in range(8):
        later(sql)
        assert delivery._take() is not None
        [(seconds,)] = sql(
            "SELECT extract(epoch FROM next_at - now())::float8 FROM monitoring_alertdelivery"
        )
        waits.append(round(seconds / 60))
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_the_test_message_goes_to_every_channel(mails: list[str], hook: Any, settings: Any) -> None:
    out = io.StringIO()
    call_command("alerts", "test", "--json", stdout=out)
    found = json.loads(out.getvalue())["channels"]
    assert [one["sent"] for one in found] == [True, True, True]
    assert len(mails) == 1
    settings.ALERT_URLS_CRITICAL = ["nonsense://x", "json://127.0.0.1:1/x"]
    out = io.StringIO()
    with pytest.raises(CommandError, match="2 of 4") as caught:
        call_command("alerts", "test", stdout=out)
    assert caught.value.returncode == 3
    assert "unknown_url" in out.getvalue()
    assert "refused_or_unreachable" in out.getvalue()


def test_the_list_on_a_terminal(mails: list[str]) -> None:
    out = io.StringIO()
    call_command("alerts", "list", stdout=out)
    assert "no alarm is open" in out.getvalue()
    alerts.raise_alert("no_model", "triage", "No proven model.")
    out = io.StringIO()
    call_command("alerts", "list", stdout=out)
    assert "docs/runbooks.md#no_model" in out.getvalue()
