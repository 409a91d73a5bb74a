"""One id finds the way from the POST to the answer; nothing that was sent is in a line."""

import json
import uuid
from typing import Any

import pytest

from tests.eventually import eventually
from tests.integration.conftest import SORE_THROAT, Api
from tests.integration.processes import Processes
from tests.integration.test_path import all_answered

TRIAGE, ROUTE = "/api/v1/triage/", "api/v1/triage/"


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_one_id_leads_from_the_post_to_the_answer(processes: Processes, owner_key: str) -> None:
    web, worker = processes.web_and_worker(owner_key)
    eventually(lambda: "model.loaded" in processes.logs(), 60, what="the child has a model")
    given = uuid.uuid4().hex
    posted = web.post(TRIAGE, json=SORE_THROAT, headers={"X-Request-ID": given})
    assert posted.headers["X-Request-ID"] == given
    request_id = posted.json()["id"]
    all_answered(web, [request_id], wait=10)
    web.get(f"{TRIAGE}{request_id}/")
    web.get(f"{TRIAGE}zebra-in-the-path/?zebra=query")
    web.get("/zebra/zebra/")
    web.post(f"{TRIAGE}?zebra", json={"patient_id": "zebra", "zebra": "zebra"})

    text = processes.logs()
    web_log = processes.log_of_web()
    ours = [one for one in lines(text) if request_id in json.dumps(one)]
    accepted = next(one for one in ours if one["event"] == "request.accepted")
    assert accepted["correlation_id"] == given
    answered = next(
        one
        for one in lines(text)
        if one["event"] == "http.answered" and one["correlation_id"] == given
    )
    assert answered["route"] == ROUTE
    assert answered["status"] == 202
    assert isinstance(answered["client_id"], int)
    read = [one for one in ours if one["event"] == "http.answered"]
    assert {one["request_id"] for one in read} == {request_id}

    refused = [(one["status"], one["route"]) for one in lines(text) if one.get("status", 0) >= 400]
    assert refused == [(404, f"{ROUTE}<str:request_id>/"), (404, "none"), (400, ROUTE)]
    assert "zebra" not in text
    # The server's own lines, too: gunicorn would write the text of an exception.
    assert len(lines(web_log)) == len(web_log.splitlines())
    assert any(one.get("logger") == "gunicorn.error" for one in lines(web_log))

    eventually(lambda: request_id in processes.log_of(worker).read_text(), what="worker's line")
    batches = lines(processes.log_of(worker).read_text())
    batch = next(one for one in batches if request_id in one.get("request_ids", ()))
    assert batch["event"] == "batch.finished"
    uuid.UUID(batch["batch_id"])
    # The same task is in Celery's own line, and in Flower.
    eventually(
        lambda: any(
            one.get("logger") == "celery.app.trace" and batch["task_id"] in one["event"]
            for one in lines(processes.log_of(worker).read_text())
        ),
        what="Celery's line of the task",
    )


@pytest.mark.parametrize(
    "sent", ["short", "two words here", "a" * 65, "zebra\tzebra", "<script>12"]
)
def test_an_id_that_is_not_plain_is_replaced(owner: Api, sent: str) -> None:
    got = owner.get("/livez", **{"X-Request-ID": sent})["X-Request-ID"]
    assert got != sent
    uuid.UUID(got)


def test_an_unknown_method_makes_no_new_series(owner: Api) -> None:
    from tests.integration.test_metrics import read, token

    owner._client.generic("ZEBRA", TRIAGE)
    text = owner.get("/metrics", **token()).content.decode()
    assert "ZEBRA" not in text
    assert read(text)("triage_http_requests_total", method="other") >= 1
