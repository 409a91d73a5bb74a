"""What drf-spectacular cannot see: the schemas of our own validators."""

from typing import Any

from pydantic.json_schema import models_json_schema

from backend.triage import schemas
from ml.case import TriageCase

_MODELS = (
    (TriageCase, "validation"),
    (schemas.Feedback, "validation"),
    (schemas.TriageResource, "serialization"),
    (schemas.ClassicAnswer, "serialization"),
    (schemas.BatchAccepted, "serialization"),
    (schemas.RequestPage, "serialization"),
    (schemas.BatchProgress, "serialization"),
    (schemas.LabelStored, "serialization"),
    (schemas.Problem, "serialization"),
)

EXAMPLE_REQUEST = {
    "patient_id": "p-1042",
    "symptoms_data": {"chief_complaint": "sore throat for two days, can eat and drink"},
    "urgency": "soon",
    "patient_age": 34,
    "patient_sex": "female",
    "vital_signs": {"heart_rate_bpm": 82, "temperature_c": 37.9, "spo2_percent": 98},
}


def ref(name: str) -> dict[tuple[int, str] | str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def body(name: str) -> dict[str, Any]:
    return {"application/json": ref(name)}


def answers(ok: int, name: str, *problems: int) -> dict[int, Any]:
    """Responses of an operation: the good one, and problem documents."""
    refused = (400, 401, 403, *problems, 503)
    return {ok: ref(name)} | {code: ref("Problem") for code in refused}


def add_components(result: dict[str, Any], generator: Any, request: Any, public: bool) -> Any:
    """Post-processing hook: put pydantic's schemas beside the generated ones."""
    _, definitions = models_json_schema(
        list(_MODELS),  # type: ignore[arg-type]  # a list of pairs, as documented
        ref_template="#/components/schemas/{model}",
    )
    found = result.setdefault("components", {}).setdefault("schemas", {})
    found.update(definitions["$defs"])
    batch = {"requests": {"type": "array", "items": ref("TriageCase"), "maxItems": 1000}}
    found["TriageBatch"] = {
        "type": "object",
        "properties": batch,
        "required": ["requests"],
        "additionalProperties": False,
    }
    found["TriageCase"]["example"] = EXAMPLE_REQUEST
    return result
