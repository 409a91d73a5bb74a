"""Labels and the review queue over HTTP."""

from typing import Any
from uuid import uuid4

import pytest

from backend.clients import keys
from backend.clients.models import Scope
from backend.triage import review
from tests.integration.conftest import CARDIAC_ARREST, Api
from tests.integration.test_review import NOBODY, Sql, answered

QUEUE = "/api/v1/review-queue/"


@pytest.fixture
def clinician(owner_id: int, settings: Any) -> Api:
    settings.EXPERIMENT_ML_SHARE = 1.0
    return Api(keys.create_key(owner_id, "ward", (Scope.LABEL,)))


@pytest.fixture
def waiting(owner_id: int, settings: Any, clinician: Api) -> list[str]:
    """Two cases of the uniform share."""
    settings.REVIEW_SHARES = NOBODY | {"random": 1.0}
    ids = [str(one) for one in answered(owner_id, 2)]
    assert review.sample(settle_seconds=0) == 2
    return ids


def test_a_blind_case_is_judged_first_and_its_answer_comes_with_the_label(
    clinician: Api, waiting: list[str]
) -> None:
    [case] = clinician.get(QUEUE).json()["cases"]
    assert case["request_id"] in waiting
    assert (case["blind"], case["answer"], case["stratum"]) == (True, None, "random")
    assert case["input"]["symptoms_data"]["chief_complaint"].startswith("sore throat")
    assert "patient_id" not in case["input"]
    body = {"level": "urgent", "confidence": "unsure", "reason": "missed_finding", "note": "drools"}
    response = clinician.post(f"/api/v1/triage/{case['request_id']}/label/", body)
    assert response.status_code == 201
    given = response.json()
    assert given["answer"]["prediction"] == "soon"
    assert (given["blind"], given["confidence"], given["level"]) == (True, 0.5, "urgent")
    [left] = clinician.get(f"{QUEUE}?limit=20").json()["cases"]
    assert left["request_id"] != case["request_id"]


def test_a_case_of_a_stratum_shows_its_answer(owner_id: int, clinician: Api, settings: Any) -> None:
    settings.REVIEW_SHARES = NOBODY | {"disagreement": 1.0}
    answered(owner_id, 1)
    review.sample(settle_seconds=0)
    [case] = clinician.get(QUEUE).json()["cases"]
    assert (case["blind"], case["stratum"]) == (False, "disagreement")
    assert case["answer"]["prediction"] == "soon"


def test_who_says_that_the_answer_was_seen_was_not_blind(
    clinician: Api, waiting: list[str]
) -> None:
    cases = clinician.get(f"{QUEUE}?limit=2").json()["cases"]
    first, second = (one["request_id"] for one in cases)
    body = {"level": "soon", "answer_seen": True}
    assert clinician.post(f"/api/v1/triage/{first}/label/", body).json()["blind"] is False
    classic = {"triage_log_id": second, "doctor_correction": "soon", "ml_prediction": "soon"}
    assert clinician.post("/api/ml/feedback/", classic).status_code == 201
    assert clinician.get(QUEUE).json() == {"cases": []}


def test_reviewers_behind_one_key_get_different_cases_and_may_skip(
    clinician: Api, waiting: list[str]
) -> None:
    def first(name: str) -> str | None:
        cases = clinician.get(f"{QUEUE}?reviewer={name}").json()["cases"]
        return cases[0]["request_id"] if cases else None

    ann, bob = first("ann"), first("bob")
    assert {ann, bob} == set(waiting)
    assert first("carl") is None
    skip = f"{QUEUE}{ann}/skip/"
    assert clinician.post(f"{skip}?reviewer=bob", {}).status_code == 409
    assert clinician.post(f"{skip}?reviewer=ann", {}).json() == {"skipped": True}
    assert first("ann") is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "level"),
        ({"level": "high"}, "level"),
        ({"level": 2}, "level"),
        ({"level": "soon", "confidence": "certain"}, "confidence"),
        ({"level": "soon", "confidence": 1.2}, "confidence"),
        ({"level": "soon", "confidence": True}, "confidence"),
        ({"level": "soon", "reason": "because"}, "reason"),
        ({"level": "soon", "note": "x" * 4_001}, "note"),
        ({"level": "soon", "reviewer": "a/b"}, "reviewer"),
        ({"level": "soon", "answer_seen": 1}, "answer_seen"),
        ({"level": "soon", "colour": "red"}, "colour"),
    ],
)
def test_a_wrong_label_is_refused_by_name(
    clinician: Api, owner: Api, body: dict[str, Any], field: str, sql: Sql
) -> None:
    request_id = owner.post("/api/v1/triage/", CARDIAC_ARREST).json()["id"]
    response = clinician.post(f"/api/v1/triage/{request_id}/label/", body)
    assert response.status_code == 400
    assert [one["field"] for one in response.json()["errors"]] == [field]
    assert sql("SELECT count(*) FROM triage_clinicianlabel") == [(0,)]


@pytest.mark.parametrize("query", ["limit=0", "limit=21", "limit=x", "limit=²", "reviewer=%00"])
def test_a_wrong_query_is_refused(clinician: Api, query: str) -> None:
    assert clinician.get(f"{QUEUE}?{query}").status_code == 400


def test_foreign_absent_and_malformed_ids_are_the_same(
    clinician: Api, stranger: Api, waiting: list[str]
) -> None:
    body = {"level": "soon"}
    for api, name in ((stranger, waiting[0]), (clinician, str(uuid4())), (clinician, "nonsense")):
        assert api.post(f"/api/v1/triage/{name}/label/", body).status_code == 404
    assert stranger.get(QUEUE).json() == {"cases": []}


def test_the_note_is_stored_encrypted(clinician: Api, owner: Api, sql: Sql) -> None:
    request_id = owner.post("/api/v1/triage/", CARDIAC_ARREST).json()["id"]
    body = {"level": "emergency", "note": "pulseless on arrival"}
    clinician.post(f"/api/v1/triage/{request_id}/label/", body)
    [(sealed,)] = sql("SELECT sealed_note FROM triage_clinicianlabel")
    assert b"pulseless" not in bytes(sealed)
