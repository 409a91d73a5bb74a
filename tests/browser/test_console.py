"""The console in a real browser: what people do with it, and whether everybody can."""

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connection
from playwright.sync_api import Page, expect

from backend.monitoring import registry
from backend.triage import review
from tests.browser.conftest import CHROMIUM, System
from workers import gate, orders, surveillance

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}


def test_a_patient_is_submitted_answered_live_and_labelled_into_the_accuracy(
    page: Page, system: System
) -> None:
    page.goto(f"{system.address}/console/try/")
    page.fill("#complaint", "sore throat for two days, can eat and drink")
    page.get_by_label("Age").fill("34")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator('[data-final="yes"]')).to_contain_text("final")
    page.get_by_text("Everything about this request").click()
    page.locator("input[name=level][value=soon]").check()
    page.get_by_label("Note").fill("seen at the desk")
    page.get_by_role("button", name="Store my level").click()
    expect(page.get_by_role("status")).to_contain_text("Your level, soon, is stored")
    expect(page.get_by_text("seen at the desk")).to_be_visible()
    a_day_passes()
    surveillance.check_accuracy()
    page.get_by_role("link", name="Accuracy").click()
    expect(page.get_by_role("img", name=re.compile("Agreement with clinicians"))).to_be_visible()
    expect(page.get_by_text("insufficient labels").first).to_be_visible()


def a_day_passes() -> None:
    """What was done today was done yesterday: the check follows PostgreSQL's clock."""
    moved = {"triage_triagerequest": "accepted_at", "triage_triageanswer": "answered_at"}
    moved |= {"triage_predictionlog": "created_at", "triage_clinicianlabel": "created_at"}
    with connection.cursor() as cursor:
        for table, column in moved.items():
            cursor.execute(f"UPDATE {table} SET {column} = {column} - interval '1 day'")


def test_a_version_is_promoted_and_rolled_back(
    page: Page, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "HELD_OUT_RECORDS", 600)

    def order(version: str, words: str, state: str) -> None:
        page.goto(f"{system.address}/console/models/{version}/")
        page.get_by_label(words).check()
        page.get_by_label("Reason").fill("the browser test")
        if state == "promote":
            page.get_by_text("Against the gate's word").click()
            page.get_by_label("Promote even if").check()
        page.get_by_label("I mean it").check()
        page.get_by_role("button", name="Order").click()
        expect(page.locator("[data-poll]")).to_contain_text("waiting")
        assert orders.carry_out() == 1
        # The page learns of it by itself, and loads anew.
        expect(page.locator("[data-poll]")).to_have_count(0)
        expect(page.locator(".head")).to_contain_text("serving")

    order(system.second, "Promote: let it serve", "promote")
    serving = registry.roles().serving
    assert serving is not None
    assert serving.version == system.second
    expect(page.get_by_role("region", name="What the gate measured")).to_be_visible()
    order(system.first, "Roll back", "rollback")
    serving = registry.roles().serving
    assert serving is not None
    assert serving.version == system.first


def test_an_alarm_is_acknowledged(page: Page, system: System) -> None:
    page.goto(f"{system.address}/console/alarms/")
    page.get_by_role("button", name="Acknowledge").first.click()
    expect(page.get_by_text("takes care of it").first).to_be_visible()


def test_the_review_queue_is_worked_with_the_keyboard(
    page: Page, system: System, settings: Any
) -> None:
    settings.REVIEW_SHARES = dict.fromkeys(settings.REVIEW_SHARES, 0.0) | {"random": 1.0}
    page.goto(f"{system.address}/console/try/")
    page.fill("#complaint", "he is not breathing and has no pulse")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator('[data-final="yes"]')).to_be_visible()
    review.sample(settle_seconds=0)
    page.goto(f"{system.address}/console/review/")
    expect(page.get_by_role("heading", name="Your level")).to_be_visible()
    page.keyboard.press("n")
    page.keyboard.type("1 u s")  # keys are text while a note is written
    page.keyboard.press("Escape")
    page.keyboard.press("u")
    expect(page.get_by_label("I am not sure")).to_be_checked()
    expect(page.get_by_label("Note")).to_have_value("1 u s")
    form = page.locator("#judge").get_attribute("action")
    page.keyboard.press("2")
    page.wait_for_function(
        "form => document.querySelector(`[action='${form}']`) === null", arg=form
    )


def test_everybody_can_use_every_page_on_any_screen(page: Page, system: System) -> None:
    """axe-core finds nothing serious in either colours, and nothing is wider than a phone."""
    one = f"/console/requests/{system.request_id}/"
    places = ["/console/login/", "/console/", "/console/try/", "/console/requests/", one]
    places += ["/console/review/", "/console/accuracy/", "/console/models/"]
    places += [f"/console/models/{system.second}/", "/console/experiments/", "/console/alarms/"]
    places += [f"/console/models/compare/?a={system.first}&b={system.second}"]
    wrong = []
    axe = Axe()
    for place in places:
        page.set_viewport_size(PHONE)
        page.emulate_media(color_scheme="light")
        page.goto(system.address + place)
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            wrong.append(f"{place}: wider than a phone")
        page.set_viewport_size(DESKTOP)
        wrong += [f"{place} light: {found}" for found in serious(axe.run(page).response)]
        page.emulate_media(color_scheme="dark")
        dark = axe.run(page, options={"runOnly": ["color-contrast"]})
        wrong += [f"{place} dark: {found}" for found in serious(dark.response)]
    assert wrong == []


def serious(response: dict) -> list[str]:  # type: ignore[type-arg]
    """What axe-core calls serious or critical: the rule and the first element that breaks it."""
    return [
        f"{found['id']} {found['nodes'][0]['html'][:120]}"
        for found in response["violations"]
        if found["impact"] in ("serious", "critical")
    ]
