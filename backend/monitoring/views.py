"""Probes. They hold no clinical data and need no key, except the detailed status."""

import datetime as dt

import structlog
from django.db import Error
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.logs import failure
from backend.monitoring import status

log = structlog.get_logger()


class _Probe(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)


class LiveView(_Probe):
    @extend_schema(operation_id="livez", responses={200: {"type": "object"}})
    def get(self, request: Request) -> Response:
        """This process answers."""
        return Response({"ok": True})


class ReadyView(_Probe):
    @extend_schema(
        operation_id="readyz", responses={200: {"type": "object"}, 503: {"type": "object"}}
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
        operation_id="statusz", responses={200: {"type": "object"}, 503: {"type": "object"}}
    )
    def get(self, request: Request) -> Response:
        """Broker, workers and their models, keeper, beat, checks, open alarms. 503 if any part is
        not well; for operators, not for a load balancer."""
        found = status.status(dt.datetime.now(dt.UTC).date())
        return Response(found, status=200 if found["ok"] else 503)
