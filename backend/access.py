"""One line and one count for each HTTP call, and the id under which both sides speak of it.

Neither holds what the caller wrote: the route is the pattern that matched, the path and the query
are left out, and an X-Request-ID that is not plain is replaced.
"""

import contextlib
import random
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase

from backend import counters
from backend.clients.keys import Caller

log = structlog.get_logger()

HEADER: Final = "X-Request-ID"
# UUIDs, ULIDs, trace ids; nothing that could be a sentence.
_SANE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{7,63}")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Asked for every few seconds by machines: counted, not written down.
_UNLOGGED: Final = frozenset({"livez", "readyz", "metrics"})


class AccessMiddleware:
    """Outermost, so that it sees every answer, also of the middleware below it."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._is_async:
            return self._asynchronously(request)
        with Call(request.headers.get(HEADER, "")) as call:
            return _ended(call, request, self._get_response(request))

    async def _asynchronously(self, request: HttpRequest) -> HttpResponseBase:
        with Call(request.headers.get(HEADER, "")) as call:
            return _ended(call, request, await self._get_response(request))


class Call:
    """One HTTP call, from its first byte to its response's. `id` goes into the response."""

    def __init__(self, given: str) -> None:
        """`given` is the caller's X-Request-ID, or empty."""
        self.id = given if _SANE.fullmatch(given) else _new_id()
        self._began = time.perf_counter()

    def __enter__(self) -> "Call":
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(correlation_id=self.id)
        return self

    def __exit__(self, *_: object) -> None:
        structlog.contextvars.clear_contextvars()

    def ended(self, method: str, route: str, status: int, **ids: Any) -> None:
        """Count it and write its line. `route` is a pattern; `ids` are certainly ids of ours."""
        seconds = time.perf_counter() - self._began
        method = method if method in _METHODS else "other"
        counters.served(method, route, status, seconds)
        if route not in _UNLOGGED:
            log.info(
                "http.answered",
                method=method,
                route=route,
                status=status,
                milliseconds=round(seconds * 1_000, 1),
                **ids,
            )


def _new_id() -> str:
    """It only has to differ from others: nothing is kept secret by it."""
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


def _ended(call: Call, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    found = request.resolver_match
    route = "none" if found is None else found.route or "/"
    response[HEADER] = call.id
    call.ended(str(request.method), route, response.status_code, **_ids(request))
    return response


def _ids(request: HttpRequest) -> dict[str, Any]:
    """Whose call, about which request; only what is certainly an id of ours."""
    ids: dict[str, Any] = {}
    # Read past the property: Django's own would look the session up.
    user = request.__dict__.get("user")
    if type(user) is Caller:
        ids["client_id"] = user.client_id
    found = request.resolver_match
    named = str(found.kwargs.get("request_id", "")) if found else ""
    with contextlib.suppress(ValueError):  # what was asked for is no id
        ids["request_id"] = str(uuid.UUID(named))
    return ids
