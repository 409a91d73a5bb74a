"""What is deleted is gone, statistics keep their counts, and a killed job goes on."""

import base64
import io
import json
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, models

from backend import encryption
from backend.clients.models import Client
from backend.triage import retention, rotation
from tests.integration.conftest import CARDIAC_ARREST, SORE_THROAT, Api

Sql = Callable[..., list[Any]]
TRIAGE = "/api/v1/triage/"
PATIENT = "MRN-55012"


def post(api: Api, patient: str = PATIENT, body: dict[str, Any] = CARDIAC_ARREST) -> str:
    return str(api.post(TRIAGE, body | {"patient_id": patient}).json()["id"])


def label(api: Api, request_id: str) -> None:
    body = {"triage_log_id": request_id, "doctor_correction": "soon", "feedback_note": "seen"}
    assert api.post("/api/ml/feedback/", body).status_code == 201


def rows_about(sql: Sql, *needles: str) -> dict[str, int]:
    """Rows of any table that hold any of these, as text."""
    found = {}
    for (table,) in sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        count = sql(
            f'SELECT count(*) FROM "{table}" AS t WHERE t::text LIKE ANY (%s)',
            [f"%{one}%" for one in needles],
        )[0][0]
        if count:
            found[table] = count
    return found


def erase(patient: str = PATIENT, client: str = "owner") -> dict[str, Any]:
    out = io.StringIO()
    call_command("erase", client=client, patient_id=patient, json=True, stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def test_an_erased_patient_is_in_no_table_and_still_counted(
    owner: Api, owner_id: int, stranger: Api, sql: Sql
) -> None:
    ids = [post(owner) for _ in range(3)]
    label(owner, ids[0])
    other, foreign = post(owner, "another"), post(stranger)
    reference = encryption.pseudonym(owner_id, PATIENT)
    assert rows_about(sql, reference, *ids)
    assert erase() == {"id": retention.Erasure.objects.get().pk, "requests": 3, "finished": True}
    left = rows_about(sql, reference, *ids)
    # Who did what to which request stays written; it tells nothing of the patient.
    assert set(left) <= {"clients_auditevent"}
    assert owner.get(f"{TRIAGE}{ids[0]}/").status_code == 404
    assert owner.get(f"{TRIAGE}{other}/").status_code == 200
    assert stranger.get(f"{TRIAGE}{foreign}/").status_code == 200, "the same id at another client"
    kept = sql("SELECT level, method, label, requests FROM triage_retiredcount ORDER BY label")
    assert kept == [(3, "red_flag_override", -1, 2), (3, "red_flag_override", 1, 1)]
    actions = [row[0] for row in sql("SELECT action FROM clients_auditevent ORDER BY id")]
    assert actions[-2:] == ["patient.erase", "patient.erased"]


def test_erasing_again_or_nobody_changes_nothing(owner: Api, sql: Sql) -> None:
    post(owner, "another")
    assert erase()["requests"] == 0
    assert erase()["finished"] is True
    assert sql("SELECT count(*) FROM triage_triagerequest") == [(1,)]
    with pytest.raises(CommandError, match="--client"):
        erase(client="nobody")
    with pytest.raises(CommandError, match="--patient-id"):
        erase("")


def test_an_open_request_is_answered_first(owner: Api, sql: Sql) -> None:
    post(owner, body=SORE_THROAT)
    ordered = retention.request_erasure(Client.objects.get(name="owner").pk, PATIENT, "system:test")
    assert retention.erase(ordered).finished is False
    assert sql("SELECT answer FROM triage_triagerequest") == [("open",)]
    sql("UPDATE triage_triagerequest SET deadline_at = now()")
    from backend.triage import lifecycle

    lifecycle.enforce_deadlines()
    assert retention.erase_pending() == 1
    assert sql("SELECT count(*) FROM triage_triagerequest") == [(0,)]


def test_a_killed_erasure_goes_on_and_counts_nothing_twice(
    owner: Api, monkeypatch: pytest.MonkeyPatch, sql: Sql
) -> None:
    monkeypatch.setattr(retention, "_BATCH_ROWS", 2)
    for _ in range(5):
        post(owner)
    whole, calls = retention._delete, []

    def dies(which: str, parameters: dict[str, Any]) -> int:
        calls.append(which)
        deleted = whole(which, parameters)
        if len(calls) == 2:
            raise KeyboardInterrupt  # inside the transaction, after its work
        return deleted

    monkeypatch.setattr(retention, "_delete", dies)
    ordered = retention.request_erasure(Client.objects.get(name="owner").pk, PATIENT, "system:test")
    with pytest.raises(KeyboardInterrupt):
        retention.erase(ordered)
    assert sql("SELECT count(*) FROM triage_triagerequest") == [(3,)]
    assert retention.erase_pending() == 1
    assert retention.erase_pending() == 0
    assert sql("SELECT sum(requests) FROM triage_retiredcount") == [(5,)]
    assert sql('SELECT requests, "references" FROM triage_erasure') == [(5, "[]")]


def test_a_patient_is_found_under_an_older_pseudonym_key(
    owner: Api, settings: Any, sql: Sql
) -> None:
    before = settings.PSEUDONYM_KEY
    post(owner)
    settings.PSEUDONYM_KEY = f"v2:{os.urandom(32).hex()}\n:{before}"
    post(owner)
    assert sql("SELECT count(DISTINCT patient_reference) FROM triage_triagerequest") == [(2,)]
    assert erase()["requests"] == 2


def test_each_client_keeps_its_requests_as_long_as_it_says(
    owner: Api, owner_id: int, stranger: Api, settings: Any, sql: Sql
) -> None:
    settings.RETENTION_DAYS = 30
    old, new, theirs = post(owner), post(owner), post(stranger)
    kept_open = post(owner, body=SORE_THROAT)
    sql(
        "UPDATE triage_triagerequest SET accepted_at = now() - interval '31 days'"
        " WHERE id = ANY(%s::uuid[])",
        [old, theirs, kept_open],
    )
    sql("UPDATE clients_client SET retention_days = 0 WHERE name = 'stranger'")
    assert retention.retain() == 1
    assert retention.retain() == 0
    left = {str(row[0]) for row in sql("SELECT id FROM triage_triagerequest")}
    assert left == {new, theirs, kept_open}
    assert sql("SELECT client_id, requests FROM triage_retiredcount") == [(owner_id, 1)]


def test_two_retentions_at_once_count_each_request_once(
    owner: Api, monkeypatch: pytest.MonkeyPatch, settings: Any, sql: Sql
) -> None:
    settings.RETENTION_DAYS = 30
    monkeypatch.setattr(retention, "_BATCH_ROWS", 2)
    for _ in range(8):
        post(owner)
    sql("UPDATE triage_triagerequest SET accepted_at = now() - interval '31 days'")

    def run() -> None:
        retention.retain()
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    retention.retain()
    assert sql("SELECT count(*) FROM triage_triagerequest") == [(0,)]
    assert sql("SELECT sum(requests) FROM triage_retiredcount") == [(8,)]


def new_key(name: str) -> str:
    return f"{name}:{base64.b64encode(os.urandom(32)).decode()}"


def test_keys_are_rotated_while_both_live(owner: Api, settings: Any, sql: Sql) -> None:
    ids = [post(owner, str(number)) for number in range(7)]
    for request_id in ids[:3]:
        label(owner, request_id)
    old = settings.PAYLOAD_KEYS
    new = new_key("k2")
    settings.PAYLOAD_KEYS = f"{new}\n{old}"
    during = post(owner, "during")
    out = io.StringIO()
    call_command("rotate_keys", batch=2, json=True, stdout=out)
    assert json.loads(out.getvalue()) == {"key": "k2", "sealed": 10, "unreadable": 0}
    out = io.StringIO()
    call_command("rotate_keys", json=True, stdout=out)
    assert json.loads(out.getvalue())["sealed"] == 0, "a finished rotation has nothing to do"
    settings.PAYLOAD_KEYS = new
    for request_id, sealed in sql("SELECT request_id, sealed FROM triage_triagepayload"):
        assert b"chief_complaint" in encryption.unseal(bytes(sealed), request_id)
    for request_id, sealed in sql("SELECT request_id, sealed_note FROM triage_clinicianlabel"):
        assert encryption.unseal(bytes(sealed), request_id) == b"seen"
    assert during


def test_rows_that_no_key_opens_are_left_and_raise_an_alarm(
    owner: Api, settings: Any, sql: Sql
) -> None:
    post(owner, "1")
    lost = bytes(sql("SELECT sealed FROM triage_triagepayload")[0][0])
    settings.PAYLOAD_KEYS = new_key("k2")
    post(owner, "2")
    settings.PAYLOAD_KEYS = f"{new_key('k3')}\n{settings.PAYLOAD_KEYS}"
    with pytest.raises(CommandError, match="put their key back"):
        call_command("rotate_keys", stdout=io.StringIO())
    assert sql("SELECT kind, subject FROM monitoring_alert") == [("payload_unreadable", "rotation")]
    stored = [bytes(row[0]) for row in sql("SELECT sealed FROM triage_triagepayload")]
    assert lost in stored
    assert sum(one.startswith(b"k3:") for one in stored) == 1


def test_every_sealed_column_is_rotated() -> None:
    sealed = {
        (model._meta.db_table, field.column)
        for model in apps.get_models()
        if model.__module__.startswith("backend.")
        for field in model._meta.get_fields()
        if isinstance(field, models.BinaryField)
    }
    declared = {(one.table, one.column) for one in rotation.COLUMNS}
    assert sealed == declared, "add it to backend/triage/rotation.py: COLUMNS"
