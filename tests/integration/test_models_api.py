"""`/api/v1/models/`: what serves and what is known of it, for whoever may submit."""

import json
from pathlib import Path

import pytest

from backend.clients import keys
from backend.clients.models import Scope
from backend.monitoring import registry
from ml import bundle
from tests.integration.conftest import Api
from tests.integration.processes import Processes
from workers.model_process import ModelProcess

MODELS = "/api/v1/models/"


@pytest.fixture
def version(models_dir: Path, database: None) -> str:
    """The registered version that serves."""
    ModelProcess().refresh()
    found = registry.roles().serving
    assert found is not None
    return found.version


def test_the_serving_model_is_listed(owner: Api, version: str) -> None:
    body = owner.get(MODELS).json()
    [one] = body["models"]
    assert (one["version"], one["stage"]) == (version, "serving")
    assert one["digest"] == bundle.check_bytes(version).digest
    assert one["promoted_at"] is not None
    assert "card" not in one


def test_a_version_shows_its_card_metrics_and_metadata(owner: Api, version: str) -> None:
    checked = bundle.check_bytes(version)
    body = owner.get(f"{MODELS}{version}/").json()
    assert body["card"] == checked.files["MODEL_CARD.md"].decode()
    recall = body["metrics"]["model"]["emergency_recall"]
    assert recall["low"] < recall["share"] < recall["high"]
    assert body["metadata"]["training_data"] == checked.metadata["training_data"]
    assert body["metadata"]["features"] == len(checked.metadata["feature_names"])


def test_who_promoted_and_the_training_vocabulary_are_not_shown(owner: Api, version: str) -> None:
    body = owner.get(f"{MODELS}{version}/").json()
    assert not {"promoted_by", "reason", "previous"} & set(body)
    assert "feature_names" not in body["metadata"]


@pytest.mark.parametrize("name", ["absent", "..%2f..%2fetc", "%00", "a" * 300])
def test_an_unknown_version_is_a_problem_document(owner: Api, version: str, name: str) -> None:
    response = owner.get(f"{MODELS}{name}/")
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
    assert name not in json.dumps(response.json())


def test_only_keys_that_may_submit_read(
    owner_id: int, anonymous: Api, owner: Api, version: str
) -> None:
    assert anonymous.get(MODELS).status_code == 401
    label_only = Api(keys.create_key(owner_id, "labels", (Scope.LABEL,)))
    for path in (MODELS, f"{MODELS}{version}/"):
        assert label_only.get(path).status_code == 403
        assert owner.get(path).status_code == 200


def test_the_schema_describes_the_models(anonymous: Api) -> None:
    schema = json.loads(anonymous.get("/api/schema/", Accept="application/json").content)
    for path, name in ((MODELS, "ModelList"), (MODELS + "{version}/", "ModelDetail")):
        answer = schema["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
        assert answer["schema"] == {"$ref": f"#/components/schemas/{name}"}
    assert set(schema["components"]["schemas"]["ModelDetail"]["properties"]) >= {"card", "stage"}


def test_the_web_shows_models_without_a_numeric_library(
    processes: Processes, owner_key: str, version: str
) -> None:
    web = processes.web(owner_key)
    for _ in range(8):  # more calls than web processes: each of them has answered
        assert web.get(f"{MODELS}{version}/").json()["version"] == version
        assert web.get(MODELS).status_code == 200
    parent = processes.pid_of_web()
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    assert children
    for pid in children:
        mapped = Path(f"/proc/{pid}/maps").read_text()
        assert not any(f"/{name}/" in mapped for name in ("numpy", "scipy", "sklearn"))


def test_nothing_registered_is_an_empty_list(owner: Api) -> None:
    assert owner.get(MODELS).json() == {"models": []}
