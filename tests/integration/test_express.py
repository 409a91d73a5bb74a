"""The express lane answers as Django answers, or leaves the call to Django untouched."""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError, connection
from prometheus_client import REGISTRY
from structlog.testing import CapturingLogger

from backend import access, asgi, bridge
from backend.bridge import Response, Scope
from backend.clients import keys, throttling
from backend.clients.models import Scope as KeyScope
from backend.triage import lifecycle
from backend.triage.admission import admission
from backend.triage.waiting import SLOT, Slot, Wish
from tests.integration.conftest import CARDIAC_ARREST, SORE_THROAT, Api

Sql = Callable[..., list[Any]]
TRIAGE = "/api/v1/triage/"
BODY = json.dumps(SORE_THROAT).encode()


def express(scope: Scope, body: bytes, slot: Slot | None = None) -> Response | None:
    return asyncio.run(asgi.application._express.answer(scope, body, slot or Slot()))


def call(key: str, method: str, path: str, body: bytes = b"", **more: str) -> tuple[Scope, bytes]:
    """`more` are headers; an empty one leaves that header out."""
    headers = {"host": "localhost", "authorization": f"Bearer {key}", "user-agent": "tests/1"}
    if body:
        headers |= {"content-type": "application/json", "content-length": str(len(body))}
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    scope: Scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(k.encode(), v.encode("latin-1")) for k, v in headers.items() if v],
        "client": ("192.0.2.1", 5000),
        "server": ("localhost", 80),
        "scheme": "http",
    }
    return scope, body


def through_django(scope: Scope, body: bytes, slot: Slot | None = None) -> Response:
    environ = bridge.environ_of(scope, body) | {SLOT: slot or Slot()}
    return bridge.run(asgi.application._wsgi, environ)


def both(scope: Scope, body: bytes) -> tuple[Response, Response]:
    """The same call by the express lane, which must take it, and through Django; both wish to be
    told the same, or nothing."""
    through_django(*call(_key(scope), "GET", f"{TRIAGE}{uuid4()}/"))  # now the key is known
    mine, other = Slot(), Slot()
    ours = express(scope, body, mine)
    assert ours is not None
    theirs = through_django(scope, body, other)
    assert wished(mine) == wished(other)
    return ours, theirs


def wished(slot: Slot) -> Wish | None:
    """A POST makes another row each way."""
    one = slot.wish
    return one and replace(one, request_id=UUID(int=0))


def _key(scope: Scope) -> str:
    return str(dict(scope["headers"])[b"authorization"].split()[-1].decode())


_ANY_ID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")
_ANY_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


def seen(response: Response) -> tuple[int, dict[str, str], Any]:
    """Status, headers and content without what must differ between two calls."""
    headers = {k.decode(): _ANY_ID.sub("ID", v.decode()) for k, v in response.headers}
    text = _ANY_TIME.sub("TIME", _ANY_ID.sub("ID", response.body.decode()))
    content = json.loads(text) if response.status != 304 else text
    headers.pop("content-length")
    # Its parts stand in no order.
    headers["content-security-policy"] = str(sorted(headers["content-security-policy"].split("; ")))
    assert len(response.headers) == len(dict(response.headers)), "a header came twice"
    assert dict(response.headers)[b"content-length"] == str(len(response.body)).encode()
    return response.status, headers, content


PLAIN: dict[str, tuple[int, dict[str, Any]]] = {
    "a request": (202, {}),
    "red flag": (202, {"body": json.dumps(CARDIAC_ARREST).encode()}),
    "letters of the world": (
        202,
        {"body": json.dumps(SORE_THROAT | {"patient_id": "\u2028é"}, ensure_ascii=False).encode()},
    ),
    "charset": (202, {"content_type": "application/json; charset=UTF-8"}),
    "accepts anything": (202, {"accept": "*/*"}),
    "own request id": (202, {"x_request_id": "trace-1234-abcd"}),
    "insane request id": (202, {"x_request_id": "a b"}),
    "no object": (400, {"body": b"[1]"}),
    "no json": (400, {"body": b"{"}),
    "no utf-8": (400, {"body": b'{"a": "\xff"}'}),
    "too deep": (400, {"body": b"[" * 17 + b"]" * 17}),
    "the same key twice": (400, {"body": b'{"patient_id": "1", "patient_id": "2"}'}),
    "unknown field": (400, {"body": json.dumps(SORE_THROAT | {"agee": 3}).encode()}),
    "no patient": (400, {"body": json.dumps(SORE_THROAT | {"patient_id": None}).encode()}),
    "key of the wrong form": (400, {"idempotency_key": "a b"}),
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_post_is_answered_the_same_both_ways(name: str, owner_key: str, sql: Sql) -> None:
    status, options = PLAIN[name]
    options = dict(options)
    ours, theirs = both(*call(owner_key, "POST", TRIAGE, options.pop("body", BODY), **options))
    assert ours.status == status
    assert seen(ours) == seen(theirs)
    (stored,) = sql("SELECT count(*) FROM triage_triagerequest")[0]
    assert stored == (2 if status == 202 else 0), "once for each way"


def test_an_idempotency_key_is_the_same_both_ways(owner_key: str, sql: Sql) -> None:
    scope, body = call(owner_key, "POST", TRIAGE, BODY, idempotency_key="k-1")
    ours, theirs = both(scope, body)
    assert json.loads(ours.body)["id"] == json.loads(theirs.body)["id"]
    assert sql("SELECT count(*) FROM triage_triagerequest") == [(1,)]
    other = json.dumps(CARDIAC_ARREST).encode()
    ours, theirs = both(*call(owner_key, "POST", TRIAGE, other, idempotency_key="k-1"))
    assert ours.status == 422
    assert seen(ours) == seen(theirs)


def test_a_get_is_answered_the_same_both_ways(owner: Api, owner_key: str, stranger: Api) -> None:
    mine = owner.post(TRIAGE, SORE_THROAT).json()["id"]
    answered = owner.post(TRIAGE, CARDIAC_ARREST).json()["id"]
    foreign = stranger.post(TRIAGE, SORE_THROAT).json()["id"]
    for row, status in ((mine, 200), (answered, 200), (foreign, 404), (str(uuid4()), 404)):
        ours, theirs = both(*call(owner_key, "GET", f"{TRIAGE}{row}/"))
        assert ours.status == status
        assert seen(ours) == seen(theirs)


WAITS = ["wait=5", "wait=2, respond-async", "respond-async", "wait=soon", "wait=0", "wait=99999"]


@pytest.mark.parametrize("body", [SORE_THROAT, CARDIAC_ARREST], ids=["open", "answered"])
@pytest.mark.parametrize("prefer", WAITS)
def test_who_prefers_to_wait_is_answered_the_same_both_ways(
    prefer: str, body: dict[str, Any], owner_key: str
) -> None:
    ours, theirs = both(*call(owner_key, "POST", TRIAGE, json.dumps(body).encode(), prefer=prefer))
    assert ours.status == (200 if body is CARDIAC_ARREST and "wait=" in prefer else 202) or (
        prefer in ("wait=soon", "wait=0")
    )
    assert seen(ours) == seen(theirs)


@pytest.mark.parametrize("wait", ["", "wait=0", "wait=3", "wait=10"])
def test_a_read_that_waits_or_knows_a_tag_is_answered_the_same_both_ways(
    wait: str, owner: Api, owner_key: str
) -> None:
    for body in (SORE_THROAT, CARDIAC_ARREST):
        made = owner.post(TRIAGE, body)
        for tag in ("", made.headers["ETag"], f'"other", {made.headers["ETag"]}', '"other"'):
            scope, nothing = call(owner_key, "GET", made.headers["Location"], if_none_match=tag)
            scope["query_string"] = wait.encode()
            ours, theirs = both(scope, nothing)
            assert ours.status == (304 if made.headers["ETag"] in tag else 200)
            assert seen(ours) == seen(theirs)


def test_an_overdue_request_is_answered_by_an_express_read(
    owner: Api, owner_key: str, sql: Sql
) -> None:
    row = owner.post(TRIAGE, SORE_THROAT).json()["id"]
    sql("UPDATE triage_triagerequest SET deadline_at = now()")
    ours, theirs = both(*call(owner_key, "GET", f"{TRIAGE}{row}/"))
    assert json.loads(ours.body)["done"]
    assert seen(ours) == seen(theirs)


def test_limits_hold_in_the_express_lane(
    owner_key: str, owner_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    through_django(*call(owner_key, "GET", f"{TRIAGE}{uuid4()}/"))
    monkeypatch.setattr(throttling.limiter, "take", lambda *_, **__: 7.0)
    ours, theirs = both(*call(owner_key, "POST", TRIAGE, BODY))
    assert ours.status == 429
    assert seen(ours) == seen(theirs)


def test_an_overloaded_service_refuses_in_the_express_lane(
    owner_key: str, settings: Any, sql: Sql
) -> None:
    settings.OPEN_HARD_LIMIT = 0
    admission._counted_at = float("-inf")
    ours, theirs = both(*call(owner_key, "POST", TRIAGE, BODY))
    admission._counted_at = float("-inf")
    assert ours.status == 503
    assert seen(ours) == seen(theirs)
    assert sql("SELECT count(*) FROM triage_triagerequest") == [(0,)]


@pytest.mark.parametrize("fault", [OperationalError("gone"), RuntimeError("a fault of ours")])
def test_what_failed_is_not_sent_again_by_django(
    owner_key: str, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been stored: a second try would store it twice."""
    tries = []

    def fail(*_: Any, **__: Any) -> Any:
        tries.append(1)
        raise fault

    monkeypatch.setattr(lifecycle, "_commit", fail)
    ours, theirs = both(*call(owner_key, "POST", TRIAGE, BODY))
    assert len(tries) == 2, "once for each way"
    assert ours.status in (500, 503)
    assert seen(ours) == seen(theirs)


_SOME = f"{TRIAGE}{UUID(int=7)}/"
OTHER: dict[str, dict[str, Any]] = {
    "brings cookies": {"cookie": "sessionid=x; csrftoken=y"},
    "compressed": {"content_encoding": "gzip"},
    "another host": {"host": "evil.example"},
    "host that is none": {"host": "local host"},
    "no host": {"host": ""},
    "wants html": {"accept": "text/html"},
    "wants it indented": {"accept": "application/json; indent=4"},
    "a form": {"content_type": "application/x-www-form-urlencoded"},
    "latin-1": {"content_type": "application/json; charset=latin-1"},
    "another scheme": {"authorization": "Basic eDp5"},
    "no key": {"authorization": ""},
    "two words": {"authorization": "Bearer a b"},
    "a wrong key": {"authorization": "Bearer tri_wrong"},
    "too long": {"body": b" " * 64 * 1024 + BODY},
    "empty": {"body": b""},
    "another method": {"method": "PUT"},
    "another path": {"path": f"{TRIAGE}batch/"},
    "a query": {"query_string": b"wait=1"},
    "waits too long": {"method": "GET", "path": _SOME, "body": b"", "query_string": b"wait=11"},
    "waits for nothing": {"method": "GET", "path": _SOME, "body": b"", "query_string": b"wait="},
    "waits twice": {"method": "GET", "path": _SOME, "body": b"", "query_string": b"wait=1&wait=2"},
    "asks for more": {"method": "GET", "path": _SOME, "body": b"", "query_string": b"wait=1&x=2"},
    "a header twice": {"again": True},
}


@pytest.mark.parametrize("name", OTHER)
def test_everything_else_is_left_to_django(name: str, owner_key: str, sql: Sql) -> None:
    options = dict(OTHER[name])
    query, again = options.pop("query_string", b""), options.pop("again", False)
    method, path = options.pop("method", "POST"), options.pop("path", TRIAGE)
    scope, body = call(owner_key, method, path, options.pop("body", BODY), **options)
    scope["query_string"] = query
    if again:
        scope["headers"].append((b"authorization", b"Bearer tri_other"))
    through_django(*call(owner_key, "GET", f"{TRIAGE}{uuid4()}/"))
    counted = _served()
    assert express(scope, body) is None
    assert sql("SELECT count(*) FROM triage_triagerequest") == [(0,)]
    assert _served() == counted, "Django will count it"


def test_a_key_that_was_never_right_here_is_left_to_django(owner_key: str) -> None:
    """So who guesses keys meets the guard, which counts by address."""
    throttling.guard._known.clear()
    assert express(*call(owner_key, "POST", TRIAGE, BODY)) is None


def test_a_key_without_the_scope_is_left_to_django(owner_id: int) -> None:
    key = keys.create_key(owner_id, "labels only", scopes=(KeyScope.LABEL,))
    refused = through_django(*call(key, "GET", f"{TRIAGE}{uuid4()}/"))
    assert refused.status == 403
    assert express(*call(key, "POST", TRIAGE, BODY)) is None


def test_a_revoked_key_is_believed_for_a_second_at_most(
    owner_key: str, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope, body = call(owner_key, "GET", f"{TRIAGE}{uuid4()}/")
    both(scope, body)
    sql("UPDATE clients_apikey SET revoked_at = now()")
    late = throttling.time.monotonic() + throttling.BELIEVED_SECONDS
    monkeypatch.setattr(throttling.time, "monotonic", lambda: late)
    assert express(scope, body) is None
    assert through_django(scope, body).status == 401


def test_plain_http_behind_tls_is_left_to_django(owner_key: str, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    scope, body = call(owner_key, "POST", TRIAGE, BODY)
    both(*call(owner_key, "POST", TRIAGE, BODY, x_forwarded_proto="https"))
    assert express(scope, body) is None


def test_a_call_is_counted_and_written_down_as_by_django(
    owner_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope, body = call(owner_key, "GET", f"{TRIAGE}{UUID(int=9)}/")
    log = CapturingLogger()
    monkeypatch.setattr(access, "log", log)
    before = _served()
    both(scope, body)
    _, ours, theirs = [dict(one.kwargs) for one in log.calls]
    assert ours.pop("milliseconds") >= 0
    assert theirs.pop("milliseconds") >= 0
    assert ours == theirs
    assert _served() == before + 3


def _served() -> float:
    return sum(
        sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == "triage_http_requests_total"
    )


@pytest.fixture(autouse=True)
def closed() -> Any:
    yield
    asgi.application._express.close()
    connection.close()
