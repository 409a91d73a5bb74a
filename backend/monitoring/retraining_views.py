"""The decisions about new models over HTTP, for operators."""

import datetime as dt
from typing import Any, Literal

from drf_spectacular.utils import extend_schema
from pydantic import BaseModel, ConfigDict, Field
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.clients.permissions import MayOperate
from backend.monitoring import retrainings
from backend.triage import openapi


class Because(BaseModel):
    """A stable code with a sentence."""

    model_config = ConfigDict(frozen=True)
    code: str
    text: str


class RetrainingDecision(BaseModel):
    """One answer to the question whether a new model should be trained."""

    model_config = ConfigDict(frozen=True)
    id: int
    day: dt.date | None = Field(description="Null where a person asked for it")
    by: str
    state: Literal["not_needed", "waiting", "training", "shadow", "refused", "failed", "promoted"]
    reasons: list[Because] = Field(description="Why a new model is wanted")
    obstacles: list[Because] = Field(description="Why none is trained now")
    facts: dict[str, Any]
    candidate: str
    gates: dict[str, Any] = Field(description="The comparisons with the serving model")
    detail: str
    created_at: dt.datetime
    finished_at: dt.datetime | None


class RetrainingList(BaseModel):
    """The newest decisions first."""

    model_config = ConfigDict(frozen=True)
    decisions: list[RetrainingDecision]


class RetrainingView(APIView):
    permission_classes = (MayOperate,)

    @extend_schema(
        operation_id="retraining_list",
        tags=["Models"],
        responses=openapi.answers(200, "Problem") | {200: RetrainingList},
    )
    def get(self, request: Request) -> Response:
        """Whether a new model is wanted, why, and what came of the last 30 decisions."""
        found = RetrainingList.model_validate({"decisions": retrainings.listed()})
        return Response(found.model_dump(mode="json"))
