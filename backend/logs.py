"""Logs: one JSON line an event, a stable action name, structured ids, never patient data.

`request_id` is a triage request, wherever it appears: it leads from the POST's line in the web's
log (`request.accepted`) to the batch that answered it in a worker's (`batch.finished`, with
`task_id` and `batch_id`). `correlation_id` is the caller's X-Request-ID, or ours, on every line of
one HTTP call.

Only the fields of `SAFE_FIELDS` leave the process; anything else is dropped and named, so a
careless call cannot leak a value. Exceptions are logged by type and place, without their text:
a database driver's message may quote a row.
"""

import datetime as dt
import json
import logging
import sys
import threading
import traceback
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Final

import structlog

SAFE_FIELDS = frozenset(
    {
        *("event", "level", "timestamp", "kind", "state", "reason", "error", "error_at"),
        *("request_id", "alert_id", "model_version", "day", "count", "claimed", "answered"),
        *("stale", "amended", "fallback", "request_ids", "correlation_id", "client_id"),
        *("task_id", "batch_id", "method", "route", "status", "milliseconds", "synthetic"),
        # The audit chain's newest seal.
        *("sequence", "head"),
    }
)

# More than this at once could be mixed with what another process writes into the same pipe.
_MOST_AT_ONCE: Final = 4_096
_json: Final = json.JSONEncoder(default=repr).encode
_held = threading.local()


def _only_safe(
    _logger: Any, _name: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    dropped = [key for key in event if key not in SAFE_FIELDS]
    for key in dropped:
        del event[key]
    if dropped:
        event["dropped_fields"] = sorted(dropped)
    return event


def failure(error: BaseException) -> dict[str, str]:
    """Type and innermost place of an exception: `log.error("...", **failure(error))`."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else ""
    return {"error": type(error).__name__, "error_at": place}


class JsonLines(logging.Formatter):
    """Records of libraries as the same JSON: their message, of an exception only type and place."""

    def format(self, record: logging.LogRecord) -> str:
        at = dt.datetime.fromtimestamp(record.created, dt.UTC)
        event = {
            **structlog.contextvars.get_contextvars(),
            "event": record.getMessage(),
            "logger": record.name,
            "level": record.levelname.lower(),
            "timestamp": at.isoformat().replace("+00:00", "Z"),
        }
        error = record.exc_info[1] if record.exc_info else None
        return json.dumps(event | (failure(error) if error else {}), default=str)


@contextmanager
def gathered() -> Iterator[None]:
    """What this thread says inside is written when the block ends: a few lines in one write, for
    each lets other threads in between."""
    lines: list[str] = []
    _held.lines = lines
    try:
        yield
    finally:
        del _held.lines
        _write(lines)


class _Output:
    """Where structlog's lines go."""

    def line(self, line: str) -> None:
        held: list[str] | None = getattr(_held, "lines", None)
        if held is None:
            _write([line])
        else:
            held.append(line)

    debug = info = warning = error = critical = line


def _write(lines: list[str]) -> None:
    text = ""
    for line in lines:
        if text and len(text) + len(line) >= _MOST_AT_ONCE:
            sys.stderr.write(text)
            text = ""
        text += f"{line}\n"
    sys.stderr.write(text)
    sys.stderr.flush()


def _rendered(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> str:
    return _json(event)


def configure(config: dict[str, Any]) -> None:
    """Django's `LOGGING_CONFIG`: `config` holds the least `level` to show."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(config["level"])
    # Django logs 4xx paths at WARNING and, on 500, the whole exception with its text.
    logging.getLogger("django.request").setLevel(logging.CRITICAL)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _only_safe,
            _rendered,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[config["level"]]
        ),
        logger_factory=lambda *_: _Output(),
        cache_logger_on_first_use=True,
    )
