"""Callers who write their bytes themselves, and the server that an echo answers behind."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from backend.stack import ports
from backend.stack.ports import HOST
from tests.eventually import eventually
from tests.integration.processes import Processes

PATIENCE = 10.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Caller:
    """One connection. It reads answers one after the other, as a client that keeps it would."""

    def __init__(self, port: int, *, takes: int | None = None) -> None:
        """`takes`: bytes that the kernel keeps for it while it does not read."""
        self._socket = socket.socket()
        self._socket.settimeout(PATIENCE)
        if takes is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, takes)
        try:
            self._socket.connect((HOST, port))
        except OSError:
            self._socket.close()
            raise
        self._read = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def say(self, *pieces: bytes) -> None:
        """Each piece in a segment of its own. A server that has closed hears nothing more."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(ConnectionError):
            for piece in pieces:
                self._socket.sendall(piece)

    def ask(self, path: str = "/", *, method: str = "GET", body: bytes = b"") -> Answer:
        self.say(request(path, method=method, body=body))
        return self.answer(method=method)

    def answer(self, *, method: str = "GET") -> Answer:
        """The next answer, to a request of this method. Raises EOFError where there is none."""
        lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
        status = int(lines[0].split(" ")[1])
        body = b""
        if headers.get("transfer-encoding") == "chunked":
            while size := int(self._until(b"\r\n"), 16):
                body += self._exactly(size + 2)[:-2]
            self._exactly(2)
        elif method != "HEAD" and status >= 200 and status not in (204, 304):
            length = headers.get("content-length")
            body = self.rest() if length is None else self._exactly(int(length))
        return Answer(status, headers, body)

    def take(self, size: int) -> int:
        """Read and forget at most so many bytes; how many it was. Raises EOFError at the end."""
        data = self._socket.recv(size)
        if not data:
            raise EOFError
        return len(data)

    def rest(self) -> bytes:
        """Everything until the server has closed. Raises TimeoutError where it does not."""
        with suppress(ConnectionError):
            while self._receive():
                pass
        rest, self._read = self._read, b""
        return rest

    def is_closed(self) -> bool:
        """Whether nothing more comes, and nothing came unread."""
        try:
            return self.rest() == b""
        except TimeoutError:
            return False

    def hang_up(self) -> None:
        self._socket.close()

    def _receive(self) -> bool:
        data = self._socket.recv(65_536)
        self._read += data
        return bool(data)

    def _until(self, end: bytes) -> bytes:
        while end not in self._read:
            if not self._receive():
                raise EOFError(self._read)
        found, _, self._read = self._read.partition(end)
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._read) < size:
            if not self._receive():
                raise EOFError(self._read)
        found, self._read = self._read[:size], self._read[size:]
        return found


def request(
    path: str = "/", *fields: str, method: str = "GET", body: bytes = b"", version: str = "1.1"
) -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Host: localhost", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


class Server:
    """A gunicorn of one process with our settings, and the echo in the place of our application."""

    def __init__(self, processes: Processes, *options: str) -> None:
        self.port = ports.choose({}, {})["web"]
        arguments = ("-m", "gunicorn", "tests.integration.echo:application", "--workers", "1")
        bound = ("-c", "backend/gunicorn.py", "--bind", f"{HOST}:{self.port}")
        self.main: subprocess.Popen[bytes] = processes.start(
            *arguments, *bound, "--no-control-socket", *options
        )
        self._log: Path = processes.log_of(self.main)
        eventually(self._answers, 60, what="the echo answers")

    def call(self, *, takes: int | None = None) -> Caller:
        return Caller(self.port, takes=takes)

    def children(self) -> list[int]:
        found = Path(f"/proc/{self.main.pid}/task/{self.main.pid}/children").read_text()
        return [int(one) for one in found.split()]

    def log(self) -> list[str]:
        return self._log.read_text().splitlines()

    def lines(self, event: str) -> list[dict[str, Any]]:
        """What was logged of an event."""
        found = [json.loads(line) for line in self.log() if f'"event": "{event}"' in line]
        return [one for one in found if one["event"] == event]

    def noted(self, event: str) -> int:
        """How often the echo noted this."""
        return self.log().count(json.dumps({"event": f"echo {event}"}))

    def end(self) -> int:
        """As whoever runs it would: SIGTERM to the main process."""
        os.kill(self.main.pid, signal.SIGTERM)
        return self.main.wait(30)

    def _answers(self) -> bool:
        with suppress(OSError, EOFError), self.call() as caller:
            return caller.ask().status == 200
        return False


Starts = Callable[..., Server]


def serving(directory: Path, models_dir: Path, **environment: str) -> Iterator[Starts]:
    """Starts such servers, and ends them by their ids."""
    with Processes(directory, models_dir) as processes:
        processes.environment |= environment
        yield lambda *options: Server(processes, *options)
