"""Probes, which need no key, and the registry of models. None of it is clinical data."""

import datetime as dt

import structlog
from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend import errors
from backend.clients.permissions import MaySubmit
from backend.logs import failure
from backend.monitoring import exporter, metrics, registry, schemas, status
from backend.triage import openapi

log = structlog.get_logger()


class _Probe(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)


class LiveView(_Probe):
    @extend_schema(operation_id="livez", tags=["Operation"], responses={200: {"type": "object"}})
    def get(self, request: Request) -> Response:
        """This process answers."""
        return Response({"ok": True})


class ReadyView(_Probe):
    @extend_schema(
        operation_id="readyz",
        tags=["Operation"],
        responses={200: {"type": "object"}, 503: {"type": "object"}},
    )
    def get(self, request: Request) -> Response:
        """This process reaches PostgreSQL and the schema is current. Redis, workers and the model
        do not count: without them this process still accepts, and answers by rules."""
        try:
            ready = status.database_ready()
        except Error as error:
            log.warning("readyz.database", **failure(error))
            ready = False
        return Response({"ok": ready}, status=200 if ready else 503)


class StatusView(_Probe):
    @extend_schema(
        operation_id="statusz",
        tags=["Operation"],
        responses={200: {"type": "object"}, 503: {"type": "object"}},
    )
    def get(self, request: Request) -> Response:
        """Broker, workers and their models, keeper, beat, checks, open alarms. 503 if any part is
        not well; for operators, not for a load balancer."""
        found = status.status(dt.datetime.now(dt.UTC).date())
        return Response(found, status=200 if found["ok"] else 503)


@require_safe
def metrics_view(request: HttpRequest) -> HttpResponse:
    """For Prometheus: this machine's counters and the rows' gauges. Needs the metrics token."""
    if not exporter.may_read(request.headers.get("Authorization", "")):
        response = errors.page(401, "not_authenticated", "Send the metrics token.")
        response["WWW-Authenticate"] = exporter.CHALLENGE
        return response
    return HttpResponse(metrics.exposition(system=True), content_type=exporter.CONTENT_TYPE)


class ModelsView(APIView):
    permission_classes = (MaySubmit,)

    @extend_schema(
        operation_id="models_list",
        tags=["Models"],
        responses=openapi.answers(200, "Problem") | {200: schemas.ModelList},
    )
    def get(self, request: Request) -> Response:
        """The versions of the model, the newest first: which serves, which runs in shadow."""
        found = schemas.ModelList(models=[schemas.summary(one) for one in registry.listed()])
        return Response(found.model_dump(mode="json"))


class ModelView(APIView):
    permission_classes = (MaySubmit,)

    @extend_schema(
        operation_id="models_read",
        tags=["Models"],
        responses=openapi.answers(200, "Problem", 404) | {200: schemas.ModelDetail},
    )
    def get(self, request: Request, version: str) -> Response:
        """One version: its stage, its metrics with intervals, its model card."""
        found = registry.find(version)
        if found is None:
            raise Http404
        return Response(schemas.detail(found).model_dump(mode="json"))
