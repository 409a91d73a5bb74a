"""Accuracy, review and experiments in the console, out of rows that the real functions made."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from backend.clients.keys import create_client
from backend.clients.people import Role
from backend.monitoring import experiments, registry
from backend.monitoring.registry import Change, Registration
from backend.triage import review
from ml.plan import Terms
from ml.rules.engine import RULES_VERSION
from tests.integration.conftest import CARDIAC_ARREST, SORE_THROAT
from tests.integration.test_accuracy import DIGEST, NOON, key_id, labelled
from tests.integration.test_console import signed_in, submit, text
from workers import surveillance, trial

__all__ = ["key_id", "labelled"]
Sql = Callable[..., list[Any]]


@pytest.fixture
def clinician(owner_id: int) -> Client:
    return signed_in("ada", owner_id, Role.CLINICIAN)


@pytest.fixture
def serving(database: None) -> None:
    metrics = {"model": {"accuracy": {"share": 0.8, "low": 0.78, "high": 0.82}}}
    metadata = {"training_data": {"records": 900}}
    found = Registration("v1", DIGEST, RULES_VERSION, metadata, "", metrics)
    registry.serve_first(found, Change("tests", "because"))


def test_accuracy_is_shown_by_day_with_its_confusion_and_calibration(
    clinician: Client, serving: None, labelled: Callable[[dt.date, int, int], None], sql: Sql
) -> None:
    assert "There is no daily report" in text(clinician.get("/console/accuracy/"))
    labelled(NOON.date() - dt.timedelta(days=2), 28, 2)
    labelled(NOON.date() - dt.timedelta(days=1), 10, 20)
    surveillance.check_accuracy(NOON)
    sql("UPDATE triage_clinicianlabel SET created_at = now()")
    page = clinician.get("/console/accuracy/")
    shown = text(page)
    assert "93.3%" in shown
    assert "33.3%" in shown
    assert "breach" in shown
    # The newest day's matrix: ten on the diagonal, twenty beside it.
    counts = re.findall(r'<td class="num">(\d+)</td>', page.content.decode().split("As a table")[1])
    assert sorted(map(int, counts[:16]), reverse=True)[:2] == [20, 10]
    assert sum(map(int, counts[:16])) == 30
    # Each of the 60 labelled answers is in the calibration.
    rows = page.content.decode().split("Calibration, labels of 30 days")[1].split("</table>")[0]
    assert sum(int(n) for n in re.findall(r'<td class="num">(\d+)</td>', rows)) == 60
    assert page.content.count(b"<svg") >= 3
    assert clinician.get("/console/accuracy/?report=accuracy-999999").status_code == 404
    assert clinician.get("/console/accuracy/", {"version": "nowhere"}).status_code == 200


def test_other_sites_are_not_named(
    clinician: Client, serving: None, labelled: Callable[[dt.date, int, int], None], sql: Sql
) -> None:
    labelled(NOON.date() - dt.timedelta(days=1), 20, 10)
    surveillance.check_accuracy(NOON)
    sql(
        """UPDATE monitoring_accuracyreport SET measures = jsonb_set(measures, '{slices,parts}',
        '[{"kind": "site", "part": "owner", "n": 30, "difference": null, "p_value": null,
           "accuracy": {"share": 0.6, "low": 0.5, "high": 0.7}},
          {"kind": "site", "part": "stranger", "n": 30, "difference": null, "p_value": null,
           "accuracy": {"share": 0.9, "low": 0.8, "high": 0.95}}]')"""
    )
    page = clinician.get("/console/accuracy/").content.decode()
    assert "site owner" in page
    assert "stranger" not in page


def test_the_review_queue_hides_what_is_blind_and_goes_on_to_the_next(
    clinician: Client, owner_id: int, sql: Sql, settings: Any
) -> None:
    settings.REVIEW_SHARES = dict.fromkeys(settings.REVIEW_SHARES, 0.0) | {"random": 1.0}
    assert "Nothing waits for review" in text(clinician.get("/console/review/"))
    found = {submit(owner_id, {**CARDIAC_ARREST, "patient_id": f"p-{n}"}) for n in range(3)}
    submit(create_client("stranger"), CARDIAC_ARREST)
    review.sample(settle_seconds=0)
    judged = []
    for level, more in (("urgent", {"unsure": "on", "note": "pale"}), ("emergency", {})):
        page = clinician.get("/console/review/").content.decode()
        assert "not breathing" in page
        assert "Hidden until you have chosen" in page
        assert "red flag" not in page.lower()
        address = re.search(r'action="(/console/review/([0-9a-f-]{36})/)"', page)
        assert address is not None
        judged.append(address[2])
        # While it is on the screen, its own page hides the answer as well.
        case = clinician.get(f"/console/requests/{address[2]}/")
        assert "Hidden while you review it" in text(case)
        assert "red flag" not in text(case)
        after = clinician.post(address[1], {"level": level, **more})
        assert after["Location"] == "/console/review/"
    assert len(set(judged)) == 2
    assert set(judged) < found
    rows = sql(
        "SELECT level, confidence, blind, source, sealed_note IS NOT NULL"
        " FROM triage_clinicianlabel ORDER BY id"
    )
    assert rows == [(2, 0.5, True, "console", True), (3, 1.0, True, "console", False)]
    # Put back: nobody gets it for a day.
    last = next(iter(found - set(judged)))
    clinician.get("/console/review/")
    clinician.post(f"/console/review/{last}/", {"skip": "1"})
    assert "Nothing waits for review" in text(clinician.get("/console/review/"))


def test_who_has_seen_the_answer_is_not_blind(
    clinician: Client, owner_id: int, sql: Sql, settings: Any
) -> None:
    settings.REVIEW_SHARES = dict.fromkeys(settings.REVIEW_SHARES, 0.0) | {"random": 1.0}
    found = submit(owner_id, CARDIAC_ARREST)
    clinician.get(f"/console/requests/{found}/")
    review.sample(settle_seconds=0)
    clinician.get("/console/review/")
    clinician.post(f"/console/review/{found}/", {"level": "emergency"})
    assert sql("SELECT blind FROM triage_clinicianlabel") == [(False,)]


def test_an_override_is_kept_with_its_reason_and_the_answer_stays(
    clinician: Client, owner_id: int, sql: Sql
) -> None:
    found = submit(owner_id, CARDIAC_ARREST)
    form = {"level": "urgent", "reason": "seen_in_person", "note": "a manikin in training"}
    shown = text(clinician.post(f"/console/requests/{found}/label/", form, follow=True))
    assert "Your level, urgent, is stored" in shown
    assert "a manikin in training" in shown
    assert sql("SELECT level FROM triage_triageanswer") == [(3,)]
    assert "choose one" in text(
        clinician.post(f"/console/requests/{found}/label/", {"level": "5"}, follow=True)
    )
    theirs = submit(create_client("stranger"), SORE_THROAT)
    assert clinician.post(f"/console/requests/{theirs}/label/", form).status_code == 404
    assert clinician.post(f"/console/review/{theirs}/", form).status_code == 404
    assert sql("SELECT count(*) FROM triage_clinicianlabel") == [(1,)]


def test_a_trial_is_shown_with_its_phases_and_ended_with_a_reason(
    owner_id: int, serving: None
) -> None:
    operator = signed_in("ida", owner_id, Role.OPERATOR)
    assert "No trial has been started" in text(operator.get("/console/experiments/"))
    by = experiments.By("system:tests", "tests", "because")
    experiments.start("winter", "The model is right more often.", Terms(), by)
    for _ in range(2):
        assert trial.watch()["running"]
    shown = text(operator.get("/console/experiments/"))
    assert "The model is right more often." in shown
    assert "Under-triage, model worse than rules" in shown
    assert "No labelled patient can be compared yet" in shown
    found = experiments.find("winter")
    assert found is not None
    assert found.findings is not None
    assert len(found.findings["history"]) == 1
    form = {"do": "rules", "reason": "winter is over", "sure": "on"}
    assert "say why" in text(
        operator.post("/console/experiments/winter/", form | {"reason": ""}, follow=True)
    )
    assert "Done" in text(operator.post("/console/experiments/winter/", form, follow=True))
    assert experiments.running() is None
    assert "no trial named" in text(
        operator.post("/console/experiments/winter/", form, follow=True)
    )
