"""Trials over HTTP: every key may read, an operator's key may change. No patient is shown."""

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend import errors
from backend.clients.keys import Caller
from backend.clients.permissions import MayAny, MayOperate
from backend.monitoring import experiment_schemas as schemas
from backend.monitoring import experiments
from backend.monitoring.experiments import By, Record, Refused
from backend.triage import openapi


class _TrialView(APIView):
    def get_permissions(self) -> list[BasePermission]:
        return [MayAny() if self.request.method in ("GET", "HEAD") else MayOperate()]


class ExperimentsView(_TrialView):
    @extend_schema(
        operation_id="experiments_list",
        tags=["Trials"],
        responses=openapi.answers(200, "Problem") | {200: schemas.TrialList},
    )
    def get(self, request: Request) -> Response:
        """Every trial, the newest first, with what the newest look saw."""
        found = schemas.TrialList(experiments=[schemas.shown(r) for r in experiments.listed()])
        return Response(found.model_dump(mode="json"))

    @extend_schema(
        operation_id="experiments_start",
        tags=["Trials"],
        request=schemas.TrialStart,
        responses=openapi.answers(201, "Problem", 409, 413, 415) | {201: schemas.Trial},
    )
    def post(self, request: Request) -> Response:
        """Begin a trial of the serving model against the rules, with the plan's first share, and
        fix the plan. 409 if a trial is running, the name was used or nothing serves."""
        body = schemas.parse_start(request.data)
        try:
            record = experiments.start(body.name, body.hypothesis, body.plan, _by(request))
        except Refused as refusal:
            raise errors.Conflict(str(refusal)) from None
        return _respond(record, status=201)


class ExperimentView(_TrialView):
    @extend_schema(
        operation_id="experiments_read",
        tags=["Trials"],
        responses=openapi.answers(200, "Problem", 404) | {200: schemas.Trial},
    )
    def get(self, request: Request, name: str) -> Response:
        """One trial: its plan, its phases, what the newest look saw."""
        record = experiments.find(name)
        if record is None:
            raise Http404
        return _respond(record)


class RampView(_TrialView):
    @extend_schema(
        operation_id="experiments_ramp",
        tags=["Trials"],
        request=schemas.TrialRamp,
        responses=openapi.answers(200, "Problem", 404, 409, 413, 415) | {200: schemas.Trial},
    )
    def post(self, request: Request, name: str) -> Response:
        """Open the next phase. 409 says what stands against it: a test that sounded, too few
        labelled patients, a phase too short, no look within the last hour."""
        body = schemas.parse_ramp(request.data)
        _existing(name)
        try:
            return _respond(experiments.ramp(name, _by(request, body.reason)))
        except Refused as refusal:
            raise errors.Conflict(str(refusal)) from None


class StopView(_TrialView):
    @extend_schema(
        operation_id="experiments_stop",
        tags=["Trials"],
        request=schemas.TrialStop,
        responses=openapi.answers(200, "Problem", 404, 409, 413, 415) | {200: schemas.Trial},
    )
    def post(self, request: Request, name: str) -> Response:
        """End the trial; `outcome` answers every patient from now on, until another one begins."""
        body = schemas.parse_stop(request.data)
        _existing(name)
        try:
            return _respond(experiments.stop(name, body.outcome, _by(request, body.reason)))
        except Refused as refusal:
            raise errors.Conflict(str(refusal)) from None


def _existing(name: str) -> None:
    if experiments.find(name) is None:
        raise Http404


def _by(request: Request, reason: str = "") -> By:
    caller = request.user
    assert isinstance(caller, Caller)  # the permission classes have checked it
    return By(caller, f"key:{caller.key_id}", reason, caller.client_id)


def _respond(record: Record, status: int = 200) -> Response:
    return Response(schemas.shown(record).model_dump(mode="json"), status=status)
