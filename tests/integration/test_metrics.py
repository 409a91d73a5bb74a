"""What Prometheus is shown: right numbers, for who has the token, and nothing of a patient."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from prometheus_client import Counter, Histogram
from prometheus_client.parser import text_string_to_metric_families

from backend import counters
from backend.monitoring import metrics
from tests.eventually import eventually
from tests.integration.conftest import CARDIAC_ARREST, SORE_THROAT, Api
from tests.integration.processes import ROOT, Processes
from tests.integration.test_path import all_answered, submit_all


def read(text: str) -> Callable[..., float]:
    """The sum of the samples of a name that have these labels."""
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]

    def value(name: str, **labels: str) -> float:
        return sum(
            one.value
            for one in samples
            if one.name == name and labels.items() <= one.labels.items()
        )

    return value


def token() -> dict[str, str]:
    return {"Authorization": f"Bearer {settings.METRICS_TOKEN}"}


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every scrape reads the rows."""
    monkeypatch.setattr(metrics, "FRESH_SECONDS", 0.0)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic eDp5", "Bearer ünicode"])
def test_without_the_token_nothing_is_shown(anonymous: Api, header: str) -> None:
    response = anonymous.get("/metrics", **({"Authorization": header} if header else {}))
    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"
    assert "triage_" not in response.content.decode()


def test_an_api_key_is_no_metrics_token(owner: Api) -> None:
    assert owner.get("/metrics").status_code == 401


def test_rows_become_gauges(owner: Api, fresh: None, sql: Callable[..., list[Any]]) -> None:
    for _ in range(2):
        assert owner.post("/api/v1/triage/", SORE_THROAT).status_code == 202
    sql("UPDATE triage_triagerequest SET accepted_at = now() - interval '90 seconds'")
    sql(
        "INSERT INTO monitoring_alert (kind, subject, summary, repeats)"
        " VALUES ('no_model', 'a', 'b', 0), ('no_model', 'c', 'd', 0)"
    )
    sql(
        "INSERT INTO monitoring_accuracyreport (day, model_digest, model_version, state, labels,"
        " accuracy, measures) VALUES ('2031-05-01', 'd', 'v1', 'healthy', 40, 0.9, %s)",
        json.dumps(
            {
                "windows": {"day": {"accuracy": {"low": 0.77, "high": 0.96}}},
                "service": {"label_coverage": 0.25},
            }
        ),
    )
    response = owner.get("/metrics", **token())
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain; version=0.0.4")
    value = read(response.content.decode())
    assert value("triage_open_requests") == 2
    assert 90 <= value("triage_oldest_open_seconds") < 120
    assert value("triage_unworked_rows", state="due") == 2
    assert value("triage_alerts_open", kind="no_model") == 2
    assert value("triage_accuracy", version="v1", bound="point") == 0.9
    assert value("triage_accuracy", version="v1", bound="low") == 0.77
    assert value("triage_label_coverage", version="v1") == 0.25
    assert value("triage_accuracy_labels", version="v1") == 40
    assert value("triage_database_up") == 1


def test_two_scrapes_in_a_row_read_the_rows_once(
    owner: Api, django_assert_num_queries: Any
) -> None:
    owner.get("/metrics", **token())
    with django_assert_num_queries(0):
        owner.get("/metrics", **token())


def test_the_whole_way_is_counted_over_all_processes_and_names_no_patient(
    processes: Processes, owner_key: str, sql: Callable[..., list[Any]]
) -> None:
    web, _ = processes.web_and_worker(owner_key, children=2)
    ready = "SELECT count(*) FROM monitoring_workerstate WHERE state = 'ready'"
    eventually(lambda: sql(ready) == [(2,)], 60, what="both children have a model")
    marked = SORE_THROAT | {
        "patient_id": "zebra-1",
        "symptoms_data": {"chief_complaint": "zebra in my throat since monday"},
    }
    ids = submit_all(web, [marked, *[SORE_THROAT] * 5, CARDIAC_ARREST])
    all_answered(web, ids, wait=10)
    web.get("/api/v1/zebra/", params={"zebra": "1"})
    web.request("ZEBRA", "/api/v1/triage/")
    # Whichever of the two web processes is asked, it shows both, and the worker's children too.
    texts = [web.get("/metrics", headers=token()).text for _ in range(4)]
    for text in texts:
        value = read(text)
        assert value("triage_accepted_total") == 7
        assert value("triage_answers_total") == 7
        assert value("triage_answers_total", by="accept", level="emergency") == 1
        assert value("triage_answers_total", by="worker") == 6
        assert value("triage_answer_seconds_count") == 6
        assert value("triage_batch_rows_sum") >= 6
        assert value("triage_batch_seconds_count", stage="commit") >= 1
        assert value("triage_hints_total", result="sent") >= 1
        assert value("triage_model_loaded") == 2
        assert "zebra" not in text.lower()


def test_a_canary_is_no_patient(owner: Api, fresh: None, database: None) -> None:
    from backend.triage import canary

    before = read(owner.get("/metrics", **token()).content.decode())
    assert canary.send_if_due()
    after = read(owner.get("/metrics", **token()).content.decode())
    for name in ("triage_accepted_total", "triage_open_requests"):
        assert after(name) == before(name), name


def test_every_metric_is_explained(owner: Api) -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    text = owner.get("/metrics", **token()).content.decode()
    names = set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
    for one in vars(counters).values():  # also those that have counted nothing yet
        if isinstance(one, Counter | Histogram):
            names.add(one._name + ("_total" if isinstance(one, Counter) else ""))
    assert len(names) > 30
    assert names - set(re.findall(r"`(triage_\w+)", page)) == set()


def test_many_values_at_once_are_counted_like_one_by_one() -> None:
    from prometheus_client import CollectorRegistry, generate_latest

    values = [0.0, 0.001, 0.1, 0.1000001, 2.0, 999.0]
    texts = []
    # Two names: within a process a name is one histogram, whatever registry it is in.
    for name, at_once in (("many", True), ("single", False)):
        registry = CollectorRegistry()
        histogram = Histogram(name, "", buckets=(0.1, 1, 2), registry=registry)
        if at_once:
            counters._observe(histogram, values)
        else:
            for value in values:
                histogram.observe(value)
        shown = generate_latest(registry).decode().replace(name, "h")
        texts.append([line for line in shown.splitlines() if "_created" not in line])
    assert texts[0] == texts[1]
    assert 'h_bucket{le="+Inf"} 6.0' in texts[0]


def test_the_dead_are_added_up_and_nothing_is_lost(tmp_path: Path) -> None:
    """Files of many processes that are gone become one; the sum is the same at every scrape."""
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    code = "from backend import counters; counters.accepted(3); counters.claimed(2, again=False)"
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, check=True)
    # Two real ones, and copies under numbers that no process has.
    for kind in ("counter", "histogram"):
        one = next(tmp_path.glob(f"{kind}_*.db"))
        for number in range(70):
            shutil.copy(one, tmp_path / f"{kind}_{9_000_000 + number}.db")
    show = (
        "import django; django.setup(); from backend.monitoring import metrics;"
        "print(metrics.exposition(system=False).decode())"
    )
    environment["DJANGO_SETTINGS_MODULE"] = "backend.settings"
    for _ in range(2):
        ran = subprocess.run(
            [sys.executable, "-c", show],
            env=environment,
            cwd=ROOT,
            check=True,
            text=True,
            capture_output=True,
        )
        value = read(ran.stdout)
        assert value("triage_accepted_total") == 72 * 3
        assert value("triage_batch_rows_count") == 72
        assert value("triage_batch_rows_sum") == 72 * 2
        # The sum of the dead and what the scraping processes left.
        assert len(list(tmp_path.glob("counter_*.db"))) <= 4


def test_a_directory_that_is_gone_costs_the_number_and_not_the_request(tmp_path: Path) -> None:
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "gone")}
    code = (
        "import shutil, sys; from backend import counters; shutil.rmtree(sys.argv[1]);"
        "counters.served('GET', 'x', 200, 0.1); counters.hinted('sent'); print('alive')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "gone")],
        env=environment,
        cwd=ROOT,
        text=True,
        capture_output=True,
    )
    assert ran.stdout == "alive\n", ran.stderr
