"""The express lane: the two calls of which there are most, by a shorter way to the same functions.

A POST of one request and a GET of one by its id need nothing of what surrounds a view (sessions,
pages, templates, negotiation), which takes longer than the calls themselves. This lane knows only
their plain form, from a key that was right in this process before. Everything else it leaves to
Django by answering None, before anything is stored or counted; so refusals of keys, hosts and
media types exist once. A test sends the same requests both ways and compares what comes back.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.urls import resolve
from django.utils.module_loading import import_string
from rest_framework.exceptions import Throttled
from rest_framework.renderers import JSONRenderer

from backend import access, errors, parsing
from backend.bridge import Headers, Response, Scope
from backend.clients.keys import Caller
from backend.clients.permissions import MaySubmit
from backend.clients.throttling import counted, guard
from backend.triage import parameters, queries, views
from backend.triage.schemas import TriageResource
from backend.triage.values import Submission

_COLLECTION: Final = "/api/v1/triage/"
_ONE: Final = re.compile(r"/api/v1/triage/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/")
_BEARER: Final = re.compile(rb"Bearer ([!-~]+)")
_ACCEPTED: Final = frozenset({b"*/*", b"application/json", b"application/json, */*"})
_JSON: Final = frozenset({b"application/json", b"application/json; charset=utf-8"})
# Who says one of these wants more than the plain form.
_MORE: Final = frozenset(
    {
        *(b"prefer", b"if-none-match", b"cookie"),
        *(b"content-encoding", b"transfer-encoding", b"expect"),
    }
)


class _Plain(NamedTuple):
    """A call in its plain form: `row` is the id of a GET and None of a POST."""

    row: UUID | None
    headers: dict[bytes, bytes]
    key: bytes
    body: bytes

    @property
    def method(self) -> str:
        return "POST" if self.row is None else "GET"

    def header(self, name: bytes) -> str | None:
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


class Express:
    """The lane of one process. Its answers carry the headers that Django's would carry."""

    def __init__(self) -> None:
        self._always = _always()
        one = f"{_COLLECTION}{UUID(int=0)}/"
        self._routes = {"POST": resolve(_COLLECTION).route, "GET": resolve(one).route}
        self._allowed = {"POST": b"GET, POST, HEAD, OPTIONS", "GET": b"GET, HEAD, OPTIONS"}

    def answer(self, scope: Scope, body: bytes) -> Response | None:
        """The whole answer, or None: then Django must be asked, and knows nothing of it yet."""
        plain = _plain(scope, body)
        if plain is None:
            return None
        close_old_connections()
        try:
            with access.Call(plain.header(b"x-request-id") or "") as call:
                return self._answer(plain, call)
        finally:
            close_old_connections()

    def _answer(self, plain: _Plain, call: access.Call) -> Response | None:
        ids: dict[str, int | str] = {} if plain.row is None else {"request_id": str(plain.row)}
        try:
            caller = guard.lately(plain.key)
            if caller is None or not MaySubmit.held_by(caller):
                return None
            ids["client_id"] = caller.client_id
            if wait := counted(caller):
                raise Throttled(wait)
            status, headers, content = (
                _submitted(caller, plain) if plain.row is None else _read(caller, plain.row)
            )
        except Exception as error:  # as DRF does for a view; what may be stored is not sent again
            status, headers, content = _refused(error)
        call.ended(plain.method, self._routes[plain.method], status, **ids)
        own = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        own += [
            (b"allow", self._allowed[plain.method]),
            (b"content-length", b"%d" % len(content)),
            (access.HEADER.lower().encode(), call.id.encode()),
        ]
        named = {name for name, _ in own}
        return Response(status, own + [one for one in self._always if one[0] not in named], content)


_Given = tuple[int, dict[str, str], bytes]


def _submitted(caller: Caller, plain: _Plain) -> _Given:
    case = views.stored_case(parsing.decode(plain.body))
    key = parameters.idempotency_key(plain.header(b"idempotency-key"))
    accepted = views.submit(caller, [Submission(case, key)])[0]
    resource = queries.just_accepted(caller.client_id, [accepted])[accepted.id]
    return _shown(resource, 202, {"Location": f"{_COLLECTION}{accepted.id}/"})


def _read(caller: Caller, row: UUID) -> _Given:
    return _shown(views.shown(caller, row), 200, {})


def _shown(resource: TriageResource, status: int, more: dict[str, str]) -> _Given:
    headers = {"Content-Type": "application/json", **views.headers_of(resource), **more}
    return status, headers, resource.model_dump_json().encode()


def _refused(error: Exception) -> _Given:
    response = errors.problem_handler(error, {})
    headers = {**dict(response.headers.items()), "Content-Type": errors.CONTENT_TYPE}
    return response.status_code, headers, JSONRenderer().render(response.data)


def _plain(scope: Scope, body: bytes) -> _Plain | None:
    """The call, if all that it says is known here."""
    found, row = None, None
    if scope["method"] == "GET" and not body:
        found = _ONE.fullmatch(scope["path"])
        row = UUID(found.group(1)) if found else None
    elif scope["method"] == "POST" and 0 < len(body) <= settings.MAX_BODY_BYTES:
        found = scope["path"] == _COLLECTION
    if not found or scope["query_string"]:
        return None
    headers = dict(scope["headers"])
    if len(headers) != len(scope["headers"]) or not _MORE.isdisjoint(headers):
        return None
    key = _BEARER.fullmatch(headers.get(b"authorization", b""))
    if (
        key is None
        or not _is_ours(headers.get(b"host", b""))
        or headers.get(b"accept", b"*/*") not in _ACCEPTED
        or (settings.SECURE_SSL_REDIRECT and headers.get(b"x-forwarded-proto") != b"https")
        or (row is None and headers.get(b"content-type", b"").lower() not in _JSON)
    ):
        return None
    return _Plain(row, headers, key.group(1), body)


@lru_cache(maxsize=64)
def _is_ours(host: bytes) -> bool:
    domain, _ = split_domain_port(host.decode("latin-1"))
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def _always() -> Headers:
    """What the middleware puts on any answer, taken from an empty one."""

    def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    for name in reversed(settings.HEADER_MIDDLEWARE):
        answer = import_string(name)(answer)
    request = HttpRequest()
    request.META["HTTP_X_FORWARDED_PROTO"] = "https"
    carried = answer(request).headers
    del carried["Content-Type"]
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in carried.items()]
