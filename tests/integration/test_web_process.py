"""A web process is watched, replaced and ended by its master, and nobody's request with it."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.eventually import eventually
from tests.integration.callers import Answer, Caller, Starts, request, serving
from tests.integration.conftest import SORE_THROAT
from tests.integration.processes import Processes

TRIAGE = "/api/v1/triage/"


@pytest.fixture
def start(test_database: None, models_dir: Path, tmp_path: Path) -> Iterator[Starts]:
    yield from serving(tmp_path, models_dir)


def test_what_runs_is_finished_when_the_web_is_told_to_end(start: Starts) -> None:
    server = start()
    with server.call() as runs, server.call() as idle, server.call() as half:
        assert idle.ask().status == 200
        runs.say(request("/slow?seconds=2") + request("/ahead"))
        half.say(b"GET /half HTTP/1.1\r\n")
        eventually(lambda: server.noted("asked /slow"), what="it runs")
        began = time.monotonic()
        server.main.terminate()
        assert idle.is_closed()
        assert half.is_closed()
        assert time.monotonic() - began < 1.5
        with pytest.raises(ConnectionRefusedError):
            server.call()
        # Also what it had sent ahead; then its connection ends.
        assert runs.answer().json()["path"] == "/slow"
        last = runs.answer()
        assert (last.json()["path"], last.headers["connection"]) == ("/ahead", "close")
        assert runs.is_closed()
    assert server.main.wait(10) == 0
    assert server.noted("lifespan.startup") == server.noted("lifespan.shutdown") == 1
    assert not any("SIG" in one for one in server.log())


def test_what_runs_too_long_is_told_so_within_the_grace(start: Starts) -> None:
    server = start("--graceful-timeout", "3")
    with server.call() as caller:
        caller.say(request("/slow?seconds=60"))
        eventually(lambda: server.noted("asked /slow"), what="it runs")
        began = time.monotonic()
        server.main.terminate()
        assert caller.answer().status == 500
        assert 1 < time.monotonic() - began < 3
    assert server.main.wait(10) == 0
    # Its last word was heard: the master did not have to kill it.
    assert server.noted("lifespan.shutdown") == 1


def test_told_to_end_at_once_it_waits_for_nobody(start: Starts) -> None:
    server = start()
    with server.call() as caller:
        caller.say(request("/slow?seconds=60"))
        eventually(lambda: server.noted("asked /slow"), what="it runs")
        began = time.monotonic()
        server.main.send_signal(signal.SIGQUIT)
        server.main.wait(10)
        assert time.monotonic() - began < 2


def test_told_to_end_while_it_loads_it_does_not_begin(processes: Processes) -> None:
    command = ("-m", "gunicorn", "tests.integration.echo:application", "-c", "backend/gunicorn.py")
    main = processes.start(*command, "--bind", "127.0.0.1:0", "--no-control-socket")
    log = processes.log_of(main)
    eventually(lambda: "Booting worker" in log.read_text(), what="it has begun to load")
    time.sleep(0.2)
    began = time.monotonic()
    main.terminate()
    assert main.wait(20) == 0
    assert time.monotonic() - began < 10
    assert "lifespan.startup" not in log.read_text()


@pytest.mark.parametrize(
    ("option", "named"),
    [("--max-requests=5", "max_requests"), ("--certfile=README.md", "certfile")],
)
def test_an_option_that_would_do_nothing_is_refused(
    processes: Processes, option: str, named: str
) -> None:
    arguments = ("-m", "gunicorn", "tests.integration.echo:application", "--no-control-socket")
    main = processes.start(*arguments, "-c", "backend/gunicorn.py", "--bind=127.0.0.1:0", option)
    assert main.wait(20) == 1
    assert f"gunicorn: {named}" in processes.log_of(main).read_text()


def test_no_process_outlives_its_master(start: Starts) -> None:
    server = start()
    (child,) = server.children()
    with server.call() as caller:
        caller.say(request("/slow?seconds=60"))
        eventually(lambda: server.noted("asked /slow"), what="it runs")
        os.kill(server.main.pid, signal.SIGKILL)
        eventually(lambda: not _lives(child), 3, what="the child ends")


@pytest.mark.parametrize("harm", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_dies_or_hangs_is_replaced(start: Starts, harm: signal.Signals) -> None:
    server = start("--timeout", "3")
    (child,) = server.children()
    time.sleep(4.5)  # longer than it may be silent: it is not
    assert server.children() == [child]
    os.kill(child, harm)

    def answers() -> bool:
        with suppress(OSError, EOFError), server.call() as caller:
            return child not in server.children() and caller.ask().status == 200
        return False

    eventually(answers, 30, what="another one answers")


def test_callers_who_come_together_are_shared_by_the_processes(start: Starts) -> None:
    """One that has them all keeps them: the others, and their cores, would be idle."""
    server = start("--workers", "2")
    eventually(lambda: server.noted("lifespan.startup") == 2, what="both serve")
    even = 0
    for _ in range(12):
        with ExitStack() as inside:
            callers = [inside.enter_context(server.call()) for _ in range(16)]
            served = Counter(caller.ask().json()["process"] for caller in callers)
        even += len(served) == 2 and min(served.values()) >= 4
    assert even >= 9


def test_who_waits_is_told_what_is_known_when_the_web_is_told_to_end(
    processes: Processes, owner_key: str
) -> None:
    """No worker runs: nothing else could answer them."""
    web = processes.web(owner_key)
    place = web.post(TRIAGE, json=SORE_THROAT).headers["Location"]
    fields = (f"Authorization: Bearer {owner_key}",)
    told: dict[str, tuple[float, Answer]] = {}
    asked = {
        "poll": request(f"{place}?wait=10", *fields),
        "stream": request(f"{place}events/", *fields, "Accept: text/event-stream"),
    }

    def wait(name: str) -> None:
        assert web.base_url.port
        with Caller(web.base_url.port) as caller:
            caller.say(asked[name])
            answer = caller.answer()
            told[name] = (time.monotonic(), answer)

    threads = [threading.Thread(target=wait, args=(name,)) for name in asked]
    for thread in threads:
        thread.start()
    time.sleep(2)
    assert not told
    began = time.monotonic()
    os.kill(processes.pid_of_web(), signal.SIGTERM)
    for thread in threads:
        thread.join(20)
    found: dict[str, Any] = {name: answer for name, (_, answer) in told.items()}
    assert found["poll"].status == 200
    assert found["poll"].json()["status"] == "open"
    assert found["stream"].status == 200
    assert b"event: accepted" in found["stream"].body
    assert max(at for at, _ in told.values()) - began < 2


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
