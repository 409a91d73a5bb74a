"""Attacks by machine: what the schema allows, what it forbids, and what is below any schema.

The short form runs with every `make test`; `make fuzz` runs the long one (FUZZ_EXAMPLES of each
operation, FUZZ_BYTES bodies below the schema).
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings as django_settings
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode, openapi
from schemathesis.checks import CHECKS as REGISTRY
from schemathesis.checks import load_all_checks
from schemathesis.core.failures import FailureGroup

from backend.clients import keys
from backend.clients.models import Scope
from backend.wsgi import application
from ml.case import TriageCase
from tests.integration.conftest import SORE_THROAT
from tests.integration.processes import Processes

EXAMPLES: Final = int(os.environ.get("FUZZ_EXAMPLES", "300"))
BYTES: Final = int(os.environ.get("FUZZ_BYTES", "20000"))
load_all_checks()
CHECKS: Final = (
    "not_a_server_error",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "ignored_auth",
    "use_after_free",
    "unsupported_method",
)
_OPENAPI: Final = "application/vnd.oai.openapi+json"
# 503 is what they are for.
PROBES: Final = ("/statusz", "/readyz")
OTHERS: Final = sorted(set(REGISTRY.get_all_names()) - set(CHECKS))
CONFIGURATION: Final = f"""
[checks]
{chr(10).join(f"{name}.enabled = false" for name in OTHERS)}
# It refuses its bad items one by one, and is accepted.
[[operations]]
include-path = "/api/v1/triage/batch/"
checks.negative_data_rejection.enabled = false
[[operations]]
include-path = ["/statusz", "/readyz"]
enabled = false
"""
MARK: Final = "qzxmarkedpatientqzx"


def schemathesis(
    processes: Processes, directory: Path, *options: str
) -> subprocess.CompletedProcess[str]:
    """Run it over the served document against a real web server, worker and PostgreSQL."""
    # Wrong keys are part of the attack; the limit for them is tested by itself.
    processes.environment |= {"WRONG_KEYS_PER_MINUTE": "1000000"}
    key = keys.create_key(keys.create_client("fuzzed"), "fuzz", tuple(Scope))
    web = processes.web(key)
    processes.worker()
    (directory / "schemathesis.toml").write_text(CONFIGURATION)
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{web.base_url}/api/schema/"]
    command += ["-H", f"Authorization: Bearer {key}"]
    command += ["--continue-on-failure", "--no-color"]
    command += ["--generation-database", "none", "--request-timeout", "15", "--warnings", "off"]
    command += ["--report-json-path", str(directory / "report.json"), *options]
    return subprocess.run(
        command, cwd=directory, capture_output=True, text=True, timeout=3_000, check=False
    )


@pytest.fixture
def caller(owner_id: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Headers of a key that may do everything; nobody here waits for a worker that is not there."""
    monkeypatch.setattr(django_settings, "PREDICT_WAIT_SECONDS", 0)
    monkeypatch.setattr(django_settings, "MAX_WAIT_SECONDS", 0)
    # Wrong keys are part of the attack; the limit for them is tested by itself.
    monkeypatch.setattr(django_settings, "WRONG_KEYS_PER_MINUTE", 1_000_000)
    key = keys.create_key(owner_id, "fuzz", tuple(Scope))
    return {"Authorization": f"Bearer {key}"}


SHORT = settings(
    max_examples=1,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_what_the_schema_allows_and_forbids_in_short(
    caller: dict[str, str], mode: GenerationMode
) -> None:
    """Four made-up calls of each operation, in this process; every check of the long form."""
    schema = openapi.from_wsgi("/api/schema/", application, headers={"Accept": _OPENAPI})
    wrong: list[str] = []
    for found in schema.get_all_operations():
        operation = found.ok()
        # A stream has no end in this process; the long form reads it.
        if "/events/" not in operation.path and operation.path not in PROBES:
            wrong += _attacked(operation, mode, caller)
    assert not wrong, "\n\n".join(wrong)


def _attacked(operation: Any, mode: GenerationMode, headers: dict[str, str]) -> list[str]:
    names = set(CHECKS)
    if operation.path.endswith("/batch/"):  # it refuses its bad items one by one
        names.remove("negative_data_rejection")
    checks = REGISTRY.get_by_names(sorted(names))

    @settings(SHORT, max_examples=4)
    @given(case=operation.as_strategy(generation_mode=mode))
    def attack(case: Case) -> None:
        case.call_and_validate(headers=headers, checks=checks)

    try:
        attack()
    except Unsatisfiable:  # nothing can be wrong in it
        return []
    except FailureGroup as group:
        return [f"{operation.label}: {one}" for one in group.exceptions]
    return []


@pytest.mark.fuzz
def test_schemathesis_finds_nothing_in_its_long_form(processes: Processes, tmp_path: Path) -> None:
    done = schemathesis(processes, tmp_path, "-n", str(EXAMPLES))
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-8_000:]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["routine", "A", MARK, "\x00", "\u202e", "1e400", "NaN"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [*TriageCase.model_fields, "chief_complaint", MARK, "", "spo2_percent"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@st.composite
def below_the_schema(draw: st.DrawFn) -> bytes:
    """A body that is nearly a request: other values, repeated keys, cut, doubled or other bytes."""
    fields = {**SORE_THROAT, **draw(st.dictionaries(st.sampled_from(list(SORE_THROAT)), VALUES))}
    pairs = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in fields.items()]
    pairs += draw(st.lists(st.sampled_from(pairs), max_size=2))
    body = ("{" + ", ".join(pairs) + "}").encode("utf-8", "surrogatepass")
    how = draw(st.sampled_from(["whole", "cut", "byte", "deep", "bytes", "wrapped", "number"]))
    if how == "cut":
        return body[: draw(st.integers(0, len(body)))]
    if how == "byte":
        place = draw(st.integers(0, len(body) - 1))
        return body[:place] + draw(st.binary(max_size=4)) + body[place + 1 :]
    if how == "deep":
        depth = draw(st.integers(1, 3_000))
        return draw(st.sampled_from([b"[", b'{"a":'])) * depth
    if how == "bytes":
        return draw(st.binary(max_size=200))
    if how == "wrapped":
        return b'{"requests": [' + body + b"]}"
    if how == "number":
        digits = draw(st.sampled_from(["9" * 400, "1e999", "-0", "0x10", "1_0", "01", ".5", "+1"]))
        return body.replace(b"34", digits.encode())
    return body


PATHS: Final = ("/api/v1/triage/", "/api/v1/triage/batch/", "/api/ml/predict/", "/api/ml/feedback/")


def attack_below(caller: dict[str, str], examples: int) -> None:
    client = Client(raise_request_exception=False, headers=caller)

    @settings(SHORT, max_examples=examples, derandomize=examples < 1_000)
    @given(path=st.sampled_from(PATHS), body=below_the_schema())
    def attack(path: str, body: bytes) -> None:
        response = client.generic("POST", path, body, "application/json")
        assert response.status_code in {200, 201, 202, 400, 404, 409, 413, 422}
        if response.status_code >= 400:
            assert response["Content-Type"] == "application/problem+json"
            assert response.json()["status"] == response.status_code
            assert MARK not in response.content.decode().replace(f'"field":"{MARK}"', "").replace(
                f".{MARK}", ""
            )

    attack()


def test_no_bytes_make_a_fault(caller: dict[str, str]) -> None:
    attack_below(caller, 250)


@pytest.mark.fuzz
def test_no_bytes_make_a_fault_in_the_long_form(caller: dict[str, str]) -> None:
    attack_below(caller, BYTES)
