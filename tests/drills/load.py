"""A web app under faults: submits, writes every promise to its own file before trusting it.

One line before a request is sent (`sent`), one for its 202 (`accepted`). The file is what the
oracle compares the database with; nothing that is only in memory counts.
"""

import json
import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx

from ml.cohort import generate
from ml.records import body_of
from tests.drills.harness import TRIAGE, WEBS, System

RETRY_STATUS = (429, 503)


def bodies(seed: int, count: int) -> list[dict[str, Any]]:
    """Synthetic patients, the same for a seed."""
    return [
        body_of(record.case) | {"patient_id": f"drill-{seed}-{number}"}
        for number, record in enumerate(generate(count, seed))
    ]


@dataclass(frozen=True, slots=True)
class Posted:
    """One accepted submission: seconds that the successful try took, and how many tries."""

    id: str
    seconds: float
    tries: int


@dataclass
class Load:
    """Submissions from one or several threads until `stop`, every one under its own key."""

    system: System
    path: Path
    seed: int
    rate: float = 20.0
    threads: int = 2
    wait: int = 0
    posted: list[Posted] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    refused: int = 0
    given_up: int = 0
    slowest: float = 0.0

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._number = 0
        self._bodies = bodies(self.seed, 200)
        self._run = random.Random(self.seed).randrange(16**8)
        self._file = self.path.open("a", buffering=1)
        self.clients = [self.system.client(name) for name in WEBS]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self.clients:
            client.close()
        self._file.close()

    def start(self) -> None:
        self._running = [
            threading.Thread(target=self._submit_until_stopped, name=f"load{n}", daemon=True)
            for n in range(self.threads)
        ]
        for thread in self._running:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._running:
            thread.join(60)
            assert not thread.is_alive(), "a submission hangs"

    def _submit_until_stopped(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            number = self._next()
            body = self._bodies[number % len(self._bodies)] | {
                "patient_id": f"drill-{self.seed}-{number}"
            }
            self.submit(f"{self._run:08x}-{number}", body)
            due = max(due + self.threads / self.rate, time.monotonic() - 1)
            self._stop.wait(max(0.0, due - time.monotonic()))

    def _next(self) -> int:
        with self._lock:
            self._number += 1
            return self._number

    def submit(self, key: str, body: dict[str, Any]) -> str | None:
        """Submit under `key` until somebody accepts; the id, or None when nobody did."""
        self._write({"sent": key, "body": body})
        headers = {"Idempotency-Key": key}
        if self.wait:
            headers["Prefer"] = f"wait={self.wait}"
        for attempt in range(60):
            client = self.clients[(len(self.posted) + attempt) % len(self.clients)]
            started = time.monotonic()
            try:
                response = client.post(TRIAGE, json=body, headers=headers)
            except httpx.TransportError:
                with self._lock:
                    self.refused += 1
                time.sleep(0.1)
                continue
            seconds = time.monotonic() - started
            with self._lock:
                self.slowest = max(self.slowest, seconds)
                self.statuses[response.status_code] = 1 + self.statuses.get(response.status_code, 0)
            if response.status_code in (200, 202):
                self._accepted(key, response.json(), seconds, attempt)
                return str(response.json()["id"])
            if response.status_code not in RETRY_STATUS:
                break
            assert int(response.headers["Retry-After"]) >= 1
            if self._stop.wait(0.3) and attempt > 20:
                break
        with self._lock:
            self.given_up += 1
        return None

    def _accepted(self, key: str, answer: dict[str, Any], seconds: float, tries: int) -> None:
        shown = answer["provisional"] or answer["answer"]
        self._write(
            {
                "accepted": key,
                "id": answer["id"],
                "provisional": shown["prediction"],
                "at": time.time(),
                "seconds": seconds,
            }
        )
        with self._lock:
            self.posted.append(Posted(answer["id"], seconds, tries + 1))

    def _write(self, line: dict[str, Any]) -> None:
        text = json.dumps(line) + "\n"
        with self._lock:
            self._file.write(text)
