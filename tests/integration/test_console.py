"""The console's pages by role and client: who sees what, and what is kept of their looking."""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from backend.clients.keys import create_client
from backend.clients.models import Membership
from backend.clients.people import Role, create_person
from backend.triage import lifecycle
from backend.triage.values import Submission
from ml.case import parse_case
from tests.integration.conftest import CARDIAC_ARREST, SORE_THROAT

Sql = Callable[..., list[Any]]
PASSWORD = "a-long-enough-phrase-41"


def signed_in(name: str, client_id: int, role: str) -> Client:
    """A browser with a session; passwords, which are slow by design, are for the tests of them."""
    user, _ = get_user_model()._default_manager.get_or_create(username=name)
    Membership.objects.create(client_id=client_id, user=user, role=role)
    browser = Client()
    browser.force_login(user)
    return browser


def submit(client_id: int, body: dict[str, Any]) -> str:
    return str(lifecycle.submit(client_id, [Submission(parse_case(body))])[0].id)


def text(response: Any) -> str:
    """What a person reads: without tags, spaces as one."""
    found = re.sub(r"<[^>]+>", "", response.content.decode())
    return re.sub(r"\s+", " ", found)


@pytest.fixture
def operator(owner_id: int) -> Client:
    return signed_in("ada", owner_id, Role.OPERATOR)


def test_signing_in_leads_to_the_page_that_was_asked_for(owner_id: int) -> None:
    create_person("ada", PASSWORD, owner_id, Role.SUBMITTER)
    browser = Client()
    asked = browser.get("/console/requests/")
    assert asked.status_code == 302
    assert asked["Location"] == "/console/login/?next=/console/requests/"
    wrong = browser.post(asked["Location"], {"username": "ada", "password": "no"})
    assert "correct username and password" in text(wrong)
    right = browser.post(
        asked["Location"],
        {"username": "ada", "password": PASSWORD, "next": "/console/requests/"},
    )
    assert right["Location"] == "/console/requests/"
    assert "Every request of your clients" in text(browser.get("/console/requests/"))
    browser.post("/console/logout/")
    assert browser.get("/console/requests/").status_code == 302


def test_signing_in_leads_to_no_other_site(owner_id: int) -> None:
    create_person("ada", PASSWORD, owner_id, Role.SUBMITTER)
    form = {"username": "ada", "password": PASSWORD, "next": "https://elsewhere.example/"}
    assert Client().post("/console/login/", form)["Location"] == "/console/"


@pytest.mark.parametrize(
    ("role", "shown"),
    [
        (Role.SUBMITTER, ["Overview", "Try it", "Requests"]),
        (Role.CLINICIAN, ["Overview", "Try it", "Requests"]),
        (Role.OPERATOR, ["Overview", "Try it", "Requests"]),
    ],
)
def test_the_navigation_shows_what_the_role_may(owner_id: int, role: str, shown: list[str]) -> None:
    page = signed_in("ada", owner_id, role).get("/console/").content.decode()
    navigation = page.split("<nav")[1].split("</nav>")[0]
    assert re.findall(r">([A-Z][a-z ]+)<?[ <]", navigation)[: len(shown)] == shown


def test_a_person_of_no_client_sees_nothing(owner_id: int, sql: Sql) -> None:
    browser = signed_in("ada", owner_id, Role.OPERATOR)
    sql("DELETE FROM clients_membership")
    response = browser.get("/console/")
    assert response.status_code == 403
    assert "belongs to no client" in text(response)


def test_a_request_of_another_client_does_not_exist(operator: Client, owner_id: int) -> None:
    mine = submit(owner_id, SORE_THROAT)
    theirs = submit(create_client("stranger"), SORE_THROAT)
    assert mine in text(operator.get("/console/requests/"))
    assert theirs not in operator.get("/console/requests/").content.decode()
    pages = {
        operator.get(f"/console/{place}/{found}/").content
        for place in ("requests", "try")
        for found in (theirs, uuid4(), "x")
    }
    assert len(pages) == 1
    assert operator.get(f"/console/requests/{theirs}/").status_code == 404
    assert operator.get("/console/requests/", {"id": theirs}).status_code == 404
    assert operator.get("/console/requests/", {"client": "stranger"}).content.count(b"<mark") == 0


def test_the_overview_counts_the_clients_own_patients(operator: Client, owner_id: int) -> None:
    submit(owner_id, SORE_THROAT)
    submit(owner_id, CARDIAC_ARREST)
    submit(create_client("stranger"), SORE_THROAT)
    shown = text(operator.get("/console/"))
    assert "Patients waiting 1" in shown.replace("waiting1", "waiting 1")
    assert "Answered, last hour1" in shown
    assert "No worker has said anything" in shown


def test_a_case_shows_words_rules_and_answer_and_keeps_who_read_it(
    operator: Client, owner_id: int, sql: Sql
) -> None:
    found = submit(owner_id, CARDIAC_ARREST)
    page = operator.get(f"/console/requests/{found}/")
    marked = re.findall(r'<mark class="level-3"[^>]*>([^<]+)</mark>', page.content.decode())
    assert marked
    assert all(words in "he is not breathing and has no pulse" for words in marked)
    assert "red flag" in text(page)
    assert page["Cache-Control"] == "no-store"
    user = sql("SELECT id FROM auth_user")[0][0]
    kept = "SELECT actor, client_id, subject FROM clients_auditevent WHERE action = 'request.read'"
    assert sql(kept) == [(f"user:{user}", owner_id, found)]
    # The answer alone holds nothing of the patient.
    operator.get(f"/console/requests/{found}/answer/")
    assert len(sql(kept)) == 1


def test_what_a_patient_wrote_is_never_markup(operator: Client, owner_id: int) -> None:
    body = {
        **SORE_THROAT,
        "symptoms_data": {"chief_complaint": "<script>alert(1)</script> no pulse & not breathing"},
        "medical_history": ['"><img src=x onerror=alert(2)>'],
    }
    page = operator.get(f"/console/requests/{submit(owner_id, body)}/").content.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    unmarked = re.sub(r"</?mark[^>]*>", "", page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in unmarked


def test_an_overdue_request_is_answered_by_looking(
    operator: Client, owner_id: int, sql: Sql
) -> None:
    found = submit(owner_id, SORE_THROAT)
    sql("UPDATE triage_triagerequest SET deadline_at = now() - interval '1 second'")
    assert "answered" in text(operator.get("/console/requests/")).split("State")[1]
    assert sql("SELECT answer FROM triage_triagerequest WHERE id = %s", found) == [("answered",)]


def test_pages_of_requests_meet_without_a_gap(operator: Client, owner_id: int) -> None:
    cases = [Submission(parse_case({**SORE_THROAT, "patient_id": f"p-{n}"})) for n in range(120)]
    made = {str(one.id) for one in lifecycle.submit(owner_id, cases)}
    seen: list[str] = []
    address = "/console/requests/?hours=24&level=routine&level="
    while address:
        page = operator.get(address).content.decode()
        seen += re.findall(r'/console/requests/([0-9a-f-]{36})/"', page)
        older = re.search(r'href="\?([^"]+)" rel="next"', page)
        address = f"/console/requests/?{older[1].replace('&amp;', '&')}" if older else ""
    assert len(seen) == 120
    assert set(seen) == made
    assert operator.get("/console/requests/?before=nonsense").status_code == 404


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"status": "open"}, 1),
        ({"status": "answered"}, 1),
        ({"level": "emergency"}, 1),
        ({"level": "urgent"}, 0),
        ({"method": "red_flag_override"}, 1),
        ({"method": "ml"}, 0),
        ({"status": "nonsense"}, 2),
    ],
)
def test_filters(operator: Client, owner_id: int, filters: dict[str, str], expected: int) -> None:
    submit(owner_id, SORE_THROAT)
    submit(owner_id, CARDIAC_ARREST)
    page = operator.get("/console/requests/", filters).content.decode()
    assert len(re.findall(r'/console/requests/([0-9a-f-]{36})/"', page)) == expected


def test_trying_it_submits_for_the_persons_own_client(
    operator: Client, owner_id: int, sql: Sql
) -> None:
    other = create_client("stranger")
    form = {
        "symptoms_data-chief_complaint": "sore throat for two days\r\ncan eat and drink",
        "patient_id": "p-1",
        "patient_age": "34",
        "vital_signs-temperature_c": "37,9",
        "pregnant": "false",
        "medical_history": "asthma\r\n\r\nhay fever",
        "client": str(other),
    }
    response = operator.post("/console/try/", form)
    assert response.status_code == 302
    assert sql("SELECT client_id FROM triage_triagerequest") == [(owner_id,)]
    page = text(operator.get(response["Location"]))
    assert "provisional" in page
    assert "37.9" in page
    assert "hay fever" in page


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("patient_age", "seven", "expected a JSON number in years"),
        ("patient_age", "200", "expected 0 to 125 years"),
        ("vital_signs-heart_rate_bpm", "nan", "expected"),
        ("patient_id", "", "must not be empty"),
        ("symptoms_data-chief_complaint", "", "must not be blank"),
        ("patient_sex", "robot", "expected one of"),
    ],
)
def test_a_form_that_is_refused_says_where_and_keeps_what_was_typed(
    operator: Client, sql: Sql, field: str, value: str, said: str
) -> None:
    form = {"symptoms_data-chief_complaint": "sore throat", "patient_id": "p-1", field: value}
    response = operator.post("/console/try/", form)
    assert response.status_code == 400
    page = response.content.decode()
    block = page.split(f'name="{field}"')[1].split("</div>")[0]
    assert said in block
    assert 'aria-invalid="true"' in block.split(">")[0] or "aria-invalid" in block
    assert sql("SELECT count(*) FROM triage_triagerequest") == [(0,)]


def test_colours_are_remembered_and_lead_nowhere_else(operator: Client) -> None:
    form = {"theme": "dark", "back": "https://elsewhere.example/"}
    assert operator.post("/console/theme/", form)["Location"] == "/console/"
    assert 'data-theme="dark"' in operator.get("/console/").content.decode()
    operator.post("/console/theme/", {"theme": '"><script>', "back": "/console/"})
    assert 'data-theme="dark"' in operator.get("/console/").content.decode()
