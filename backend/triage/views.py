"""HTTP in and out of one triage request. Views hold no decision: they parse, call, show."""

from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend import errors
from backend.clients import audit
from backend.clients.keys import Caller
from backend.clients.permissions import MaySubmit
from backend.triage import lifecycle, listing, openapi, queries, schemas, values, waiting
from backend.triage.admission import admission
from backend.triage.parameters import (
    Preferences,
    caller_of,
    idempotency_key,
    only,
    parse_id,
    preferences,
    query_wait,
)
from backend.triage.quotas import quotas
from backend.triage.values import Submission
from ml.case import TriageCase, parse_case
from ml.errors import FieldError, InvalidCase

KEY = OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)
_WAIT = OpenApiParameter("wait", int, description="Seconds to wait for a change, 0–10")
_KNOWN = OpenApiParameter(
    "If-None-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag that you have: 304, or wait",
)
_PREFER = OpenApiParameter(
    "Prefer", str, OpenApiParameter.HEADER, description="respond-async, wait=N"
)


_TEXT = {"status": "open, answered, cancelled", "level": "The newest answer's level"}
LIST = [
    OpenApiParameter("cursor", str, description="`next` of the page before"),
    OpenApiParameter("limit", int, description=f"Requests a page, 1–{listing.MOST}; default 50"),
    *(OpenApiParameter(name, str, description=_TEXT.get(name, "")) for name in listing.FILTERS),
]


class TriageView(APIView):
    permission_classes = (MaySubmit,)

    @extend_schema(
        operation_id="triage_list",
        tags=["Triage"],
        parameters=LIST,
        responses=openapi.answers(200, "RequestPage"),
    )
    def get(self, request: Request) -> Response:
        """Your requests, the newest first, in pages that hold still while new ones come in. Filters
        may be combined; an unknown one is refused."""
        wanted = listing.parse(only(request, listing.PARAMETERS))
        found = listing.page(caller_of(request).client_id, wanted)
        body = schemas.RequestPage(items=found.items, next=found.next)
        return Response(body.model_dump(mode="json"))

    @extend_schema(
        operation_id="triage_submit",
        tags=["Triage"],
        parameters=[KEY, _PREFER],
        request=openapi.body("TriageCase"),
        responses=openapi.answers(202, "TriageResource", 413, 415, 422)
        | {200: openapi.ref("TriageResource")},
    )
    def post(self, request: Request) -> Response:
        """Submit a request. 202 means it is stored and will be answered by its deadline; the body
        carries the rules' provisional answer at once; a red flag is answered already."""
        case = stored_case(request.data)
        caller = caller_of(request)
        key = idempotency_key(request.headers.get("Idempotency-Key"))
        accepted = submit(caller, [Submission(case, key)])[0]
        resource = queries.just_accepted(caller.client_id, [accepted])[accepted.id]
        preferred = preferences(request.headers.get("Prefer", ""))
        return _response(request, resource, submitted(caller, resource, preferred))


class TriageDetailView(APIView):
    permission_classes = (MaySubmit,)

    @extend_schema(
        operation_id="triage_read",
        tags=["Triage"],
        parameters=[_WAIT, _KNOWN],
        responses=openapi.answers(200, "TriageResource", 404) | {304: None},
    )
    def get(self, request: Request, request_id: str) -> Response:
        """Read a request; `?wait=N` returns as soon as it is answered, or after N seconds with
        what is known. With `If-None-Match` it waits until the ETag changes, and gives 304 when it
        has not. From the deadline on there always is an answer."""
        caller, wait = caller_of(request), query_wait(request)
        resource = shown(caller, parse_id(request_id))
        known = request.headers.get("If-None-Match", "")
        return _response(request, resource, read(caller, resource, wait, known))


class TriageCancelView(APIView):
    permission_classes = (MaySubmit,)

    @extend_schema(
        operation_id="triage_cancel",
        tags=["Triage"],
        request=None,
        responses=openapi.answers(200, "TriageResource", 404, 409),
    )
    def post(self, request: Request, request_id: str) -> Response:
        """Withdraw an open request. One that is answered stays answered: 409."""
        caller, row_id = caller_of(request), parse_id(request_id)
        shown(caller, row_id)
        with transaction.atomic():
            if not lifecycle.cancel(caller.client_id, row_id):
                raise errors.Conflict("The request is no longer open.")
            audit.record(caller, "request.cancel", client_id=caller.client_id, subject=row_id)
        return respond(shown(caller, row_id), status=200)


def submit(
    caller: Caller, submissions: list[Submission], batch: UUID | None = None
) -> list[values.Accepted]:
    """Raises `KeyReused` (422), `QuotaExceeded` (429) and `Overloaded` (503)."""
    try:
        with quotas.held(caller, submissions):
            return lifecycle.submit(
                caller.client_id, submissions, batch=batch, overloaded=admission.check()
            )
    except values.KeyReused as error:
        raise errors.KeyReused from error


def shown(caller: Caller, request_id: UUID) -> schemas.TriageResource:
    """The request as this caller may see it; foreign and absent ids are the same 404."""
    resource = queries.get(caller.client_id, request_id)
    if resource is None:
        raise Http404
    return resource


def wish(
    caller: Caller,
    resource: schemas.TriageResource,
    seconds: float,
    render: Callable[[waiting.News], waiting.Reply],
    settle: bool = False,
) -> waiting.Wish:
    """To be told when this request goes on from where it is now."""
    seen = queries.progress_of(resource)
    return waiting.Wish(caller.client_id, resource.id, seen, seconds, render, settle)


class Shown(NamedTuple):
    """How a resource is shown at once, and what its caller waits to be told; 304 has no body."""

    status: int
    headers: dict[str, str]
    wish: waiting.Wish | None = None


def submitted(caller: Caller, resource: schemas.TriageResource, preferred: Preferences) -> Shown:
    """What a POST is answered with."""
    wait = preferred.wait
    headers = headers_of(resource) | {"Location": f"/api/v1/triage/{resource.id}/"}
    if applied := preferred.applied():
        headers["Preference-Applied"] = applied
    # 200 only to who asked to wait; else 202, also where a red flag is answered already.
    if wait and resource.done:
        return Shown(200, headers)
    return Shown(202, headers, wish(caller, resource, wait, _waited_for) if wait else None)


def read(caller: Caller, resource: schemas.TriageResource, wait: int, known: str) -> Shown:
    """What a GET is answered with; `known`: the tags of its If-None-Match."""
    is_known = queries.etag(resource) in known
    asked = wait and (is_known or not resource.done)
    told = wish(caller, resource, wait, reply) if asked else None
    if not is_known:
        return Shown(200, headers_of(resource), told)
    return Shown(304, {"ETag": queries.etag(resource), "Cache-Control": "no-store"}, told)


def _response(request: Request, resource: schemas.TriageResource, found: Shown) -> Response:
    if found.wish is not None:
        waiting.ask(request, found.wish)
    body = None if found.status == 304 else resource.model_dump(mode="json")
    return Response(body, status=found.status, headers=found.headers)


def respond(resource: schemas.TriageResource, status: int) -> Response:
    return Response(resource.model_dump(mode="json"), status=status, headers=headers_of(resource))


def reply(news: waiting.News, status: int = 200) -> waiting.Reply:
    """The same as `respond`, for a caller who waited."""
    resource = news.resource
    body = resource.model_dump_json().encode()
    headers = {"Content-Type": "application/json", **headers_of(resource)}
    return waiting.Reply(status, headers, body)


def _waited_for(news: waiting.News) -> waiting.Reply:
    return reply(news, status=200 if news.resource.done else 202)


def headers_of(resource: schemas.TriageResource) -> dict[str, str]:
    headers = {"ETag": queries.etag(resource), "Cache-Control": "no-store"}
    if not resource.done:
        headers["Retry-After"] = str(admission.retry_after())
    return headers


def stored_case(body: object) -> TriageCase:
    """The case of a request that is stored; raises `InvalidCase`."""
    case = parse_case(body)
    if case.patient_id is None:
        raise InvalidCase((FieldError("patient_id", "required", "is required"),))
    return case
