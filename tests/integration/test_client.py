"""The Python client against the running web, and against a server that fails first."""

import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from triage_client import Client, Problem, Unanswered, Unreachable

from tests.integration.conftest import CARDIAC_ARREST, SORE_THROAT
from tests.integration.processes import Processes


def test_the_whole_api_through_the_client(processes: Processes, owner_key: str) -> None:
    url = str(processes.web(owner_key).base_url)
    with Client(url, owner_key) as client:
        arrest = client.submit(CARDIAC_ARREST)
        assert arrest.done
        assert arrest.answer is not None
        assert arrest.answer.level == "emergency"
        assert [one.type for one in client.follow(arrest.id)] == ["accepted", "answered"]
        assert list(client.follow(arrest.id, after=2)) == []

        waiting = client.submit(SORE_THROAT, key="visit-1")
        assert waiting.provisional is not None
        assert client.submit(SORE_THROAT, key="visit-1").id == waiting.id
        with pytest.raises(Unanswered):
            client.wait(waiting.id, seconds=1)
        with Client(url, owner_key) as other:
            later = threading.Timer(0.5, other.cancel, [waiting.id])
            later.start()
            steps = [(one.id, one.type) for one in client.follow(waiting.id)]
            later.join()
        assert steps == [(1, "accepted"), (2, "cancelled")]
        assert client.wait(waiting.id).status == "cancelled"

        batch = client.submit_batch([SORE_THROAT, SORE_THROAT | {"patient_age": "x"}])
        assert list(batch.accepted) == [0]
        assert batch.refused[1]["errors"][0]["field"] == "patient_age"
        assert [one.id for one in client.list(batch=batch.id)] == [batch.accepted[0].id]
        assert {one.id for one in client.list(limit="1")} == {
            arrest.id,
            waiting.id,
            batch.accepted[0].id,
        }
        client.label(arrest.id, "emergency")
        assert client.predict(CARDIAC_ARREST).level == "emergency"

        with pytest.raises(Problem) as refused:
            client.submit(SORE_THROAT | {"patient_agee": 3})
        assert refused.value.status == 400
        assert "patient_age" in refused.value.fields["patient_agee"]
        with pytest.raises(Problem, match="404"):
            client.read("not-an-id")


class _FailsFirst(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        keys: list[Any] = self.server.keys  # type: ignore[attr-defined]
        keys.append(self.headers["Idempotency-Key"])
        if len(keys) == 1:
            self.close_connection = True  # no answer at all
            return
        self.send_response(503 if len(keys) == 2 else 409)
        self.send_header("Retry-After", "1")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


def test_a_submission_is_repeated_under_its_key() -> None:
    with HTTPServer(("127.0.0.1", 0), _FailsFirst) as server:
        server.keys = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        started = time.monotonic()
        with Client(url, "key", pause=0.05) as client, pytest.raises(Problem) as refused:
            client.submit(SORE_THROAT)
        server.shutdown()
        thread.join()
        assert refused.value.status == 409
        assert time.monotonic() - started > 0.7, "Retry-After is kept"
        assert len(server.keys) == 3  # type: ignore[attr-defined]
        assert len(set(server.keys)) == 1  # type: ignore[attr-defined]
    with Client(url, "key", pause=0.01, attempts=2) as client, pytest.raises(Unreachable):
        client.submit(SORE_THROAT)
