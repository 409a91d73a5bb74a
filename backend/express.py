"""The express lane: the two calls of which there are most, by a shorter way to the same functions.

A POST of one request and a GET of one by its id need nothing of what surrounds a view (sessions,
pages, templates, negotiation), which takes longer than the calls themselves. This lane knows only
their plain form, with a wait or without, from a key that was right in this process before.
Everything else it leaves to Django by answering None, before anything is stored or counted; so
refusals of keys, hosts and media types exist once. A test sends the same requests both ways and
compares what comes back.

Calls that arrive together are served together (`backend.lane`): one statement stores or finds what
all of them ask for. Each is let in, refused and written down by itself.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
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
from backend.lane import Lane, in_turn, together
from backend.triage import lifecycle, parameters, queries, views
from backend.triage.admission import admission
from backend.triage.quotas import quotas
from backend.triage.schemas import TriageResource
from backend.triage.values import Accepted, KeyReused, Offer, Submission
from backend.triage.waiting import Slot

_COLLECTION: Final = "/api/v1/triage/"
_ONE: Final = re.compile(r"/api/v1/triage/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/")
_BEARER: Final = re.compile(rb"Bearer ([!-~]+)")
_ACCEPTED: Final = frozenset({b"*/*", b"application/json", b"application/json, */*"})
_JSON: Final = frozenset({b"application/json", b"application/json; charset=utf-8"})
# Who says one of these wants more than the plain form.
_MORE: Final = frozenset({b"cookie", b"content-encoding", b"transfer-encoding", b"expect"})
_WAIT: Final = re.compile(rb"wait=(\d+)")


class _Plain(NamedTuple):
    """A call in its plain form: `row` is the id of a GET and None of a POST; `wait` the seconds
    that a GET may take."""

    row: UUID | None
    headers: dict[bytes, bytes]
    key: bytes
    body: bytes
    wait: int

    @property
    def method(self) -> str:
        return "POST" if self.row is None else "GET"

    def header(self, name: bytes) -> str | None:
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


class _Arrived:
    """A plain call from when it came until it is answered. `caller` is known once it is let in; in
    `slot` its wish is left, if it waits for more."""

    def __init__(self, plain: _Plain, slot: Slot) -> None:
        self.plain = plain
        self.slot = slot
        self.call = access.Call(plain.header(b"x-request-id") or "")
        self.caller: Caller | None = None

    def ids(self) -> dict[str, int | str]:
        """What the call's line names: certainly ids of ours."""
        ids: dict[str, int | str] = {}
        if self.plain.row is not None:
            ids["request_id"] = str(self.plain.row)
        if self.caller is not None:
            ids["client_id"] = self.caller.client_id
        return ids

    def let_in(self) -> Caller | None:
        """Whose call this is; None where Django must say what is wrong. Raises `Throttled`."""
        caller = guard.lately(self.plain.key)
        if caller is None or not MaySubmit.held_by(caller):
            return None
        self.caller = caller
        if wait := counted(caller):
            raise Throttled(wait)
        return caller


class Express:
    """The lanes of one process. Their answers carry the headers that Django's would carry."""

    def __init__(self) -> None:
        self._always = _always()
        one = f"{_COLLECTION}{UUID(int=0)}/"
        self._routes = {"POST": resolve(_COLLECTION).route, "GET": resolve(one).route}
        self._allowed = {"POST": b"GET, POST, HEAD, OPTIONS", "GET": b"GET, HEAD, OPTIONS"}
        self._lanes: dict[str, Lane[_Arrived, Response | None]] = {
            "POST": Lane("submit", self._submit),
            "GET": Lane("read", self._read),
        }

    async def answer(self, scope: Scope, body: bytes, slot: Slot) -> Response | None:
        """The whole answer, or the first to who waits for more (then `slot` holds a wish). None:
        then Django must be asked, and knows nothing of it yet."""
        plain = _plain(scope, body)
        return plain and await self._lanes[plain.method].through(_Arrived(plain, slot))

    def close(self) -> None:
        """End the lanes' threads, when what has arrived is served."""
        for lane in self._lanes.values():
            lane.close()

    def _submit(self, group: Sequence[_Arrived]) -> Sequence[Response | Exception | None]:
        """POSTs are let in one by one and stored together."""
        with _database():
            with ExitStack() as held:
                offers = in_turn(lambda one: _offer(one, held), group)
                outcomes = together(_store, offers)
            return in_turn(self._response, zip(group, outcomes, strict=True))

    def _read(self, group: Sequence[_Arrived]) -> Sequence[Response | Exception | None]:
        """GETs are let in one by one and read together."""
        with _database():
            outcomes = together(_find, in_turn(_wish, group))
            return in_turn(self._response, zip(group, outcomes, strict=True))

    def _response(
        self, answered: tuple[_Arrived, TriageResource | Exception | None]
    ) -> Response | None:
        one, outcome = answered
        if outcome is None:
            return None
        method = one.plain.method
        with one.call as call:
            if isinstance(outcome, Exception):
                status, headers, content = _refused(outcome)
            else:
                status, headers, content = _shown(one, outcome)
            call.ended(method, self._routes[method], status, **one.ids())
        own = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        own += [
            (b"allow", self._allowed[method]),
            (b"content-length", b"%d" % len(content)),
            (access.HEADER.lower().encode(), call.id.encode()),
        ]
        named = {name for name, _ in own}
        return Response(status, own + [one for one in self._always if one[0] not in named], content)


def _offer(one: _Arrived, held: ExitStack) -> Offer | None:
    """What a POST wants stored; its quota is held as long as `held`."""
    caller = one.let_in()
    if caller is None:
        return None
    case = views.stored_case(parsing.decode(one.plain.body))
    key = parameters.idempotency_key(one.plain.header(b"idempotency-key"))
    submission = Submission(case, key)
    held.enter_context(quotas.held(caller, [submission]))
    return Offer(caller.client_id, submission, admission.check(), one.call.id)


def _store(offers: Sequence[Offer]) -> list[TriageResource | Exception]:
    return in_turn(_resource, zip(offers, lifecycle.submit_each(offers), strict=True))


def _resource(stored: tuple[Offer, Accepted | Exception]) -> TriageResource:
    offer, accepted = stored
    if isinstance(accepted, KeyReused):
        raise errors.KeyReused from accepted
    if isinstance(accepted, Exception):
        raise accepted
    return queries.just_accepted(offer.client_id, [accepted])[accepted.id]


def _wish(one: _Arrived) -> tuple[Caller, UUID] | None:
    """What a GET wants to see."""
    caller, row = one.let_in(), one.plain.row
    return None if caller is None or row is None else (caller, row)


def _find(wanted: Sequence[tuple[Caller, UUID]]) -> list[TriageResource | Exception]:
    found = queries.get_each([(caller.client_id, row) for caller, row in wanted])

    def one(asked: tuple[Caller, UUID]) -> TriageResource:
        caller, row = asked
        return found.get((caller.client_id, row)) or views.shown(caller, row)

    return in_turn(one, wanted)


@contextmanager
def _database() -> Iterator[None]:
    """The thread's connection, as Django keeps it from request to request: there is one database,
    and to look for others takes longer than to look at it."""
    ours = connections[DEFAULT_DB_ALIAS]
    ours.close_if_unusable_or_obsolete()
    try:
        yield
    finally:
        ours.close_if_unusable_or_obsolete()


_Given = tuple[int, dict[str, str], bytes]


def _shown(one: _Arrived, resource: TriageResource) -> _Given:
    plain, caller = one.plain, one.caller
    assert caller is not None  # nobody is shown anything before
    if plain.row is None:
        preferred = parameters.preferences(plain.header(b"prefer") or "")
        found = views.submitted(caller, resource, preferred)
    else:
        known = plain.header(b"if-none-match") or ""
        found = views.read(caller, resource, plain.wait, known)
    one.slot.wish = found.wish
    if found.status == 304:
        return 304, found.headers, b""
    headers = {"Content-Type": "application/json", **found.headers}
    return found.status, headers, resource.model_dump_json().encode()


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
    wait = _wait(scope["query_string"]) if row else 0
    if not found or wait is None or (row is None and scope["query_string"]):
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
    return _Plain(row, headers, key.group(1), body, wait)


def _wait(query: bytes) -> int | None:
    """The seconds that a query asks to wait; None where it asks for anything else."""
    found = _WAIT.fullmatch(query or b"wait=0")
    return parameters.seconds(found.group(1).decode()) if found else None


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
