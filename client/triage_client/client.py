"""The client. One object a thread or process; close it, or use it as a context.

Every submission carries an idempotency key (a random one unless you give yours), so that it may be
sent again after a time-out or a 503 without becoming two requests.
"""

import json
import random
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

import httpx

from triage_client.errors import Problem, Unanswered, Unreachable
from triage_client.types import Answer, Batch, Event, Request

_TRIAGE: Final = "/api/v1/triage/"
_LONGEST_WAIT: Final = 10
_AGAIN: Final = frozenset({429, 502, 503, 504})
# A used-up daily quota says hours: that is for the caller to know, not to sleep through.
_LONGEST_PAUSE: Final = 60.0


class Client:
    def __init__(
        self, url: str, key: str, *, timeout: float = 15, attempts: int = 5, pause: float = 0.5
    ) -> None:
        """`timeout`: seconds for one call; `attempts` in all, with growing pauses from `pause`
        seconds on, or what `Retry-After` says."""
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=timeout
        )
        self._attempts, self._pause = attempts, pause

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def submit(self, case: Mapping[str, Any], *, key: str | None = None, wait: int = 0) -> Request:
        """Store a case; with `wait` (seconds, at most 10) it may come back answered. Raises
        `Problem` and `Unreachable`."""
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        if wait:
            headers["Prefer"] = f"wait={min(wait, _LONGEST_WAIT)}"
        return _request(self._call("POST", _TRIAGE, json=dict(case), headers=headers))

    def submit_batch(self, cases: Sequence[Mapping[str, Any]], *, key: str | None = None) -> Batch:
        """Store up to 1,000 cases at once. Each is accepted or refused by itself."""
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        body = {"requests": [dict(case) for case in cases]}
        raw = self._call("POST", f"{_TRIAGE}batch/", json=body, headers=headers).json()
        items = raw["items"]
        return Batch(
            id=raw["batch"],
            accepted={i["index"]: Request.of(i["request"]) for i in items if i["request"]},
            refused={i["index"]: i["problem"] for i in items if i["problem"]},
        )

    def read(self, request_id: str, *, wait: int = 0) -> Request:
        """What is known now, or after `wait` seconds at most."""
        query = {"wait": str(min(wait, _LONGEST_WAIT))} if wait else {}
        return _request(self._call("GET", f"{_TRIAGE}{request_id}/", params=query))

    def wait(self, request_id: str, *, seconds: float = 30) -> Request:
        """Until it is answered or cancelled. Raises `Unanswered` after `seconds`."""
        until = time.monotonic() + seconds
        while True:
            rest = until - time.monotonic()
            found = self.read(request_id, wait=max(0, min(_LONGEST_WAIT, int(rest))))
            if found.done:
                return found
            if time.monotonic() >= until:
                raise Unanswered(request_id)
            if rest < 1:
                time.sleep(0.1)

    def follow(self, request_id: str, *, after: int = 0) -> Iterator[Event]:
        """Its events, from the one after `after` on, until nothing more can happen. A connection
        that breaks is made again and goes on after the last event."""
        failed = 0
        while True:
            headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
            try:
                with self._http.stream(
                    "GET", f"{_TRIAGE}{request_id}/events/", headers=headers, timeout=60
                ) as response:
                    if response.status_code == 204:
                        return
                    if response.status_code != 200:
                        response.read()
                        raise _problem(response)
                    for event in _events(response.iter_lines()):
                        after, failed = event.id, 0
                        yield event
            except httpx.TransportError as error:
                failed += 1
                if failed >= self._attempts:
                    raise Unreachable(str(error)) from error
                time.sleep(self._pause * failed)

    def list(self, **filters: str | bool) -> Iterator[Request]:
        """Your requests, the newest first, page by page; filters as in the API (`status`, `level`,
        `needs_review`, `accepted_after`, `accepted_before`, `batch`)."""
        query = {
            name: str(value).lower() if isinstance(value, bool) else value
            for name, value in filters.items()
        }
        while True:
            page = self._call("GET", _TRIAGE, params=query).json()
            yield from (Request.of(item) for item in page["items"])
            if page["next"] is None:
                return
            query["cursor"] = page["next"]

    def cancel(self, request_id: str) -> Request:
        """Withdraw an open request. Raises `Problem` with status 409 when it is no longer open."""
        return _request(self._call("POST", f"{_TRIAGE}{request_id}/cancel/", json={}))

    def label(self, request_id: str, level: str, **more: Any) -> None:
        """A clinician's level for a request; needs a key with the scope `label`."""
        self._call("POST", f"{_TRIAGE}{request_id}/label/", json={"level": level, **more})

    def predict(self, case: Mapping[str, Any]) -> Answer:
        """One call, one answer, by the model or within 2 s by the rules. Sent once only: a call
        without an idempotency key is not repeated."""
        response = self._http.post("/api/ml/predict/", json=dict(case))
        if response.status_code != 200:
            raise _problem(response)
        return Answer.of(response.json())

    def _call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """With repeats: reads, cancels and labels may happen twice, submissions carry their key."""
        for attempt in range(1, self._attempts + 1):
            pause = self._pause * 2 ** (attempt - 1)
            try:
                response = self._http.request(method, path, **arguments)
            except httpx.TransportError as error:
                if attempt == self._attempts:
                    raise Unreachable(str(error)) from error
            else:
                if response.is_success:
                    return response
                pause = max(pause, _retry_after(response))
                final = response.status_code not in _AGAIN or attempt == self._attempts
                if final or pause > _LONGEST_PAUSE:
                    raise _problem(response)
            time.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311  (spreads load)
        raise AssertionError("unreachable")


def _request(response: httpx.Response) -> Request:
    return Request.of(response.json(), response.headers.get("ETag", ""))


def _problem(response: httpx.Response) -> Problem:
    try:
        document = response.json()
    except ValueError:
        document = {}
    return Problem(response.status_code, document if isinstance(document, dict) else {})


def _retry_after(response: httpx.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 0.0


def _events(lines: Iterator[str]) -> Iterator[Event]:
    """The data of each event; comments and other fields are passed over."""
    for line in lines:
        if line.startswith("data: "):
            raw = json.loads(line.removeprefix("data: "))
            yield Event(raw["id"], raw["type"], raw["request"], raw["at"], raw.get("level"))
