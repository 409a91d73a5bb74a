"""What the daily checks found, over HTTP. Reports count all clients' patients and name them as
sites: for operators only."""

import datetime as dt
from typing import Any, Final, Literal

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import BaseModel, ConfigDict, Field
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.clients.permissions import MayOperate
from backend.monitoring import reports
from backend.monitoring.reports import KINDS, MOST_LISTED, Cohort, Kind, Listed
from backend.triage import openapi

_PARAMETERS: Final = ("kind", "version", "before", "limit")
_DEFAULT_LIMIT: Final = 30
# Labels still arrive for so many days before a report's own.
_COHORT_DAYS: Final = 30


class ReportItem(BaseModel):
    """One day's finding about one model."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="`accuracy-N` or `drift-N`")
    kind: Literal["accuracy", "drift"]
    day: dt.date = Field(description="The UTC day whose labels or requests were looked at")
    model_version: str
    model_digest: str
    state: Literal[
        "healthy",
        "warning",
        "breach",
        "insufficient_labels",
        "stable",
        "moderate",
        "large",
        "insufficient_requests",
        "no_reference",
    ] = Field(description="Of accuracy: the first four; of drift: the others")
    count: int = Field(description="Labels (accuracy) or requests (drift) of the day")
    accuracy: float | None = Field(description="The share that decided, 0–1; None for drift")
    created_at: dt.datetime


class CohortItem(BaseModel):
    """What is known by now of the answers given on one day."""

    model_config = ConfigDict(frozen=True)

    day: dt.date
    labels: int
    accuracy: float | None
    measures: dict[str, Any] = Field(
        description="Accuracy with interval beside what was estimated without labels"
    )


class ReportDetail(ReportItem):
    """One report with everything that was measured (docs/operations.md names the parts)."""

    measures: dict[str, Any]
    cohorts: list[CohortItem] = Field(
        description="Of accuracy: the model's answers of the last 30 days, by day"
    )


class ReportList(BaseModel):
    """Reports, the newest day first; `next` is the `before` of the following page."""

    model_config = ConfigDict(frozen=True)

    reports: list[ReportItem]
    next: str | None


class ReportsView(APIView):
    permission_classes = (MayOperate,)

    @extend_schema(
        operation_id="reports_list",
        tags=["Reports"],
        parameters=[
            OpenApiParameter("kind", enum=list(KINDS), description="Default: accuracy"),
            OpenApiParameter("version", str, description="Only of this version of the model"),
            OpenApiParameter("before", str, description="`next` of the page before"),
            OpenApiParameter("limit", int, description=f"1–{MOST_LISTED}, default 30"),
        ],
        responses=openapi.answers(200, "Problem") | {200: ReportList},
    )
    def get(self, request: Request) -> Response:
        """What the daily checks found: accuracy by the labels received on a UTC day, or the day's
        patients against the training data."""
        kind, version, before, limit = _asked(request.query_params.dict())
        found = reports.listed(kind, before=before, version=version, limit=limit + 1)
        more = found[limit - 1].id if len(found) > limit else None
        page = ReportList(reports=[_item(one) for one in found[:limit]], next=more)
        return Response(page.model_dump(mode="json"))


class ReportView(APIView):
    permission_classes = (MayOperate,)

    @extend_schema(
        operation_id="reports_read",
        tags=["Reports"],
        responses=openapi.answers(200, "Problem", 404) | {200: ReportDetail},
    )
    def get(self, request: Request, report_id: str) -> Response:
        """One report with its intervals, groups, parts of the patients, evidence and estimates."""
        found = reports.find(report_id)
        if found is None:
            raise Http404
        known: list[Cohort] = []
        if found.kind == "accuracy":
            end = found.day + dt.timedelta(days=1)
            start = end - dt.timedelta(days=_COHORT_DAYS)
            known = reports.cohorts(found.model_digest, start, end)
        cohorts = [
            CohortItem(day=c.day, labels=c.labels, accuracy=c.accuracy, measures=c.measures)
            for c in known
        ]
        detail = ReportDetail(**_item(found).model_dump(), measures=found.measures, cohorts=cohorts)
        return Response(detail.model_dump(mode="json"))


def _item(one: Listed) -> ReportItem:
    return ReportItem.model_validate({name: getattr(one, name) for name in ReportItem.model_fields})


def _asked(given: dict[str, str]) -> tuple[Kind, str | None, str | None, int]:
    """Kind, version, cursor and page size. Raises `ParseError` naming the parameter."""
    unknown = sorted(set(given) - set(_PARAMETERS))
    if unknown:
        raise ParseError(f"Unknown parameter; expected {', '.join(_PARAMETERS)}.")
    kind = next((one for one in KINDS if one == given.get("kind", KINDS[0])), None)
    if kind is None:
        raise ParseError(f"kind: expected one of {', '.join(KINDS)}.")
    text = given.get("limit", str(_DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) <= MOST_LISTED):
        raise ParseError(f"limit: expected a whole number from 1 to {MOST_LISTED}.")
    version, before = given.get("version"), given.get("before")
    if version is not None and "\x00" in version:
        raise ParseError("version: expected a version's name.")
    if before is not None and reports.find(before) is None:
        raise ParseError("before: expected `next` of an earlier page.")
    return kind, version, before, int(text)
