"""Delivering: claim what is due, sign, send, write down what came back.

At least once: a keeper that dies after the receiver has answered sends again, under the same
`webhook-id`. The payload names the request and what happened; whoever wants the answer reads it
with a key. Signed by Standard Webhooks, with both secrets while two live.
"""

import http.client
import json
import random
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import Error, connection
from standardwebhooks.webhooks import Webhook

from backend import encryption
from backend.logs import failure
from backend.triage import outbound

log = structlog.get_logger()

# Seconds to wait before each attempt (Standard Webhooks' schedule), give or take a tenth.
SCHEDULE: Final = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
_JITTER: Final = 0.1
# Longer than an attempt can take.
_LEASE_SECONDS: Final = 60
_THREADS: Final = 4
_LOOK_SECONDS: Final = 1.0
_GONE: Final = 410

_CLAIM: Final = """
WITH picked AS (
    SELECT id FROM triage_delivery WHERE state = 'due' AND due_at <= now()
    ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
UPDATE triage_delivery AS d SET attempt = d.attempt + 1, token = %(token)s,
    due_at = now() + make_interval(secs => %(lease)s)
FROM picked, triage_webhookendpoint AS w
WHERE d.id = picked.id AND w.id = d.endpoint_id
RETURNING d.id, d.endpoint_id, d.request_id, d.kind, d.sequence, d.attempt, d.created_at, w.url,
    w.enabled, w.sealed_secret,
    CASE WHEN w.previous_until > now() THEN w.sealed_previous END"""

_RECORD: Final = """
WITH gone AS (
    UPDATE triage_webhookendpoint SET enabled = FALSE, disabled_because = 'gone'
    WHERE id = %(endpoint)s AND %(gone)s)
UPDATE triage_delivery SET state = %(state)s, token = NULL,
    due_at = now() + make_interval(secs => %(pause)s),
    attempts = (CASE WHEN jsonb_array_length(attempts) >= 20 THEN attempts - 0 ELSE attempts END)
        || jsonb_build_array(%(attempt)s::jsonb)
WHERE id = %(id)s AND token = %(token)s"""


@dataclass(frozen=True, slots=True)
class Message:
    """One claimed delivery."""

    id: UUID
    endpoint_id: UUID
    request_id: UUID
    kind: str
    sequence: int
    attempt: int
    created_at: datetime
    url: str
    enabled: bool
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt: a status, or the one word why there is none."""

    status: int | None
    error: str
    milliseconds: int

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Deliverer:
    """A thread beside the keeper's sweep, with a few of its own: slow receivers delay neither."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What is being sent is written down; the rest stays due."""
        self._stop.set()
        self._thread.join(outbound.TOTAL_SECONDS)

    def _run(self) -> None:
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="webhook") as threads:
            while not self._stop.is_set():
                try:
                    claimed = deliver_due(threads)
                except Error as error:
                    log.error("webhooks.database_unavailable", **failure(error))
                    connection.close()
                    claimed = 0
                if not claimed:
                    self._stop.wait(_LOOK_SECONDS)
        connection.close()


def deliver_due(threads: ThreadPoolExecutor) -> int:
    """Send what is due now, a few at once; returns how many were claimed. Raises
    `django.db.Error`; what was claimed then is sent again when its lease is over."""
    token = uuid.uuid4()
    messages = _claim(token, _THREADS)
    for message, outcome in zip(messages, threads.map(attempt, messages), strict=True):
        _record(message, outcome, token)
    return len(messages)


def attempt(message: Message) -> Outcome:
    """One attempt, written down by the caller. Never raises: a receiver's fault is an outcome."""
    began = time.perf_counter()
    status, error = None, ""
    try:
        if not message.enabled:
            raise outbound.Refused("disabled")
        if not message.secrets:
            raise outbound.Refused("secret")
        body = payload(message)
        status = outbound.post(message.url, body, _headers(message, body))
    except outbound.Refused as refused:
        error = refused.code
    except TimeoutError:
        error = "timeout"
    except (OSError, http.client.HTTPException, ValueError) as failed:
        error = type(failed).__name__
    return Outcome(status, error, round((time.perf_counter() - began) * 1_000))


def payload(message: Message) -> bytes:
    """Thin: which request, and what happened to it."""
    at = message.created_at.isoformat().replace("+00:00", "Z")
    data = {"id": str(message.request_id), "status": message.kind, "event": message.sequence}
    document = {"type": f"triage.{message.kind}", "timestamp": at, "data": data}
    return json.dumps(document, separators=(",", ":")).encode()


def _headers(message: Message, body: bytes) -> dict[str, str]:
    now, message_id = datetime.now(UTC), f"msg_{message.id.hex}"
    signatures = [Webhook(one).sign(message_id, now, body.decode()) for one in message.secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": "clinical-triage",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _claim(token: UUID, limit: int) -> list[Message]:
    parameters: dict[str, Any] = {"token": token, "limit": limit, "lease": _LEASE_SECONDS}
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, parameters)
        rows = cursor.fetchall()
    return [Message(*(*row[:9], _secrets(row[1], row[9:]))) for row in rows]


def _secrets(endpoint_id: UUID, sealed: Any) -> tuple[str, ...]:
    """Those that open; a message without any is not sent."""
    try:
        return tuple(
            encryption.unseal(bytes(one), endpoint_id).decode() for one in sealed if one is not None
        )
    except encryption.Undecryptable:
        log.error("webhooks.secret_unreadable")
        return ()


def _record(message: Message, outcome: Outcome, token: UUID) -> None:
    gone = outcome.status == _GONE
    over = gone or outcome.error == "disabled" or message.attempt >= len(SCHEDULE)
    state = "delivered" if outcome.ok else "failed" if over else "due"
    pause = 0.0 if state != "due" else SCHEDULE[message.attempt] * _spread()
    written = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "status": outcome.status,
        "error": outcome.error or None,
        "milliseconds": outcome.milliseconds,
    }
    parameters: dict[str, Any] = {
        "id": message.id,
        "endpoint": message.endpoint_id,
        "token": token,
        "gone": gone,
        "state": state,
        "pause": pause,
        "attempt": json.dumps(written),
    }
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, parameters)
    log.info("webhook.attempted", state=state, status=outcome.status, reason=outcome.error)


def _spread() -> float:
    return 1 + random.uniform(-_JITTER, _JITTER)  # noqa: S311  (spreads load, guards nothing)
