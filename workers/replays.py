"""Replays that were asked for over HTTP: find the rows, make the answers again, keep what came."""

import time
from typing import Any, Final

import structlog

from backend import encryption
from backend.logs import failure
from backend.triage import replays
from workers import explain
from workers.explain import Change, Repeated, Stored

log = structlog.get_logger()

# One call ends after so long; the next one takes what is left.
_CALL_SECONDS: Final = 60


def run_waiting() -> int:
    """Make every waiting replay; returns how many were finished. Several processes may do so."""
    until = time.monotonic() + _CALL_SECONDS
    done = last = 0
    while time.monotonic() < until and (job := replays.take(after=last)) is not None:
        last = job.id
        if job.worn_out:
            reason = Change("input", "answered", "every attempt to repeat it lost its worker")
            replays.finish(job.id, _result(None, Repeated("impossible", (reason,))))
            continue
        try:
            stored = explain.read(job.request_id)
            replays.finish(job.id, _result(stored, explain.repeat(stored)))
            done += 1
        except Exception as error:  # one replay must not keep the others waiting
            log.error("replay.failed", request_id=str(job.request_id), **failure(error))
    return done


def _result(stored: Stored | None, repeated: Repeated) -> dict[str, Any]:
    """For the row: codes, names and digests, no text of the patient."""
    case = stored and stored.case
    return {
        "verdict": "identical" if repeated.verdict == "bit_for_bit" else repeated.verdict,
        "changed": [change.to_json() for change in repeated.changed],
        "differs": list(repeated.differs),
        "model_digest": stored.model.digest if stored and stored.model else None,
        "rules_version": stored.rules_version if stored else "",
        "input_digest": case
        and encryption.fingerprint(
            case.model_dump_json(exclude_none=True, exclude_defaults=True).encode()
        ),
    }
