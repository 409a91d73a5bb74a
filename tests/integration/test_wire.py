"""What a caller may say on a connection, byte by byte, against the real server.

Whatever two readers could read differently is read by none, for a proxy before us might be the
other one: then the rest of one caller's request would be the beginning of another's.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.integration.callers import Server, request, serving
from tests.integration.echo import SECRET

REQUEST_SECONDS = 2
KEEP_ALIVE_SECONDS = 5
MARK = "zebramark"
SMUGGLED = request("/smuggled")
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def server(
    test_database: None, models_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("wire")
    for start in serving(directory, models_dir, REQUEST_SECONDS=str(REQUEST_SECONDS)):
        yield start()


# What is sent, and the status of the refusal.
REFUSED: dict[str, tuple[int, bytes]] = {
    "two ways to say the length": (
        400,
        POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    "two ways, the other order": (
        400,
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    ),
    "two lengths": (400, POST + b"Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello"),
    "the same length twice": (400, POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
    "a list of lengths": (400, POST + b"Content-Length: 5, 5\r\n\r\nhello"),
    "a signed length": (400, POST + b"Content-Length: +5\r\n\r\nhello"),
    "an empty length": (400, POST + b"Content-Length: \r\n\r\nhello"),
    "a length of many digits": (400, POST + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n"),
    "a space before the colon": (400, POST + b"Content-Length : 5\r\n\r\nhello"),
    "chunks behind another coding": (501, POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0"),
    "chunks before another coding": (400, POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0"),
    "no coding": (501, POST + b"Transfer-Encoding: identity\r\n\r\n"),
    "nearly chunks": (501, POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    "chunks twice": (400, POST + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n"),
    "chunks in HTTP/1.0": (400, CHUNKED.replace(b"/1.1", b"/1.0") + b"0\r\n\r\n"),
    "a chunk whose size is none": (400, CHUNKED + b"0x1\r\na\r\n0\r\n\r\n"),
    "a chunk of a negative size": (400, CHUNKED + b"-1\r\na\r\n0\r\n\r\n"),
    "a chunk longer than it says": (400, CHUNKED + b"1\r\nab\r\n0\r\n\r\n"),
    "a chunk's size with a bare line feed": (400, CHUNKED + b"1\na\r\n0\r\n\r\n"),
    "a chunk with a bare line feed": (400, CHUNKED + b"1\r\na\n0\r\n\r\n"),
    "an extension with a bare line feed": (400, CHUNKED + b"1;a\nb\r\na\r\n0\r\n\r\n"),
    "a field on two lines": (400, GET + b"X-A: b\r\n c\r\n\r\n"),
    "a first field on a second line": (400, GET[:16] + b" X-A: b\r\n\r\n"),
    "a bare line feed after a field": (400, GET + b"X-A: b\nX-C: d\r\n\r\n"),
    "a bare line feed after the line": (400, b"GET / HTTP/1.1\nHost: localhost\r\n\r\n"),
    "a bare line feed at the end": (400, GET + b"\n"),
    "a bare carriage return": (400, GET + b"X-A: b\rX-C: d\r\n\r\n"),
    "a nul": (400, GET + b"X-A: b\0c\r\n\r\n"),
    "a control character": (400, GET + b"X-A: b\x01c\r\n\r\n"),
    "a name that is none": (400, GET + b"X(A: b\r\n\r\n"),
    "a field without a colon": (400, GET + b"X-A\r\n\r\n"),
    "a field without a name": (400, GET + b": b\r\n\r\n"),
    "no host": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "a target with a fragment": (400, GET.replace(b"/ ", b"/#a ") + b"\r\n"),
    "a target of another kind": (400, GET.replace(b"/ ", b"ftp://localhost/ ") + b"\r\n"),
    "a method that is not ours": (501, GET.replace(b"GET", b"PROPFIND") + b"\r\n"),
    "a method of another protocol": (501, b"SOURCE / ICE/1.0\r\nHost: localhost\r\n\r\n"),
    "two hosts": (400, GET + b"Host: other\r\n\r\n"),
    "two media types": (400, POST + b"Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n"),
    "a host beside another": (400, GET.replace(b"/ ", b"http://other/ ") + b"\r\n"),
    "a path that is not ASCII": (400, b"GET /\xc3\xa9 HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "a path with a space": (400, b"GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "an unknown method": (501, b"ZEBRA / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "a tunnel": (501, b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "HTTP/0.9": (505, b"GET /\r\n\r\n"),
    "HTTP/1.2": (400, GET.replace(b"/1.1", b"/1.2") + b"\r\n"),
    "HTTP/2 in the old form": (505, GET.replace(b"/1.1", b"/2.0") + b"\r\n"),
    "HTTP/2": (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "another protocol": (501, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    "a path too long": (414, request("/" + "a" * 4_094)),
    "a field too long": (431, GET + b"X-A: " + b"a" * 8_190 + b"\r\n\r\n"),
    "too many fields": (431, GET + b"X-A: b\r\n" * 60 + b"\r\n"),
    "too many fields behind a body": (431, CHUNKED + b"0\r\n" + b"X-A: b\r\n" * 60 + b"\r\n"),
    # Without an end, and faster than any bound of time would see it.
    "a path without end": (414, b"GET /" + b"a" * 300_000),
    "a name without end": (431, GET + b"X" * 300_000),
    "a field without end": (431, GET + b"X-A: " + b"a" * 300_000),
    "empty lines without end": (431, b"\r\n" * 150_000),
    "an extension without end": (431, CHUNKED + b"1;" + b"a" * 300_000),
    "a field behind a body without end": (431, CHUNKED + b"0\r\nX-A: " + b"a" * 300_000),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_be_read_in_two_ways_is_refused_and_closed(server: Server, name: str) -> None:
    status, sent = REFUSED[name]
    before = server.noted("asked /smuggled")
    with server.call() as caller:
        caller.say(sent + SMUGGLED)
        answer = caller.answer()
        assert answer.status == status
        assert answer.headers["connection"] == "close"
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
        assert caller.is_closed()
    assert server.noted("asked /smuggled") == before


def test_byte_by_byte_it_is_refused_the_same(server: Server) -> None:
    status, sent = REFUSED["two ways to say the length"]
    with server.call() as caller:
        caller.say(*(bytes([one]) for one in sent))
        assert caller.answer().status == status
        assert caller.is_closed()


def test_a_refusal_repeats_nothing_and_is_counted(server: Server) -> None:
    with server.call() as caller:
        caller.say(f"GET /{MARK} HTTP/1.1\r\nHost: {MARK}\r\nX {MARK}: {MARK}\r\n\r\n".encode())
        assert MARK not in str(caller.answer())
    eventually(lambda: any("http.malformed" in one for one in server.log()), what="it is counted")
    assert not any(MARK in one for one in server.log())


def test_a_head_at_its_limits_is_read(server: Server) -> None:
    with server.call() as caller:
        assert caller.ask("/" + "a" * 4_093).status == 200
        caller.say(GET + b"X-A: " + b"a" * 8_187 + b"\r\n\r\n")
        assert caller.answer().status == 200
        caller.say(GET + b"X-A: b\r\n" * 59 + b"\r\n")
        assert len(caller.answer().json()["headers"]) == 60


def test_a_head_in_any_pieces_is_one_head(server: Server) -> None:
    sent = request("/a?b=c", "X-A: b", method="POST", body=b"hello")
    with server.call() as caller:
        caller.say(sent)
        whole = caller.answer().json()
        caller.say(*(bytes([one]) for one in sent))
        assert caller.answer().json() == whole
    assert (whole["path"], whole["query"], whole["body"]) == ("/a", "b=c", "hello")


def test_many_small_requests_are_no_endless_one(server: Server) -> None:
    """What came before counts for nothing once a request is complete."""
    with server.call() as caller:
        for _ in range(2_000):
            caller.say(GET + b"\r\n")
            assert caller.answer().status == 200


def test_fields_behind_a_body_belong_to_nobody(server: Server) -> None:
    trailers = b"Authorization: Bearer other\r\nX-A: b\r\n\r\n"
    with server.call() as caller:
        caller.say(CHUNKED + b"3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\n" + trailers + request("/next"))
        first, then = caller.answer().json(), caller.answer().json()
    assert first["body"] == "hello"
    assert [name for name, _ in first["headers"]] == ["host", "transfer-encoding"]
    assert then["headers"] == [["host", "localhost"]]


def test_nothing_that_is_only_said_is_believed(server: Server) -> None:
    said = ("X-Forwarded-For: 9.9.9.9", "X-Forwarded-Proto: https", "Forwarded: for=9.9.9.9")
    with server.call() as caller:
        caller.say(request("/", *said, "X_Forwarded_For: 8.8.8.8", "X-Spaces:  a b \t"))
        told = caller.answer().json()
    assert (told["client"], told["scheme"]) == ("127.0.0.1", "http")
    names = [name for name, _ in told["headers"]]
    assert "x_forwarded_for" not in names
    assert ["x-spaces", "a b"] in told["headers"]


@pytest.mark.parametrize(
    ("target", "path"),
    [("http://localhost/a?b=c", "/a"), ("http://localhost", "/"), ("*", "*"), ("/%C3%A9", "/é")],
)
def test_every_form_of_a_target_is_understood(server: Server, target: str, path: str) -> None:
    with server.call() as caller:
        assert caller.ask(target, method="OPTIONS").json()["path"] == path


def test_requests_ahead_are_answered_in_their_order(server: Server) -> None:
    with server.call() as caller:
        caller.say(
            request("/1?seconds=0.3")
            + request("/2", method="POST", body=b"two")
            + request("/3", method="HEAD")
            + request("/stream")
            + request("/5", "Connection: close")
            + SMUGGLED
        )
        assert caller.answer().json()["path"] == "/1"
        second = caller.answer().json()
        assert (second["path"], second["body"]) == ("/2", "two")
        assert caller.answer(method="HEAD").status == 200
        assert caller.answer().body == b"onetwo"
        last = caller.answer()
        assert (last.json()["path"], last.headers["connection"]) == ("/5", "close")
        assert caller.is_closed()


def test_who_is_held_up_by_us_is_not_late(server: Server) -> None:
    """While the first is not answered, not much of the second is read."""
    body = b"b" * 400_000
    with server.call() as caller:
        second = request("/2", method="POST", body=body)
        caller.say(request(f"/1?seconds={REQUEST_SECONDS + 2.5}") + second[:200])
        assert caller.answer().json()["path"] == "/1"
        caller.say(second[200:])
        assert len(caller.answer().json()["body"]) == len(body)


def test_so_many_requests_may_be_ahead_and_no_more(server: Server) -> None:
    before = server.noted("asked /many")
    with server.call() as caller:
        caller.say(request("/1?seconds=0.3") + request("/many") * 1_000)
        answers = caller.rest().count(b"HTTP/1.1 200")
    assert 10 < answers < 100
    assert server.noted("asked /many") - before == answers - 1


def test_what_is_malformed_behind_a_request_is_not_its_answer(server: Server) -> None:
    """Whoever asked gets the answer, and then nothing: a refusal would be taken for it."""
    with server.call() as caller:
        caller.say(request("/1?seconds=0.3") + b"\0\r\n\r\n")
        first = caller.answer()
        assert (first.status, first.json()["path"]) == (200, "/1")
        assert first.headers["connection"] == "close"
        assert caller.is_closed()
    with server.call() as caller:
        caller.say(request("/1?seconds=0.3") + CHUNKED + b"zebra\r\n")
        assert b" 400 " not in caller.rest()
    with server.call() as caller:
        caller.say(POST.replace(b"/ ", b"/unread ") + b"Transfer-Encoding: chunked\r\n\r\n")
        assert caller.answer().status == 413
        caller.say(b"zebra\r\n")
        assert caller.is_closed()


@pytest.mark.parametrize("root", ["/", "/asgi/"])
def test_answers_without_a_body_have_none(server: Server, root: str) -> None:
    with server.call() as caller:
        head = caller.ask(root, method="HEAD")
        assert int(head.headers["content-length"]) > 100
        for status in (204, 304):
            caller.say(request(f"{root}?status={status}"))
            assert caller.answer().status == status
        # Whatever of a body had come would be the beginning of this one.
        assert caller.ask(f"{root}next").json()["path"] == f"{root}next"


def test_an_answer_without_content_names_no_length(server: Server) -> None:
    with server.call() as caller:
        assert "content-length" not in caller.ask("/?status=204").headers


def test_answers_name_the_time_and_not_the_server(server: Server) -> None:
    with server.call() as caller:
        answer = caller.ask()
    assert answer.headers["date"].endswith(" GMT")
    assert "server" not in answer.headers


def test_a_caller_who_asks_whether_to_go_on_is_told(server: Server) -> None:
    head = POST + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    with server.call() as caller:
        caller.say(head)
        assert caller.answer().status == 100
        caller.say(b"hello")
        assert caller.answer().json()["body"] == "hello"
    with server.call() as caller:
        # Told no: what comes next may be the body or the next request, so nothing may.
        caller.say(head.replace(b"/ ", b"/unread ", 1))
        answer = caller.answer()
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        assert caller.is_closed()


def test_a_body_that_is_not_wanted_is_not_the_next_request(server: Server) -> None:
    with server.call() as caller:
        caller.say(request("/unread", method="POST", body=SMUGGLED) + request("/next"))
        assert caller.answer().status == 413
        assert caller.answer().json()["path"] == "/next"


def test_http_1_0_is_answered_and_closed(server: Server) -> None:
    with server.call() as caller:
        caller.say(request("/a", version="1.0"))
        answer = caller.answer()
        assert (answer.json()["http_version"], answer.headers["connection"]) == ("1.0", "close")
        assert caller.is_closed()


def test_http_1_0_is_sent_no_chunks(server: Server) -> None:
    with server.call() as caller:
        caller.say(request("/stream", version="1.0"))
        answer = caller.answer()
        assert answer.body == b"onetwo"
        assert "transfer-encoding" not in answer.headers
    with server.call() as caller:
        caller.say(request("/stream", version="1.0", method="HEAD"))
        assert caller.answer(method="HEAD").status == 200
        assert caller.is_closed()


@pytest.mark.parametrize("wanted", ["websocket", "h2c", "zebra"])
def test_who_wants_another_protocol_is_answered_in_this_one(server: Server, wanted: str) -> None:
    """Also where a body follows: it is this request's, however it arrives, and no other request."""
    fields = ("Connection: Upgrade", f"Upgrade: {wanted}")
    before = server.noted("asked /smuggled")
    with server.call() as caller:
        sent = request("/a", *fields, method="POST", body=SMUGGLED) + request("/next")
        for pieces in ((sent,), (sent[:-60], sent[-60:]), tuple(bytes([one]) for one in sent)):
            caller.say(*pieces)
            first = caller.answer().json()
            assert (first["path"], first["body"]) == ("/a", SMUGGLED.decode())
            assert caller.answer().json()["path"] == "/next"
        caller.say(request("/a", *fields) + request("/next"))
        assert caller.answer().status == 200
        assert caller.answer().json()["path"] == "/next"
    assert server.noted("asked /smuggled") == before


def test_a_connection_in_use_is_kept_and_an_idle_one_closed(server: Server) -> None:
    with server.call() as caller:
        for _ in range(4 * REQUEST_SECONDS):
            assert caller.ask().status == 200
            time.sleep(0.5)
        began = time.monotonic()
        assert caller.ask().status == 200
        assert caller.is_closed()
        # By whichever bound comes first.
        assert time.monotonic() - began < KEEP_ALIVE_SECONDS + 1


def test_a_field_behind_a_body_may_end_the_connection(server: Server) -> None:
    """What came after it is not read: it must not seem to be under way."""
    with server.call() as caller:
        caller.say(CHUNKED + b"0\r\nConnection: close\r\n\r\n" + SMUGGLED)
        answer = caller.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert caller.is_closed()


def test_a_caller_who_leaves_is_noticed(server: Server) -> None:
    before = server.noted("gone")
    waits = request("/until-gone")
    for said in (waits, waits + request("/next"), POST + b"Content-Length: 50\r\n\r\nhalf"):
        with server.call() as caller:
            caller.say(said)
            time.sleep(0.2)
    eventually(lambda: server.noted("gone") == before + 3, what="all are noticed")


def test_an_exception_leaves_no_text_and_no_half_answer(server: Server) -> None:
    for path in ("/fail", "/two-lines"):
        with server.call() as caller:
            answer = caller.ask(path)
            assert (answer.status, answer.json()["status"]) == (500, 500)
            assert "set-cookie" not in answer.headers
            assert caller.is_closed()
    with server.call() as caller, pytest.raises(EOFError):
        caller.ask("/fail-late")
    lines = server.log()
    assert all(one.startswith("{") for one in lines)
    failed = [one for one in lines if '"error": "ValueError"' in one]
    assert len(failed) == 2
    assert sum("uvicorn" in one for one in lines) == 3
    assert all('"error_at": "echo.py:' in one for one in failed)
    assert not any(SECRET in one or "Traceback" in one for one in lines)


def test_calls_leave_no_line_of_the_server(server: Server) -> None:
    with server.call() as caller:
        before = len(server.log())
        for _ in range(20):
            caller.ask("/a-quiet-call")
    new = server.log()[before:]
    assert sum("a-quiet-call" in one for one in new) == 20
    assert all("a-quiet-call" not in one or '"echo asked' in one for one in new)
