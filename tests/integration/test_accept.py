"""Promises 1, 5, 6, 8, 10, 11 at the door: what is accepted, refused, repeated, foreign."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from backend.triage import queries
from tests.integration.conftest import CARDIAC_ARREST, SORE_THROAT, Api

Sql = Callable[..., list[Any]]
TRIAGE = "/api/v1/triage/"


def test_a_202_means_committed_and_carries_the_rules_answer(owner: Api, sql: Sql) -> None:
    response = owner.post(TRIAGE, SORE_THROAT)
    body = response.json()
    assert response.status_code == 202
    assert response["Location"] == f"{TRIAGE}{body['id']}/"
    assert response["Retry-After"] == "1"
    assert body["status"] == "open"
    assert body["done"] is False
    assert body["answer"] is None
    assert body["provisional"]["prediction"] in {"routine", "soon"}
    assert body["provisional"]["explanation"]["rules"]["level"]
    rows = sql("SELECT answer, work, attempt FROM triage_triagerequest WHERE id = %s", body["id"])
    assert rows == [("open", "due", 0)]


def test_a_red_flag_is_answered_in_the_post_itself(owner: Api, sql: Sql) -> None:
    body = owner.post(TRIAGE, CARDIAC_ARREST).json()
    assert body["status"] == "answered"
    assert body["answer"]["prediction"] == "emergency"
    assert body["answer"]["method"] == "red_flag_override"
    assert body["answer"]["ab_group"] == "excluded"
    assert body["answer"]["fallback"] is False
    # Its row stays due, ranked last: the model's opinion is still logged.
    assert sql("SELECT work, claim_rank FROM triage_triagerequest") == [("due", 0)]
    assert sql("SELECT predictor, served FROM triage_predictionlog") == [("rules", True)]


def test_reading_shows_what_posting_showed(owner: Api) -> None:
    posted = owner.post(TRIAGE, SORE_THROAT)
    read = owner.get(posted["Location"])
    assert read.status_code == 200
    assert read.json() == posted.json()
    assert read["ETag"] == posted["ETag"]
    assert owner.get(posted["Location"], **{"If-None-Match": read["ETag"]}).status_code == 304


def test_same_key_and_body_is_one_row(owner: Api, sql: Sql) -> None:
    key = {"Idempotency-Key": "visit-17"}
    first = owner.post(TRIAGE, SORE_THROAT, **key).json()["id"]
    assert owner.post(TRIAGE, SORE_THROAT, **key).json()["id"] == first
    other = SORE_THROAT | {"patient_age": 35}
    refused = owner.post(TRIAGE, other, **key)
    assert refused.status_code == 422
    assert refused["Content-Type"] == "application/problem+json"
    assert sql("SELECT count(*) FROM triage_triagerequest") == [(1,)]


def test_the_same_key_from_many_threads_is_one_row(owner: Api, owner_key: str, sql: Sql) -> None:
    found: list[str] = []

    def submit() -> None:
        response = Api(owner_key).post(TRIAGE, SORE_THROAT, **{"Idempotency-Key": "k"})
        found.append(response.json()["id"])
        connection.close()

    threads = [threading.Thread(target=submit) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 12
    assert len(set(found)) == 1
    assert sql("SELECT count(*) FROM triage_triagerequest") == [(1,)]


def test_another_clients_key_is_another_request(owner: Api, stranger: Api, sql: Sql) -> None:
    key = {"Idempotency-Key": "same"}
    assert owner.post(TRIAGE, SORE_THROAT, **key).status_code == 202
    assert stranger.post(TRIAGE, SORE_THROAT, **key).status_code == 202
    references = sql("SELECT DISTINCT patient_reference FROM triage_triagerequest")
    assert len(references) == 2, "one patient id at two clients must not be linkable"


def test_foreign_absent_and_malformed_ids_look_the_same(owner: Api, stranger: Api) -> None:
    foreign = owner.post(TRIAGE, SORE_THROAT).json()["id"]
    answers = [stranger.get(f"{TRIAGE}{one}/") for one in (foreign, uuid4(), "not-an-id")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


@pytest.mark.parametrize("path", [TRIAGE, f"{TRIAGE}batch/", "/api/ml/predict/"])
def test_nobody_submits_without_a_key(anonymous: Api, path: str, sql: Sql) -> None:
    response = anonymous.post(path, SORE_THROAT)
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert Api("tri_wrong").post(path, SORE_THROAT).status_code == 401
    assert sql("SELECT count(*) FROM triage_triagerequest") == [(0,)]


def test_a_revoked_or_expired_key_is_refused_at_once(owner: Api, sql: Sql) -> None:
    assert owner.post(TRIAGE, SORE_THROAT).status_code == 202
    sql("UPDATE clients_apikey SET expires_at = now() - interval '1 second'")
    assert owner.post(TRIAGE, SORE_THROAT).status_code == 401
    sql("UPDATE clients_apikey SET expires_at = NULL, revoked_at = now()")
    assert owner.post(TRIAGE, SORE_THROAT).status_code == 401


REFUSED = {
    "unknown field": ({**SORE_THROAT, "patient_agee": 3}, "patient_agee"),
    "misspelt vital sign": ({**SORE_THROAT, "vital_signs": {"sp02_percent": 97}}, "vital_signs."),
    "number as text": ({**SORE_THROAT, "patient_age": "34"}, "patient_age"),
    "underscore number": ({**SORE_THROAT, "patient_age": "4_0.5"}, "patient_age"),
    "boolean as number": ({**SORE_THROAT, "patient_age": True}, "patient_age"),
    "text as boolean": ({**SORE_THROAT, "pregnant": "yes"}, "pregnant"),
    "wrong unit": ({**SORE_THROAT, "vital_signs": {"temperature_c": 98.6}}, "temperature_c"),
    "out of range": ({**SORE_THROAT, "severity_score": 101}, "severity_score"),
    "huge number": ({**SORE_THROAT, "patient_age": 1e300}, "patient_age"),
    "contradiction": (
        {**SORE_THROAT, "vital_signs": {"systolic_bp_mmhg": 80, "diastolic_bp_mmhg": 90}},
        "diastolic_bp_mmhg",
    ),
    "unknown level": ({**SORE_THROAT, "urgency": "asap"}, "urgency"),
    "no complaint": ({"patient_id": "p", "symptoms_data": {}}, "chief_complaint"),
    "no patient": ({"symptoms_data": {"chief_complaint": "cough"}}, "patient_id"),
    "long complaint": (
        {"patient_id": "p", "symptoms_data": {"chief_complaint": "a" * 2_001}},
        "chief_complaint",
    ),
    "hidden character": ({**SORE_THROAT, "patient_id": "p\u202e1"}, "patient_id"),
    "text that reads otherwise than stored": (
        {"patient_id": "p", "symptoms_data": {"chief_complaint": "a\u202eb"}},
        "chief_complaint",
    ),
    "control character in the history": (
        {**SORE_THROAT, "medical_history": ["asthma\u0007"]},
        "medical_history",
    ),
    "digits of another script": ({**SORE_THROAT, "patient_age": "\u0663\u0664"}, "patient_age"),
    "number in the envelope": (7, ""),
    "server's own field": ({**SORE_THROAT, "status": "answered"}, "status"),
    "a list": ([SORE_THROAT], ""),
    "null": (None, ""),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_refused_by_name_and_not_repeated(name: str, owner: Api, sql: Sql) -> None:
    body, field = REFUSED[name]
    response = owner.post(TRIAGE, json.dumps(body))
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == "urn:clinical-triage:problem:invalid"
    assert any(field in error["field"] for error in problem["errors"])
    assert "sore throat" not in response.content.decode()
    assert sql("SELECT count(*) FROM triage_triagerequest") == [(0,)]


BROKEN = {
    "duplicate key behind an escape": b'{"patient_age": 3, "patient_\\u0061ge": 90}',
    "duplicate key inside": b'{"vital_signs": {"spo2_percent": 9, "spo2_percent": 99}}',
    "duplicate key": b'{"patient_age": 3, "patient_age": 90}',
    "nan": b'{"patient_age": NaN}',
    "infinity by size": b'{"patient_age": 1e400}',
    "endless integer": b'{"patient_age": ' + b"9" * 5_000 + b"}",
    "deep nesting": b"[" * 2_000 + b"]" * 2_000,
    "not utf-8": b'{"a": "\xff"}',
    "bom": b"\xef\xbb\xbf{}",
    "empty": b"",
    "half": b'{"patient_id": ',
    "many keys": json.dumps({f"k{n}": 0 for n in range(5_000)}).encode(),
    "lone surrogate": b'{"patient_id":"p","symptoms_data":{"chief_complaint":"\\ud800"}}',
    "nul": b'{"patient_id":"p","symptoms_data":{"chief_complaint":"a\\u0000b"}}',
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_json_is_a_problem_never_a_500(name: str, owner: Api) -> None:
    response = owner.post(TRIAGE, BROKEN[name].decode("latin-1").encode("latin-1"))
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"


def test_wrong_media_and_size_have_their_own_status(owner: Api, owner_key: str) -> None:
    from django.test import Client

    client, auth = Client(), {"Authorization": f"Bearer {owner_key}"}
    for media in (
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "text/plain",
        "*/*",
        "application/*",
        "",
        "application/json; charset=utf-16",
        "application/json; charset=bogus",
    ):
        refused = client.generic("POST", TRIAGE, b"a=1", media, headers=auth)
        assert refused.status_code == 415, media
    packed = auth | {"Content-Encoding": "gzip"}
    refused = client.post(TRIAGE, b"{}", content_type="application/json", headers=packed)
    assert refused.status_code == 415
    big = {"patient_id": "p", "symptoms_data": {"chief_complaint": "a" * 70_000}}
    assert owner.post(TRIAGE, big).status_code == 413
    assert client.put(TRIAGE, b"{}", headers=auth).status_code == 405


def test_from_its_deadline_on_a_read_gives_the_rules_answer(owner: Api, sql: Sql) -> None:
    """Nothing runs here: no worker, no keeper, no beat."""
    posted = owner.post(TRIAGE, SORE_THROAT)
    assert owner.get(posted["Location"]).json()["answer"] is None
    sql("UPDATE triage_triagerequest SET deadline_at = now(), arm = 'ml'")
    body = owner.get(posted["Location"]).json()
    assert body["status"] == "answered"
    assert body["answer"]["prediction"] == posted.json()["provisional"]["prediction"]
    assert body["answer"]["method"] == "rules"
    again = owner.get(posted["Location"]).json()
    assert again == body
    assert sql("SELECT count(*) FROM triage_triageanswer") == [(1,)]


def test_how_long_to_wait_is_a_bounded_whole_number(owner: Api) -> None:
    posted = owner.post(TRIAGE, SORE_THROAT)
    # No front waits here: the answer is what is known.
    assert owner.get(posted["Location"] + "?wait=1").json()["status"] == "open"
    assert owner.get(posted["Location"] + "?wait=1.5").status_code == 400
    assert owner.get(posted["Location"] + "?wait=11").status_code == 400
    assert owner.get(posted["Location"] + "?wait=-1").status_code == 400


def test_a_batch_takes_the_good_and_names_the_bad(owner: Api, sql: Sql) -> None:
    body = {"requests": [SORE_THROAT, {**SORE_THROAT, "patient_age": "x"}, CARDIAC_ARREST]}
    key = {"Idempotency-Key": "batch-1"}
    response = owner.post(f"{TRIAGE}batch/", body, **key)
    answer = response.json()
    assert response.status_code == 202
    assert (answer["accepted"], answer["refused"]) == (2, 1)
    assert [item["status"] for item in answer["items"]] == [202, 400, 202]
    assert answer["items"][1]["problem"]["errors"][0]["field"] == "patient_age"
    assert answer["items"][2]["request"]["answer"]["prediction"] == "emergency"
    again = owner.post(f"{TRIAGE}batch/", body, **key).json()
    assert again == answer
    assert sql("SELECT count(*) FROM triage_triagerequest") == [(2,)]


def test_the_one_call_path_falls_back_to_the_rules(owner: Api, sql: Sql) -> None:
    case = {key: value for key, value in SORE_THROAT.items() if key != "patient_id"}
    started = time.monotonic()
    response = owner.post("/api/ml/predict/", case)
    assert time.monotonic() - started < 6
    body = response.json()
    assert response.status_code == 200
    assert body["fallback"] is True
    assert body["ab_group"] == "excluded"
    assert body["prediction"] in {"routine", "soon"}
    assert sql("SELECT answer FROM triage_triagerequest") == [("answered",)]


def test_cancelling_is_for_open_requests(owner: Api, stranger: Api) -> None:
    place = owner.post(TRIAGE, SORE_THROAT)["Location"]
    assert stranger.post(f"{place}cancel/", {}).status_code == 404
    assert owner.post(f"{place}cancel/", {}).json()["status"] == "cancelled"
    assert owner.post(f"{place}cancel/", {}).status_code == 409
    final = owner.post(TRIAGE, CARDIAC_ARREST)["Location"]
    assert owner.post(f"{final}cancel/", {}).status_code == 409


def test_feedback_stores_the_clinicians_level(owner: Api, stranger: Api, sql: Sql) -> None:
    request_id = owner.post(TRIAGE, CARDIAC_ARREST).json()["id"]
    body = {
        "triage_log_id": request_id,
        "ml_prediction": "emergency",
        "doctor_correction": "urgent",
        "feedback_note": "seen by Dr. Marker",
    }
    assert owner.post("/api/ml/feedback/", body).status_code == 201
    assert stranger.post("/api/ml/feedback/", body).status_code == 404
    assert owner.post("/api/ml/feedback/", body | {"ml_prediction": "soon"}).status_code == 409
    refused = owner.post("/api/ml/feedback/", body | {"doctor_correction": "worse"})
    assert refused.json()["errors"][0]["field"] == "doctor_correction"
    assert sql("SELECT level FROM triage_clinicianlabel") == [(2,)]
    assert b"Marker" not in bytes(sql("SELECT sealed_note FROM triage_clinicianlabel")[0][0])


def test_what_a_patient_wrote_is_encrypted_and_its_id_is_gone(owner: Api, sql: Sql) -> None:
    case = {
        "patient_id": "MRN-778812",
        "symptoms_data": {"chief_complaint": "zebra-marker in my throat"},
        "medical_history": ["zebra-history"],
    }
    request_id = owner.post(TRIAGE, case).json()["id"]
    for table in ("triagerequest", "triagepayload", "triageanswer", "predictionlog"):
        stored = str(sql(f"SELECT row_to_json(t)::text FROM triage_{table} AS t"))
        assert "zebra" not in stored
        assert "778812" not in stored
    sealed = bytes(sql("SELECT sealed FROM triage_triagepayload")[0][0])
    from backend import encryption

    plain = encryption.unseal(sealed, UUID(request_id))
    assert b"zebra-marker" in plain
    assert b"778812" not in plain
    with pytest.raises(encryption.Undecryptable):
        encryption.unseal(sealed, uuid4())


def test_the_schema_is_served_and_names_every_route(anonymous: Api) -> None:
    from django.urls import get_resolver

    schema = json.loads(anonymous.get("/api/schema/", Accept="application/json").content)
    assert schema["openapi"].startswith("3.1")
    assert "TriageCase" in schema["components"]["schemas"]
    served = {f"/api/{p.pattern}" for p in get_resolver().url_patterns[0].url_patterns}
    documented = {path.replace("{", "<str:").replace("}", ">") for path in schema["paths"]}
    assert served <= documented
    assert anonymous.get("/api/docs/").status_code == 200


def test_the_oldest_open_request_is_seen(owner: Api, sql: Sql) -> None:
    assert queries.oldest_open_seconds() == 0
    owner.post(TRIAGE, SORE_THROAT)
    sql("UPDATE triage_triagerequest SET accepted_at = now() - interval '90 seconds'")
    assert 89 < queries.oldest_open_seconds() < 100
