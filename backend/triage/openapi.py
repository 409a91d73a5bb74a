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
# An example for every body that can be sent; a test sends each.
_EXAMPLES: dict[str, dict[str, Any]] = {
    "TriageCase": EXAMPLE_REQUEST,
    "TriageBatch": {
        "requests": [
            EXAMPLE_REQUEST,
            {
                "patient_id": "p-1043",
                "symptoms_data": {"chief_complaint": "twisted my ankle, cannot put weight on it"},
                "patient_age": 27.5,
            },
        ]
    },
    "Feedback": {
        "triage_log_id": "01a209a9-811e-7ade-86af-2f7e87d5deb5",
        "doctor_correction": "urgent",
        "feedback_note": "looked worse than it reads",
    },
    "LabelBody": {"level": "urgent", "confidence": "sure", "note": "looked worse than it reads"},
    "WebhookNew": {"url": "https://hospital.example/hooks/triage"},
    "PatchedWebhookChange": {"enabled": False},
    "TrialStart": {"name": "model-against-rules", "plan": {"shares": [0.05, 0.25, 0.5, 1]}},
    "TrialRamp": {"reason": "a quiet week"},
    "TrialStop": {"outcome": "rules", "reason": "the ward asked for it"},
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
    for name, example in _EXAMPLES.items():
        found[name]["example"] = example
    return result
