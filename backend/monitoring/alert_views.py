"""Alarms over HTTP, for operators. They are the service's own: no client's data is in them."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, Literal

from django.db import transaction
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import BaseModel, ConfigDict, Field
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend import errors
from backend.clients import audit
from backend.clients.keys import Caller
from backend.clients.permissions import MayOperate
from backend.monitoring import alerts
from backend.monitoring.alerts import AlertRecord, AlreadyResolved
from backend.triage import openapi

_STATES: Final = ("open", "resolved", "all")
# What a 64-bit key can be; a larger number is nobody's.
_LARGEST_ID: Final = 2**63 - 1


class AlertNotice(BaseModel):
    """One notice to one channel, and what became of it."""

    model_config = ConfigDict(frozen=True)
    notice: Literal["raised", "resolved"]
    channel: str = Field(description="email, or a kind of service with a digest of its URL")
    state: Literal["waiting", "sent", "dropped", "gave_up"]
    attempts: int
    sent_at: datetime | None
    error: str


class AlertItem(BaseModel):
    """One alarm."""

    model_config = ConfigDict(frozen=True)
    id: int
    kind: str
    subject: str
    severity: Literal["warning", "critical"]
    summary: str
    raised_at: datetime
    last_at: datetime
    repeats: int = Field(description="How often it was raised again while it was open")
    acknowledged_at: datetime | None
    acknowledged_by: str
    resolved_at: datetime | None
    runbook: str = Field(description="Where it is written what to do")
    deliveries: list[AlertNotice]


class AlertList(BaseModel):
    """Alarms, the newest first."""

    model_config = ConfigDict(frozen=True)
    alerts: list[AlertItem]


class AlertsView(APIView):
    permission_classes = (MayOperate,)

    @extend_schema(
        operation_id="alerts_list",
        tags=["Operation"],
        parameters=[OpenApiParameter("state", str, enum=_STATES, description="Default: open")],
        responses=openapi.answers(200, "Problem") | {200: AlertList},
    )
    def get(self, request: Request) -> Response:
        """The newest alarms, at most 200: what is wrong, who was told, who takes care of it."""
        state = request.query_params.get("state", "open")
        if state not in _STATES:
            raise ParseError(f"state: expected one of {', '.join(_STATES)}.")
        found = AlertList(alerts=[_item(one) for one in alerts.listed(state)])
        return Response(found.model_dump(mode="json"))


class AcknowledgeView(APIView):
    permission_classes = (MayOperate,)

    @extend_schema(
        operation_id="alerts_acknowledge",
        tags=["Operation"],
        request=None,
        responses=openapi.answers(200, "Problem", 404, 409) | {200: AlertItem},
    )
    def post(self, request: Request, alert_id: int) -> Response:
        """Say that somebody takes care of an alarm. It stays open; nobody else is called. The first
        who says so is kept."""
        caller = request.user
        assert isinstance(caller, Caller)  # the permission class has checked it
        if alert_id > _LARGEST_ID:
            raise Http404
        with transaction.atomic():
            try:
                found = alerts.acknowledge(alert_id, f"key:{caller.key_id}")
            except AlreadyResolved:
                raise errors.Conflict("The alarm is resolved.") from None
            if found is None:
                raise Http404
            audit.record(caller, "alert.acknowledged", client_id=caller.client_id, subject=alert_id)
        return Response(_item(found).model_dump(mode="json"))


def _item(record: AlertRecord) -> AlertItem:
    shown: dict[str, Any] = asdict(record) | {"runbook": record.runbook}
    return AlertItem.model_validate(shown)
