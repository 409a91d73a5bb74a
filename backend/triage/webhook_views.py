"""HTTP for a client's webhook endpoints and their log of deliveries."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend import errors
from backend.clients.permissions import MayOperate
from backend.triage import openapi, webhook_schemas, webhooks
from backend.triage.parameters import caller_of, only, parse_id
from ml.errors import FieldError, InvalidCase

_MOST = 200
_LIMIT = OpenApiParameter("limit", int, description=f"The newest messages, 1–{_MOST}; default 50")


class WebhooksView(APIView):
    permission_classes = (MayOperate,)

    @extend_schema(
        operation_id="webhooks_list",
        tags=["Webhooks"],
        responses=openapi.answers(200, "Problem") | {200: webhook_schemas.WebhookList},
    )
    def get(self, request: Request) -> Response:
        """Your endpoints."""
        found = [_shown(one) for one in webhooks.listed(caller_of(request).client_id)]
        return Response({"webhooks": found})

    @extend_schema(
        operation_id="webhooks_create",
        tags=["Webhooks"],
        request=webhook_schemas.WebhookNew,
        responses=openapi.answers(201, "Problem", 409, 413, 415)
        | {201: webhook_schemas.WebhookWithSecret},
    )
    def post(self, request: Request) -> Response:
        """Be told by Standard Webhooks when a request of yours is answered, amended or cancelled.
        The secret is shown only now."""
        body = webhook_schemas.parse_new(request.data)
        try:
            made, secret = webhooks.create(caller_of(request).client_id, body.url, body.kinds)
        except webhooks.TooMany:
            most = webhooks.MOST_ENDPOINTS
            raise errors.Conflict(f"A client has at most {most} endpoints.") from None
        headers = {"Location": f"/api/v1/webhooks/{made.id}/"}
        return Response(_shown(made) | {"secret": secret}, status=201, headers=headers)


class WebhookView(APIView):
    permission_classes = (MayOperate,)

    @extend_schema(
        operation_id="webhooks_read",
        tags=["Webhooks"],
        responses=openapi.answers(200, "Problem", 404) | {200: webhook_schemas.Webhook},
    )
    def get(self, request: Request, webhook_id: str) -> Response:
        """One endpoint."""
        return Response(_shown(_found(request, webhook_id)))

    @extend_schema(
        operation_id="webhooks_change",
        tags=["Webhooks"],
        request=webhook_schemas.WebhookChange,
        responses=openapi.answers(200, "Problem", 404, 413, 415) | {200: webhook_schemas.Webhook},
    )
    def patch(self, request: Request, webhook_id: str) -> Response:
        """Change the URL or the kinds, switch it off or on again."""
        before = _found(request, webhook_id)
        given = webhook_schemas.parse_change(request.data)
        changed = webhooks.change(caller_of(request).client_id, before.id, given)
        if changed is None:
            raise Http404
        return Response(_shown(changed))

    @extend_schema(
        operation_id="webhooks_delete",
        tags=["Webhooks"],
        responses=openapi.answers(204, "Problem", 404) | {204: None},
    )
    def delete(self, request: Request, webhook_id: str) -> Response:
        """Remove an endpoint with its log."""
        if not webhooks.remove(caller_of(request).client_id, parse_id(webhook_id)):
            raise Http404
        return Response(status=204)


class WebhookSecretView(APIView):
    permission_classes = (MayOperate,)

    @extend_schema(
        operation_id="webhooks_rotate",
        tags=["Webhooks"],
        request=None,
        responses=openapi.answers(200, "Problem", 404) | {200: webhook_schemas.WebhookWithSecret},
    )
    def post(self, request: Request, webhook_id: str) -> Response:
        """A new secret, shown only now. For a day every message carries both signatures."""
        found = _found(request, webhook_id)
        secret = webhooks.rotate_secret(caller_of(request).client_id, found.id)
        return Response(_shown(found) | {"secret": secret})


class DeliveriesView(APIView):
    permission_classes = (MayOperate,)

    @extend_schema(
        operation_id="webhooks_deliveries",
        tags=["Webhooks"],
        parameters=[_LIMIT],
        responses=openapi.answers(200, "Problem", 404) | {200: webhook_schemas.DeliveryList},
    )
    def get(self, request: Request, webhook_id: str) -> Response:
        """The newest messages of an endpoint, with every attempt."""
        limit, found = _limit(request), _found(request, webhook_id)
        sent = webhooks.deliveries(caller_of(request).client_id, found.id, limit)
        shown = [webhook_schemas.DeliveryShown.model_validate(one) for one in sent]
        return Response({"deliveries": [one.model_dump(mode="json") for one in shown]})


class RedeliverView(APIView):
    permission_classes = (MayOperate,)

    @extend_schema(
        operation_id="webhooks_redeliver",
        tags=["Webhooks"],
        request=None,
        responses=openapi.answers(202, "Problem", 404) | {202: None},
    )
    def post(self, request: Request, webhook_id: str, delivery_id: str) -> Response:
        """Send a message once more, under the same `webhook-id`."""
        endpoint, message = parse_id(webhook_id), parse_id(delivery_id)
        if not webhooks.redeliver(caller_of(request).client_id, endpoint, message):
            raise Http404
        return Response(status=202)


def _found(request: Request, webhook_id: str) -> webhooks.Endpoint:
    found = webhooks.find(caller_of(request).client_id, parse_id(webhook_id))
    if found is None:
        raise Http404
    return found


def _shown(endpoint: webhooks.Endpoint) -> dict[str, Any]:
    return webhook_schemas.Webhook.model_validate(endpoint).model_dump(mode="json")


def _limit(request: Request) -> int:
    text = only(request, ["limit"]).get("limit", "50")
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= _MOST):
        raise InvalidCase((FieldError("limit", "value", f"expected 1 to {_MOST}"),))
    return int(text)
