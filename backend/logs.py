"""Logs: one JSON line an event, a stable action name, structured ids, never patient data.

Only the fields of `SAFE_FIELDS` leave the process; anything else is dropped and named, so a
careless call cannot leak a value. Exceptions are logged by type and place, without their text:
a database driver's message may quote a row.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog

SAFE_FIELDS = frozenset(
    {
        *("event", "level", "timestamp", "kind", "state", "reason", "error", "error_at"),
        *("request_id", "alert_id", "model_version", "day", "count", "claimed", "answered"),
        *("stale", "amended"),
        # The audit chain's newest seal.
        *("sequence", "head"),
    }
)


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


class _Formatter(logging.Formatter):
    """Records of libraries: their message, and of an exception only type and place."""

    def formatException(self, ei: Any) -> str:
        error = ei[1]
        return "" if error is None else " ".join(failure(error).values())


def configure(config: dict[str, Any]) -> None:
    """Django's `LOGGING_CONFIG`: `config` holds the least `level` to show."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
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
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[config["level"]]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
