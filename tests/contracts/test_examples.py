"""The served document's examples work as pasted: each body is sent to its own operation."""

from typing import Any

import yaml
from django.test import Client

from backend.clients import keys
from backend.clients.models import Scope
from backend.monitoring import arms
from backend.monitoring.models import ModelVersion
from ml.rules.engine import RULES_VERSION

ARREST = {
    "patient_id": "p-1",
    "symptoms_data": {"chief_complaint": "he is not breathing and has no pulse"},
}
# A ramp of a trial that has just begun waits for the plan's minimum: well formed, too early.
EXPECTED = {"post /api/v1/experiments/{name}/ramp/": 409}


def test_every_example_is_taken_by_its_operation(database: None, owner_id: int) -> None:
    ModelVersion.objects.create(
        version="v1", digest="a" * 64, stage="serving", rules_version=RULES_VERSION
    )
    arms.forget()
    web = Client(headers={"Authorization": f"Bearer {keys.create_key(owner_id, 'all', Scope)}"})
    document = yaml.safe_load(web.get("/api/schema/").content)
    answered = web.post("/api/v1/triage/", ARREST, "application/json").json()["id"]
    known = {"request_id": answered, "name": "model-against-rules"}
    sent = []
    for path, verb, schema in _bodies(document):
        example = document["components"]["schemas"][schema]["example"]
        if "triage_log_id" in example:
            example = example | {"triage_log_id": answered}
        response = getattr(web, verb)(path.format(**known), example, "application/json")
        expected = EXPECTED.get(f"{verb} {path}")
        good = (
            200 <= response.status_code < 300
            if expected is None
            else (response.status_code == expected)
        )
        assert good, f"{verb} {path}: {response.status_code}"
        if path == "/api/v1/webhooks/":
            known["webhook_id"] = response.json()["id"]
        sent.append(schema)
    assert len(sent) >= 10


def _bodies(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Path, verb and schema of every operation with a body, collections before their members and
    the end of a trial last."""
    found = [
        (path, verb, operation["requestBody"]["content"]["application/json"]["schema"]["$ref"])
        for path, item in document["paths"].items()
        for verb, operation in item.items()
        if "requestBody" in operation
    ]
    named = [(path, verb, schema.rpartition("/")[2]) for path, verb, schema in found]
    return sorted(named, key=lambda one: (len(one[0].split("/")), one[0].endswith("stop/")))
