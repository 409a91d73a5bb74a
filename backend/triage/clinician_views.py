"""HTTP for clinicians: the review queue, and labels."""

import re
from typing import Any
from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend import errors
from backend.clients.keys import Caller
from backend.clients.permissions import MayLabel
from backend.triage import labels, openapi, queries, review, review_schemas
from backend.triage.labels import Given
from backend.triage.review import ReviewCase
from backend.triage.schemas import Answer
from backend.triage.values import Author
from ml.schema import Level

_REVIEWER = OpenApiParameter(
    "reviewer", str, description="Your own name for the person who reviews, to tell people apart"
)
_LIMIT = OpenApiParameter("limit", int, description=f"Cases, 1–{review.MOST_CASES}; default 1")


class LabelView(APIView):
    permission_classes = (MayLabel,)

    @extend_schema(
        operation_id="triage_label",
        tags=["Review"],
        request=review_schemas.LabelBody,
        responses=openapi.answers(201, "Problem", 404, 413, 415) | {201: review_schemas.LabelGiven},
    )
    def post(self, request: Request, request_id: str) -> Response:
        """Label a request, or override its answer. Every label is kept; the newest counts. The
        body shows the answer, which a blind review did not."""
        caller, row_id = _caller(request), _parse_id(request_id)
        _must_exist(caller, row_id)
        body = review_schemas.parse_label(request.data)
        stored = labels.give(
            caller.client_id,
            Author(key_id=caller.key_id, reviewer=body.reviewer or ""),
            row_id,
            Given(Level.parse(body.level), body.share, body.reason or "", body.note),
            answer_seen=body.answer_seen,
        )
        if stored is None:
            raise Http404
        resource = queries.get(caller.client_id, row_id)
        shown = review_schemas.LabelGiven(
            id=stored.id,
            request_id=row_id,
            level=body.level,
            confidence=body.share,
            reason=body.reason,
            blind=stored.blind,
            created_at=stored.created_at,
            answer=resource and resource.answer,
        )
        return _private(shown.model_dump(mode="json"), 201)


class ReviewQueueView(APIView):
    permission_classes = (MayLabel,)

    @extend_schema(
        operation_id="review_queue",
        tags=["Review"],
        parameters=[_LIMIT, _REVIEWER],
        responses=openapi.answers(200, "Problem") | {200: review_schemas.ReviewQueue},
    )
    def get(self, request: Request) -> Response:
        """The next cases to judge, kept for this reviewer for ten minutes. Where `blind` is true
        the answer is not shown until the case is labelled."""
        caller = _caller(request)
        cases = review.next_cases([caller.client_id], _reviewer(request), _limit(request))
        answers = queries.get_many(caller.client_id, [one.request_id for one in cases])
        items = [_item(one, None if one.blind else answers[one.request_id].answer) for one in cases]
        return _private(review_schemas.ReviewQueue(cases=items).model_dump(mode="json"), 200)


class ReviewSkipView(APIView):
    permission_classes = (MayLabel,)

    @extend_schema(
        operation_id="review_skip",
        tags=["Review"],
        request=None,
        parameters=[_REVIEWER],
        responses=openapi.answers(200, "Problem", 404, 409) | {200: {"type": "object"}},
    )
    def post(self, request: Request, request_id: str) -> Response:
        """Put a case of the queue back unjudged; it is offered again after a day."""
        caller, row_id = _caller(request), _parse_id(request_id)
        _must_exist(caller, row_id)
        if not review.skip([caller.client_id], _reviewer(request), row_id):
            raise errors.Conflict("This case was not given to this reviewer, or is labelled.")
        return _private({"skipped": True}, 200)


def _item(one: ReviewCase, answer: Answer | None) -> review_schemas.ReviewItem:
    return review_schemas.ReviewItem(
        request_id=one.request_id,
        accepted_at=one.accepted_at,
        leased_until=one.leased_until,
        stratum=one.stratum,
        blind=one.blind,
        input=one.case.model_dump(mode="json", exclude_none=True, exclude_defaults=True),
        answer=answer,
    )


def _caller(request: Request) -> Caller:
    caller = request.user
    assert isinstance(caller, Caller)  # the permission classes have checked it
    return caller


def _reviewer(request: Request) -> Author:
    name = request.query_params.get("reviewer", "")
    if name and not re.fullmatch(review_schemas.REVIEWER_PATTERN, name):
        raise ParseError("reviewer: expected 1 to 60 letters, digits, spaces or . _ @ -")
    return Author(key_id=_caller(request).key_id, reviewer=name)


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", "1")
    if not (re.fullmatch(r"[0-9]{1,2}", text) and 1 <= int(text) <= review.MOST_CASES):
        raise ParseError(f"limit: expected a whole number from 1 to {review.MOST_CASES}.")
    return int(text)


def _parse_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None


def _must_exist(caller: Caller, request_id: UUID) -> None:
    """Foreign and absent ids are the same 404, whatever the body holds."""
    if queries.get(caller.client_id, request_id) is None:
        raise Http404


def _private(body: Any, status: int) -> Response:
    return Response(body, status=status, headers={"Cache-Control": "no-store"})
