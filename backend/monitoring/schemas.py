"""The registry of models in JSON. Who promoted a version, and why, is for operators: not here."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from backend.monitoring.registry import ModelRecord


class ModelSummary(BaseModel):
    """One version of the model."""

    model_config = ConfigDict(frozen=True)

    version: str
    digest: str = Field(description="SHA-256 of the bundle's metadata; answers carry it")
    stage: Literal["candidate", "shadow", "serving", "retired"]
    rules_version: str
    created_at: datetime
    promoted_at: datetime | None


class ModelDetail(ModelSummary):
    """One version with what it says of itself."""

    metrics: dict[str, Any] = Field(
        description="The training's own scores; under `gate` the comparison on held data"
    )
    metadata: dict[str, Any]
    card: str = Field(description="The model card, Markdown")


class ModelList(BaseModel):
    """The versions, the newest first."""

    model_config = ConfigDict(frozen=True)

    models: list[ModelSummary]


def summary(record: ModelRecord) -> ModelSummary:
    return ModelSummary.model_validate(_of(record, ModelSummary))


def detail(record: ModelRecord) -> ModelDetail:
    return ModelDetail.model_validate(_of(record, ModelDetail))


def _of(record: ModelRecord, model: type[BaseModel]) -> dict[str, Any]:
    return {name: getattr(record, name) for name in model.model_fields}
