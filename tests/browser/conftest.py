"""One running system and one Chromium for all tests of the console; skipped without Chromium."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from backend.clients import keys
from backend.clients.people import Role, create_person
from backend.monitoring import alerts
from ml import bundle
from ml.cohort import generate
from ml.training import train
from tests.integration.conftest import SORE_THROAT, empty_database, models_dir
from tests.integration.processes import Processes
from workers import registry as bundles

__all__ = ["models_dir"]

CHROMIUM = shutil.which("chromium")
# Quiet: no look-up, no update, nothing but the page.
_FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
]
# As long as a busy machine needs; a page that is quick does not wait.
expect.set_options(timeout=20_000)
NAME, PASSWORD = "ada", "a-long-enough-phrase-41"
TWO = "browser-two"


@dataclass(frozen=True)
class System:
    """A running service with a model, an alarm, an answered request and a second version."""

    address: str
    client_id: int
    request_id: str
    first: str
    second: str


@pytest.fixture(scope="module")
def system(
    test_database: None, models_dir: Path, django_db_blocker: Any, tmp_path_factory: Any
) -> Iterator[System]:
    # Playwright keeps an event loop in this thread; nothing of ours runs in it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    directory = tmp_path_factory.mktemp("browser")
    with django_db_blocker.unblock():
        with Processes(directory, models_dir) as processes:
            client_id = keys.create_client("owner")
            create_person(NAME, PASSWORD, client_id, Role.OPERATOR)
            web = processes.web(keys.create_key(client_id, "tests"))
            processes.worker()
            if not (models_dir / TWO).exists():
                train(list(generate(900, seed=6)), source="synthetic-tests", seed=6, name=TWO)
            bundles.candidate(TWO)
            posted = web.post("/api/v1/triage/", json=SORE_THROAT, headers={"Prefer": "wait=10"})
            assert posted.status_code == 200, posted.text
            alerts.raise_alert("low_accuracy", "tests", "The model agreed too seldom.")
            first = bundle.latest_version()
            assert first is not None
            yield System(str(web.base_url), client_id, posted.json()["id"], first, TWO)
        empty_database()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        yield found
        found.close()
        # What the tests opened beside Playwright's loop is a connection of its own.
        connection.close()


@pytest.fixture(scope="module")
def session(system: System, browser: Browser) -> Iterator[BrowserContext]:
    """Signed in through the form, as a person does."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.goto(f"{system.address}/console/")
    page.fill("#id_username", NAME)
    page.fill("#id_password", PASSWORD)
    page.click("button.main")
    page.wait_for_url("**/console/")
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(session: BrowserContext) -> Iterator[Page]:
    """A page; whatever the browser's own console complains about fails the test."""
    found = session.new_page()
    complaints: list[str] = []
    found.on(
        "console",
        lambda one: complaints.append(one.text) if one.type in ("error", "warning") else None,
    )
    found.on("pageerror", lambda error: complaints.append(str(error)))
    yield found
    found.close()
    assert complaints == []
