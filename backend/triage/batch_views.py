"""HTTP in and out of batches: up to 1,000 requests in one transaction."""

import uuid
from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend import errors
from backend.clients.permissions import MaySubmit
from backend.triage import listing, openapi, queries, schemas
from backend.triage.parameters import caller_of, idempotency_key, only, parse_id
from backend.triage.values import Submission
from backend.triage.views import KEY, LIST, stored_case, submit
from ml.case import TriageCase
from ml.errors import FieldError, InvalidCase


class BatchView(APIView):
    permission_classes = (MaySubmit,)
    max_body_bytes = settings.MAX_BATCH_BODY_BYTES

    @extend_schema(
        operation_id="triage_batch",
        tags=["Triage"],
        parameters=[KEY],
        request=openapi.body("TriageBatch"),
        responses=openapi.answers(202, "BatchAccepted", 413, 415, 422),
    )
    def post(self, request: Request) -> HttpResponse:
        """Submit up to 1,000 requests in one transaction. Each item is accepted or refused by
        itself; with an Idempotency-Key the whole batch may be sent again."""
        caller, key = caller_of(request), idempotency_key(request.headers.get("Idempotency-Key"))
        cases, problems = _parse_batch(request.data)
        batch = uuid.uuid4()
        # An item's own key is the batch's with its place: a repeated batch repeats each item.
        submissions = [Submission(case, key and f"{key}#{i}") for i, case in cases.items()]
        accepted = submit(caller, submissions, batch) if submissions else []
        resources = queries.just_accepted(caller.client_id, accepted)
        places = dict(zip(cases, accepted, strict=True))
        items = [
            schemas.BatchItem(index=i, status=400, problem=problems[i])
            if i in problems
            else schemas.BatchItem(index=i, status=202, request=resources[places[i].id])
            for i in range(len(cases) + len(problems))
        ]
        first = resources[accepted[0].id].batch if accepted else None
        body = schemas.BatchAccepted(
            batch=first or batch, accepted=len(accepted), refused=len(problems), items=items
        )
        # Written as it is: to copy it first and write it then costs as much as to store it.
        return HttpResponse(body.model_dump_json(), "application/json", status=202)


class BatchProgressView(APIView):
    permission_classes = (MaySubmit,)

    @extend_schema(
        operation_id="triage_batch_read",
        tags=["Triage"],
        parameters=[one for one in LIST if one.name != "batch"],
        responses=openapi.answers(200, "BatchProgress", 404),
    )
    def get(self, request: Request, batch_id: str) -> Response:
        """How many of a batch are answered, and a page of them."""
        caller, batch = caller_of(request), parse_id(batch_id)
        wanted = listing.parse(only(request, set(listing.PARAMETERS) - {"batch"}))
        found = listing.page(caller.client_id, wanted | {"batch": batch})
        counts = listing.progress(caller.client_id, batch)
        if not counts:
            raise Http404
        body = schemas.BatchProgress(
            batch=batch, done=counts["open"] == 0, items=found.items, next=found.next, **counts
        )
        return Response(body.model_dump(mode="json"))


def _parse_batch(body: Any) -> tuple[dict[int, TriageCase], dict[int, dict[str, Any]]]:
    """Cases and problems by place. A body that is no batch at all is refused whole."""
    if not isinstance(body, dict) or set(body) != {"requests"}:
        raise InvalidCase((FieldError("requests", "required", "expected only this list"),))
    requests, most = body["requests"], settings.MAX_BATCH_ITEMS
    if not isinstance(requests, list) or not 1 <= len(requests) <= most:
        raise InvalidCase((FieldError("requests", "length", f"expected a list of 1 to {most}"),))
    cases: dict[int, TriageCase] = {}
    problems: dict[int, dict[str, Any]] = {}
    for index, item in enumerate(requests):
        try:
            cases[index] = stored_case(item)
        except InvalidCase as error:
            detail = "The request was refused."
            problems[index] = errors.problem(400, "invalid", detail, error.errors)
    return cases, problems
