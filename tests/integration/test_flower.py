"""Operators watch Flower: every `triage.predict`, its counts, and nothing clinical."""

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from backend.stack import ports
from backend.stack.ports import HOST
from backend.stack.services import FLOWER_USER, Sizes, services
from tests.eventually import eventually
from tests.integration.conftest import SORE_THROAT
from tests.integration.processes import Processes
from tests.integration.test_path import all_answered, submit_all


def flower(processes: Processes) -> httpx.Client:
    """Flower as `make run` starts it, on a free port."""
    port = ports.choose({}, {})["flower"]
    table = {one.name: one for one in services(Sizes(flower=f"{HOST}:{port}"))}
    processes.start(*table["flower"].argv[1:])
    password = (Path(os.environ["SECRETS_DIR"]) / "flower_password").read_text().strip()
    token = base64.b64encode(f"{FLOWER_USER}:{password}".encode()).decode()
    return httpx.Client(
        base_url=f"http://{HOST}:{port}", headers={"Authorization": f"Basic {token}"}
    )


def tasks(client: httpx.Client) -> dict[str, Any]:
    try:
        response = client.get("/api/tasks?taskname=triage.predict")
    except httpx.TransportError:
        return {}
    found: dict[str, Any] = response.json() if response.status_code == 200 else {}
    return found


def test_flower_shows_each_predict_task_and_no_clinical_text(
    processes: Processes, owner_key: str, sql: Callable[..., list[Any]]
) -> None:
    with flower(processes) as client:
        eventually(lambda: _is_up(client), 60, what="flower is up")
        web, _ = processes.web_and_worker(owner_key)
        marked = SORE_THROAT | {
            "patient_id": "zebra-1",
            "symptoms_data": {"chief_complaint": "zebra in my throat since monday"},
        }
        ids = submit_all(web, [marked])
        all_answered(web, ids)
        succeeded = "SUCCESS"
        shown = eventually(
            lambda: [
                task
                for task in tasks(client).values()
                if task["state"] == succeeded and ids[0] in json.dumps(task["args"])
            ],
            30,
            what="the task that names our request is shown",
        )
        assert all("claimed" in task["result"] for task in shown)
        assert "zebra" not in json.dumps(tasks(client))
        page = client.get("/tasks")
        assert page.status_code == 200
        assert httpx.get(f"{client.base_url}/api/tasks").status_code == 401
        # Looking is allowed, touching is not.
        worker = next(task["worker"] for task in shown)
        assert client.post(f"/api/worker/shutdown/{worker}").status_code == 403


def _is_up(client: httpx.Client) -> bool:
    try:
        return client.get("/healthcheck").status_code == 200
    except httpx.TransportError:
        return False
