"""Errors as RFC 9457 problem documents: stable type, plain title, no clinical text, no HTML."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.db import Error as DatabaseFailure
from django.http import Http404, HttpRequest, JsonResponse
from pydantic import ValidationError
from rest_framework import exceptions, status
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from backend.logs import failure
from ml.errors import FieldError, InvalidCase

log = structlog.get_logger()

TYPE_BASE = "urn:clinical-triage:problem:"
CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_DATABASE_SECONDS = 2
_FIELD_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class PayloadTooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body is larger than {limit} bytes.")


class Conflict(exceptions.APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class KeyReused(exceptions.APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "idempotency_key_reused"
    default_detail = "This Idempotency-Key was used with another body."


def problem(
    status_code: int, code: str, detail: str, errors: tuple[FieldError, ...] = ()
) -> dict[str, Any]:
    """The document itself."""
    document: dict[str, Any] = {
        "type": TYPE_BASE + code,
        "title": _TITLES.get(status_code, "Error"),
        "status": status_code,
        "detail": detail,
    }
    if errors:
        document["errors"] = [error.to_json() for error in errors]
    return document


def refused(error: ValidationError, expected: Mapping[str, str]) -> InvalidCase:
    """What pydantic refused, as our own: `expected` says for each known field what it takes. An
    unknown field is named only where it looks like a name, and told the nearest known one."""
    found: dict[str, FieldError] = {}
    for detail in error.errors(include_url=False, include_input=False, include_context=False):
        name = str(detail["loc"][0]) if detail["loc"] else ""
        if name in expected:
            # A union says what each of its sides wanted; the field is named once.
            found.setdefault(name, FieldError(name, detail["type"], expected[name]))
            continue
        field = name if _FIELD_NAME.fullmatch(name) else "unknown field"
        near = get_close_matches(name, expected, n=1)
        text = f"no such field; did you mean '{near[0]}'?" if near else "no such field"
        found.setdefault(field, FieldError(field, "unknown", text))
    return InvalidCase(tuple(found.values()))


def unavailable() -> dict[str, Any]:
    """PostgreSQL does not answer, so nobody knows."""
    return problem(503, "unavailable", "The database cannot be reached; try again.")


def problem_handler(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler: every failure of a view becomes a problem document."""
    headers: dict[str, str] = {}
    if isinstance(error, InvalidCase):
        document = problem(400, "invalid", "The request was refused.", error.errors)
    elif isinstance(error, Http404):
        document = problem(404, "not_found", "There is no such resource.")
    elif isinstance(error, PermissionDenied):
        document = problem(403, "permission_denied", "You may not do this.")
    elif isinstance(error, exceptions.APIException):
        document = problem(error.status_code, str(_code(error)), _detail(error))
        if header := getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = header
        if (wait := getattr(error, "wait", None)) is not None:
            headers["Retry-After"] = str(int(wait))
    elif isinstance(error, DatabaseFailure):
        # Nothing was accepted and nothing is known: say so at once, never guess.
        log.error("http.database_unavailable", **failure(error))
        document = unavailable()
        headers["Retry-After"] = str(RETRY_AFTER_DATABASE_SECONDS)
    else:
        log.error("http.failed", **failure(error))
        document = problem(500, "internal", "The request failed and was not accepted.")
    if request := context.get("request"):
        # Whatever the view would have shown: a problem is JSON, also on the page of documents.
        request.accepted_renderer, request.accepted_media_type = JSONRenderer(), CONTENT_TYPE
    return Response(document, document["status"], headers=headers, content_type=CONTENT_TYPE)


def _code(error: exceptions.APIException) -> str:
    codes = error.get_codes()
    return codes if isinstance(codes, str) else "invalid"


def _detail(error: exceptions.APIException) -> str:
    # DRF's own text for a wrong media type repeats the header; ours names what is taken.
    if isinstance(error, exceptions.UnsupportedMediaType):
        return "Send application/json in UTF-8, without Content-Encoding."
    return str(error.detail)


def page(status_code: int, code: str, detail: str) -> JsonResponse:
    """A problem document outside of a DRF view."""
    document = problem(status_code, code, detail)
    return JsonResponse(document, status=status_code, content_type=CONTENT_TYPE)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    return page(400, "invalid", "The request was refused.")


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    return page(403, "permission_denied", "You may not do this.")


def not_found(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    return page(404, "not_found", "There is no such resource.")


def server_error(request: HttpRequest) -> JsonResponse:
    return page(500, "internal", "The request failed.")


_TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Not permitted",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict",
    413: "Body too large",
    415: "Unsupported media type",
    422: "Unprocessable",
    429: "Too many requests",
    500: "Internal error",
    503: "Unavailable",
}
