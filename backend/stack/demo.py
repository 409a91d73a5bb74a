"""A sample patient through the front door: what a developer sees first, and proof that it works."""

from __future__ import annotations

import json
import shlex
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backend.stack.errors import StackError

# Made up; no person.
PATIENT = {
    "patient_id": "demo-1",
    "symptoms_data": {
        "chief_complaint": "Burning when passing urine and fever since yesterday, pain in one side"
    },
    "patient_age": 34,
    "patient_sex": "female",
    "vital_signs": {"heart_rate_bpm": 104, "temperature_c": 38.9, "spo2_percent": 98},
}
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class DemoError(StackError):
    """The service did not answer the sample request."""


# The trial decides by patient who answers: enough patients to meet the model's arm once.
_PATIENTS = 6


def show(address: str, key: str) -> list[str]:
    """Submit the sample for one patient after another until the model decided about one.

    Returns a line for each answer. Raises DemoError when there is none.
    """
    lines = []
    for number in range(1, _PATIENTS + 1):
        answer = submit(address, key, {**PATIENT, "patient_id": f"demo-{number}"})
        lines.append(describe(answer))
        if answer.get("ab_group") == "ml":
            break
    return lines


def submit(
    address: str, key: str, patient: Mapping[str, Any], timeout: float = 30
) -> dict[str, Any]:
    """Post `patient` to `address` (http://host:port) and poll until it is answered.

    Raises DemoError when there is no answer within `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    accepted = _call(f"{address}/api/v1/triage/", key, patient)
    while time.monotonic() < deadline:
        request = _call(f"{address}/api/v1/triage/{accepted['id']}/?wait=5", key)
        if request.get("done"):
            return dict(request["answer"])
        time.sleep(0.2)  # a server that does not wait must not be flooded
    raise DemoError("the sample request was accepted but not answered in time")


def curl_line(address: str, key_file: Path) -> str:
    """The same request for a shell, as it can be pasted; the key stays in its file."""
    return " ".join(
        [
            f'curl -sS -H "Authorization: Bearer $(cat {shlex.quote(str(key_file))})"',
            "-H 'Content-Type: application/json' -H 'Prefer: wait=10'",
            f"-d {shlex.quote(json.dumps(PATIENT))} {address}/api/v1/triage/",
        ]
    )


def describe(answer: Mapping[str, Any]) -> str:
    """The answer in one line."""
    return (
        f"{answer.get('prediction')} (confidence {answer.get('confidence', 0.0):.2f},"
        f" method {answer.get('method')}, trial arm {answer.get('ab_group')},"
        f" model {answer.get('model_version')}, needs review: {answer.get('needs_review')})"
    )


def _call(url: str, key: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers)  # noqa: S310 (loopback http)
    try:
        with _DIRECT.open(request, timeout=15) as response:
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        with error:
            raise DemoError(f"{url} answered {error.code}") from error
    except (OSError, ValueError) as error:
        raise DemoError(f"{url} did not answer: {type(error).__name__}") from error
