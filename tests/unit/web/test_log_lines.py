"""Lines of a group are written together, whole and in order, however it ends."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import Any

import pytest
import structlog

from backend import logs


class Written:
    """Stands where standard error does, and keeps what each write held."""

    def __init__(self) -> None:
        self.pieces: list[str] = []

    def write(self, text: str) -> None:
        self.pieces.append(text)

    def flush(self) -> None:
        pass

    def events(self) -> list[Any]:
        return [json.loads(line)["event"] for line in "".join(self.pieces).splitlines()]


@contextmanager
def listening() -> Iterator[Written]:
    logs.configure({"level": "INFO"})
    found = Written()
    with redirect_stderr(found):
        yield found


def test_a_line_alone_is_one_write() -> None:
    with listening() as written:
        structlog.get_logger().info("one.line", count=1)
    (piece,) = written.pieces
    assert piece.endswith("}\n")
    line = json.loads(piece)
    assert (line["event"], line["count"], line["level"]) == ("one.line", 1, "info")
    assert line["timestamp"].endswith("Z")


def fail(log: Any) -> None:
    with logs.gathered():
        log.info("first.line")
        log.warning("second.line")
        raise ValueError("over")


def test_lines_of_a_group_are_one_write_also_when_it_fails() -> None:
    log = structlog.get_logger()
    with listening() as written:
        with pytest.raises(ValueError, match="over"):
            fail(log)
        assert len(written.pieces) == 1
        assert written.events() == ["first.line", "second.line"]
        log.info("third.line")
    assert written.events()[2:] == ["third.line"]


def test_many_lines_are_written_in_pieces_that_a_pipe_keeps_whole() -> None:
    log = structlog.get_logger()
    with listening() as written, logs.gathered():
        for number in range(100):
            log.info("short.line", count=number, correlation_id="c" * 200)
        log.info("long.line", request_ids=["i" * 36] * 200)
        assert written.pieces == []
    lines = [json.loads(line) for line in "".join(written.pieces).splitlines()]
    assert [one.get("count") for one in lines] == [*range(100), None]
    assert all(piece.endswith("\n") for piece in written.pieces)
    assert all(len(piece) <= 4_096 or piece.count("\n") == 1 for piece in written.pieces)
    assert len(written.pieces) < 20


def test_a_group_holds_back_nobody_elses_lines() -> None:
    log = structlog.get_logger()
    with listening() as written:
        with logs.gathered():
            log.info("ours")
            other = threading.Thread(target=log.info, args=("theirs",))
            other.start()
            other.join()
            assert written.events() == ["theirs"]
        assert written.events() == ["theirs", "ours"]


def test_what_is_not_known_to_be_safe_is_dropped_and_named() -> None:
    with listening() as written, logs.gathered():
        structlog.get_logger().info("a.line", complaint="zebra")
    assert "zebra" not in written.pieces[0]
    assert json.loads(written.pieces[0])["dropped_fields"] == ["complaint"]
