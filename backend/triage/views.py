"""HTTP in and out of the triage resource. Views hold no decision: they parse, call, show."""

import re
import uuid
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend import errors
from backend.clients.keys import Caller
from backend.clients.permissions import MayLabel, MaySubmit
from backend.triage import labels, lifecycle, openapi, queries, schemas, values
from backend.triage.admission import admission
from backend.triage.values import Submission
from backend.triage.waiting import room
from ml.case import TriageCase, parse_case
from ml.errors import FieldError, InvalidCase
from ml.schema import Level

RETRY_AFTER_SECONDS = 1
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_WAIT = OpenApiParameter("wait", int, description="Seconds to wait for the answer, 0–10")
_KEY = OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)
_PREFER = OpenApiParameter("Prefer", str, OpenApiParameter.HEADER, description="wait=N")


class TriageView(APIView):
    permission_classes = (MaySubmit,)

    @extend_schema(
        operation_id="triage_submit",
        tags=["Triage"],
        parameters=[_KEY, _PREFER],
        request=openapi.body("TriageCase"),
        responses=openapi.answers(202, "TriageResource", 413, 415, 422)
        | {200: openapi.ref("TriageResource")},
    )
    def post(self, request: Request) -> Response:
        """Submit a request. 202 means it is stored and will be answered by its deadline; the body
        carries the rules' provisional answer at once; a red flag is answered already."""
        case = _stored_case(request.data)
        caller = _caller(request)
        key = _idempotency_key(request)
        wait = _preferred_wait(request)
        accepted = _submit(caller, [Submission(case, key)])[0]
        resource = _shown(caller, accepted.id, wait)
        # 200 only to who asked to wait; else 202, also where a red flag is answered already.
        response = _respond(resource, status=200 if wait and resource.done else 202)
        response["Location"] = f"/api/v1/triage/{accepted.id}/"
        if wait:
            response["Preference-Applied"] = f"wait={wait}"
        return response


class TriageDetailView(APIView):
    permission_classes = (MaySubmit,)

    @extend_schema(
        operation_id="triage_read",
        tags=["Triage"],
        parameters=[_WAIT],
        responses=openapi.answers(200, "TriageResource", 404),
    )
    def get(self, request: Request, request_id: str) -> Response:
        """Read a request; `?wait=N` returns as soon as it is answered, or after N seconds with
        what is known. From the deadline on there always is an answer."""
        resource = _shown(_caller(request), _parse_id(request_id), _query_wait(request))
        tag = queries.etag(resource)
        if tag in request.headers.get("If-None-Match", ""):
            return Response(status=304, headers={"ETag": tag})
        return _respond(resource, status=200)


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
        caller, row_id = _caller(request), _parse_id(request_id)
        _shown(caller, row_id, 0)
        if not lifecycle.cancel(caller.client_id, row_id):
            raise errors.Conflict("The request is no longer open.")
        return _respond(_shown(caller, row_id, 0), status=200)


class TriageBatchView(APIView):
    permission_classes = (MaySubmit,)
    max_body_bytes = settings.MAX_BATCH_BODY_BYTES

    @extend_schema(
        operation_id="triage_batch",
        tags=["Triage"],
        parameters=[_KEY],
        request=openapi.body("TriageBatch"),
        responses=openapi.answers(202, "BatchAccepted", 413, 415, 422),
    )
    def post(self, request: Request) -> Response:
        """Submit up to 1,000 requests in one transaction. Each item is accepted or refused by
        itself; with an Idempotency-Key the whole batch may be sent again."""
        caller, key = _caller(request), _idempotency_key(request)
        cases, problems = _parse_batch(request.data)
        batch = uuid.uuid4()
        # An item's own key is the batch's with its place: a repeated batch repeats each item.
        submissions = [Submission(case, key and f"{key}#{i}") for i, case in cases.items()]
        accepted = _submit(caller, submissions, batch) if submissions else []
        resources = queries.get_many(caller.client_id, [one.id for one in accepted])
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
        return Response(body.model_dump(mode="json"), status=202)


class PredictView(APIView):
    permission_classes = (MaySubmit,)

    @extend_schema(
        operation_id="ml_predict",
        tags=["One call"],
        request=openapi.body("TriageCase"),
        responses=openapi.answers(200, "ClassicAnswer", 413, 415),
    )
    def post(self, request: Request) -> Response:
        """One call, one answer: waits up to 2 s for the model, else the rules answer and the body
        says `fallback: true`. Without `patient_id` the case takes part in no trial."""
        case, caller = parse_case(request.data), _caller(request)
        seconds = settings.PREDICT_WAIT_SECONDS
        # The caller leaves with this answer, so this is when the request is due.
        accepted = lifecycle.submit(
            caller.client_id,
            [Submission(case)],
            deadline_seconds=seconds,
            overloaded=admission.check(),
        )
        resource = _shown(caller, accepted[0].id, seconds)
        if resource.answer is None:  # no place to wait in: answer now what the rules say
            lifecycle.answer_now([resource.id])
            resource = _shown(caller, resource.id, 0)
        assert resource.answer is not None  # an answered row has an answer
        body = schemas.ClassicAnswer(
            **resource.answer.model_dump(), id=resource.id, triage_log_id=resource.id
        )
        return Response(body.model_dump(mode="json"))


class FeedbackView(APIView):
    permission_classes = (MayLabel,)

    @extend_schema(
        operation_id="ml_feedback",
        tags=["One call"],
        request=openapi.body("Feedback"),
        responses=openapi.answers(201, "LabelStored", 404, 409, 413, 415),
    )
    def post(self, request: Request) -> Response:
        """Store the level that a clinician gives. Labels are kept for ever; the newest counts."""
        feedback, caller = schemas.parse_feedback(request.data), _caller(request)
        resource = _shown(caller, _parse_id(feedback.triage_log_id), 0)
        seen = resource.answer and resource.answer.prediction
        if feedback.ml_prediction is not None and feedback.ml_prediction != seen:
            raise errors.Conflict("ml_prediction is not the answer that this request was given.")
        given = labels.Given(Level.parse(feedback.doctor_correction), note=feedback.feedback_note)
        author = values.Author(key_id=caller.key_id)
        known = feedback.ml_prediction is not None
        stored = labels.give(caller.client_id, author, resource.id, given, answer_seen=known)
        if stored is None:
            raise Http404
        body = schemas.LabelStored(
            id=stored.id,
            triage_log_id=resource.id,
            doctor_correction=feedback.doctor_correction,
        )
        return Response(body.model_dump(mode="json"), status=201)


def _caller(request: Request) -> Caller:
    caller = request.user
    assert isinstance(caller, Caller)  # the permission classes have checked it
    return caller


def _submit(
    caller: Caller, submissions: list[Submission], batch: UUID | None = None
) -> list[values.Accepted]:
    try:
        return lifecycle.submit(
            caller.client_id, submissions, batch=batch, overloaded=admission.check()
        )
    except values.KeyReused as error:
        raise errors.KeyReused from error


def _shown(caller: Caller, request_id: UUID, wait: int) -> schemas.TriageResource:
    """The request as this caller may see it; foreign and absent ids are the same 404."""
    resource = queries.get(caller.client_id, request_id)
    if resource is not None and not resource.done and wait:
        room.wait(request_id, wait)
        resource = queries.get(caller.client_id, request_id)
    if resource is None:
        raise Http404
    return resource


def _respond(resource: schemas.TriageResource, status: int) -> Response:
    response = Response(resource.model_dump(mode="json"), status=status)
    response["ETag"] = queries.etag(resource)
    response["Cache-Control"] = "no-store"
    if not resource.done:
        response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _stored_case(body: Any) -> TriageCase:
    case = parse_case(body)
    if case.patient_id is None:
        raise InvalidCase((FieldError("patient_id", "required", "is required"),))
    return case


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
            cases[index] = _stored_case(item)
        except InvalidCase as error:
            detail = "The request was refused."
            problems[index] = errors.problem(400, "invalid", detail, error.errors)
    return cases, problems


def _parse_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        raise ParseError("Idempotency-Key: expected 1 to 200 visible ASCII characters.")
    return key


def _query_wait(request: Request) -> int:
    text = request.query_params.get("wait", "0")
    if not (text.isascii() and text.isdigit() and int(text) <= settings.MAX_WAIT_SECONDS):
        raise ParseError(f"wait: expected whole seconds, 0 to {settings.MAX_WAIT_SECONDS}.")
    return int(text)


def _preferred_wait(request: Request) -> int:
    """Seconds of `Prefer: wait=N` (RFC 7240), capped; a preference is never an error."""
    found = re.search(r"(?:^|[,;\s])wait=(\d{1,6})(?:$|[,;\s])", request.headers.get("Prefer", ""))
    return min(int(found.group(1)), settings.MAX_WAIT_SECONDS) if found else 0
