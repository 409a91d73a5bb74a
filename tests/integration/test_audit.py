"""Who did what stays written: append only, chained, and the first broken row is named."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import Error, connection, transaction
from django.test import Client

from backend.clients import audit
from backend.clients.models import ApiKey
from tests.integration.conftest import SORE_THROAT, Api

Sql = Callable[..., list[Any]]


@pytest.fixture
def chain(database: None) -> list[audit.Event]:
    """Five sealed events."""
    for number in range(5):
        audit.record("system:tests", "request.read", client_id=7, subject=f"case-{number}")
    assert audit.seal() == 5
    return list(audit.stored())


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE clients_auditevent SET subject = 'another' WHERE sequence = 2",
        "UPDATE clients_auditevent SET seal = repeat('0', 64) WHERE sequence = 2",
        "DELETE FROM clients_auditevent WHERE sequence = 2",
        "TRUNCATE clients_auditevent",
    ],
)
def test_the_database_refuses_to_change_what_was_done(
    change: str, chain: list[audit.Event], sql: Sql
) -> None:
    with pytest.raises(Error, match="append only"), transaction.atomic():
        sql(change)
    assert list(audit.stored()) == chain


def test_sealing_may_not_change_the_event_with_it(database: None, sql: Sql) -> None:
    audit.record("system:tests", "request.read", client_id=None)
    with pytest.raises(Error, match="append only"), transaction.atomic():
        sql("UPDATE clients_auditevent SET sequence = 1, seal = 'x', actor = 'user:9'")


def test_an_event_lives_and_dies_with_its_access(database: None, sql: Sql) -> None:
    with transaction.atomic():
        audit.record("system:tests", "request.read", client_id=7)
        transaction.set_rollback(True)
    assert sql("SELECT count(*) FROM clients_auditevent") == [(0,)]


def test_an_event_that_commits_late_holds_nobody_up_and_is_sealed_late(
    database: None, sql: Sql
) -> None:
    recorded, finish = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            audit.record("system:slow", "request.read", client_id=7)
            recorded.set()
            finish.wait(10)
        connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    assert recorded.wait(10)
    audit.record("system:quick", "request.read", client_id=7)
    assert audit.seal() == 1
    finish.set()
    thread.join()
    assert audit.seal() == 1
    order = sql("SELECT actor FROM clients_auditevent ORDER BY sequence")
    assert order == [("system:quick",), ("system:slow",)]
    assert audit.verify(audit.stored()).broken is None


def test_many_sealers_make_one_chain(database: None) -> None:
    for number in range(60):
        audit.record("system:tests", "request.read", client_id=7, subject=number)

    def seal() -> None:
        for _ in range(5):
            audit.seal()
        connection.close()

    threads = [threading.Thread(target=seal) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    verdict = audit.verify(audit.stored())
    assert (verdict.sealed, verdict.unsealed, verdict.broken) == (60, 0, None)


TAMPERED: dict[str, Callable[[list[audit.Event]], list[audit.Event]]] = {
    "changed": lambda rows: [*rows[:2], replace(rows[2], subject="another"), *rows[3:]],
    "removed": lambda rows: [*rows[:2], *rows[3:]],
    "resealed": lambda rows: [*rows[:2], replace(rows[2], seal="f" * 64), *rows[3:]],
    "reordered": lambda rows: [*rows[:2], rows[3], rows[2], rows[4]],
    "repeated": lambda rows: [*rows[:3], rows[2], *rows[3:]],
}


@pytest.mark.parametrize("how", TAMPERED)
def test_the_first_broken_row_is_named(how: str, chain: list[audit.Event]) -> None:
    verdict = audit.verify(TAMPERED[how](chain))
    place = 4 if how == "repeated" else 3
    assert verdict.broken is not None
    assert verdict.broken.startswith(f"sequence {place}")
    assert audit.verify(chain).broken is None


def test_a_cut_end_and_a_chain_written_anew_are_found_by_an_earlier_head(
    chain: list[audit.Event],
) -> None:
    head = (5, chain[4].seal or "")
    assert audit.verify(chain, anchor=head).broken is None
    assert audit.verify(chain[:4]).broken is None, "nothing inside shows that the end is gone"
    assert audit.verify(chain[:4], anchor=head).broken == "sequence 5: the end is missing"
    forged, before = [], audit.GENESIS
    for event in [replace(chain[0], actor="user:1"), *chain[1:]]:
        before = audit.chained(before, event.sequence or 0, event)
        forged.append(replace(event, seal=before))
    assert audit.verify(forged).broken is None
    assert "written anew" in (audit.verify(forged, anchor=head).broken or "")


def test_an_export_is_verified_without_the_database(
    chain: list[audit.Event], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "audit.jsonl"
    call_command("verify_audit", export=file)
    assert file.stat().st_mode & 0o777 == 0o600
    call_command("verify_audit", file=file, json=True)
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["sealed"] == 5
    file.write_text(file.read_text().replace("case-3", "case-9"))
    with pytest.raises(CommandError, match=r"sequence 4 \(event \d+\): content and seal"):
        call_command("verify_audit", file=file)
    file.write_text("no event\n")
    with pytest.raises(CommandError, match="line 1"):
        call_command("verify_audit", file=file)


def test_what_a_superuser_changes_in_the_admin_is_audited(owner_key: str, sql: Sql) -> None:
    user = get_user_model()._default_manager.create(
        username="root", is_staff=True, is_superuser=True
    )
    browser = Client()
    browser.force_login(user)
    key = ApiKey.objects.get()
    place = f"/admin/clients/apikey/{key.pk}/change/"
    body = {"name": "renamed", "scopes": '["submit"]', "revoked_at_0": "2026-01-01"}
    assert browser.post(place, body | {"revoked_at_1": "00:00"}).status_code == 302
    assert browser.post("/admin/clients/client/add/", {"name": "new"}).status_code == 302
    events = sql("SELECT actor, action, subject FROM clients_auditevent ORDER BY id")
    assert events[-2][:2] == (f"user:{user.pk}", "apikey.change")
    assert events[-2][2] == str(key.pk)
    assert events[-1][:2] == (f"user:{user.pk}", "client.add")
    assert browser.get("/admin/clients/auditevent/").status_code == 200
    assert browser.get("/admin/clients/auditevent/add/").status_code == 403


def test_a_cancelled_request_is_audited_with_the_cancel(owner: Api, sql: Sql) -> None:
    place = owner.post("/api/v1/triage/", SORE_THROAT)["Location"]
    assert owner.post(f"{place}cancel/", {}).status_code == 200
    assert owner.post(f"{place}cancel/", {}).status_code == 409
    key = ApiKey.objects.get()
    events = sql("SELECT actor, action, subject FROM clients_auditevent")
    assert events == [(f"key:{key.pk}", "request.cancel", place.split("/")[-2])]
