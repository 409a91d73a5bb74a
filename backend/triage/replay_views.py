"""HTTP for replays: ask that an answer be made again, read what came of it."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import extend_schema
from pydantic import BaseModel, ConfigDict, Field
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend import errors
from backend.clients.keys import Caller
from backend.clients.permissions import MaySubmit
from backend.triage import openapi, queries, replays

# The background worker looks every 20 s.
RETRY_AFTER_SECONDS = 10


class ReplayChange(BaseModel):
    """Something that is not what it was when the answer was given."""

    model_config = ConfigDict(frozen=True)
    what: Literal["input", "bundle", "rules", "library"]
    then: str
    now: str


class ReplayResult(BaseModel):
    """What came of making the answer again."""

    model_config = ConfigDict(frozen=True)
    verdict: Literal["identical", "within_rounding", "differs", "impossible"] = Field(
        description="identical: the same bits; impossible: something it was made of is gone"
    )
    changed: list[ReplayChange]
    differs: list[str] = Field(description="The answer's fields that came out differently")
    model_digest: str | None
    rules_version: str
    input_digest: str | None = Field(
        description="Keyed digest of the stored input; equal inputs "
        "of this service have equal digests"
    )


class ReplayState(BaseModel):
    """A replay, from asked for to done."""

    model_config = ConfigDict(frozen=True)
    request_id: UUID
    status: Literal["none", "waiting", "done"]
    asked_at: datetime | None
    finished_at: datetime | None
    result: ReplayResult | None


class ReplayView(APIView):
    permission_classes = (MaySubmit,)

    @extend_schema(
        operation_id="triage_replay",
        tags=["Triage"],
        request=None,
        responses=openapi.answers(202, "Problem", 404, 409) | {202: ReplayState},
    )
    def post(self, request: Request, request_id: str) -> Response:
        """Make the answer again in the background: the same input, bundle and rules give the same
        bits, or the result says what changed. Asking again while it waits asks once."""
        caller, row_id = _caller(request), _parse_id(request_id)
        resource = queries.get(caller.client_id, row_id)
        if resource is None:
            raise Http404
        if resource.answer is None:
            raise errors.Conflict("The request has no answer that could be made again.")
        response = Response(_state(row_id, replays.ask(caller, row_id)), status=202)
        response["Location"] = f"/api/v1/triage/{row_id}/replay/"
        response["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return response

    @extend_schema(
        operation_id="triage_replay_read",
        tags=["Triage"],
        responses=openapi.answers(200, "Problem", 404) | {200: ReplayState},
    )
    def get(self, request: Request, request_id: str) -> Response:
        """The last replay of this request; `none` if nobody asked for one."""
        caller, row_id = _caller(request), _parse_id(request_id)
        if queries.get(caller.client_id, row_id) is None:
            raise Http404
        return Response(_state(row_id, replays.newest(caller.client_id, row_id)))


def _state(request_id: UUID, found: replays.Replay | None) -> dict[str, object]:
    if found is None:
        state = ReplayState(
            request_id=request_id, status="none", asked_at=None, finished_at=None, result=None
        )
    else:
        state = ReplayState(
            request_id=request_id,
            status="waiting" if found.finished_at is None else "done",
            asked_at=found.created_at,
            finished_at=found.finished_at,
            result=found.result and ReplayResult.model_validate(found.result),
        )
    return state.model_dump(mode="json")


def _caller(request: Request) -> Caller:
    caller = request.user
    assert isinstance(caller, Caller)  # the permission class has checked it
    return caller


def _parse_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None
