"""Whatever goes wrong is a problem document with safe headers: never HTML, never an echo."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError
from django.test import Client

from backend.triage import lifecycle
from tests.integration.conftest import CARDIAC_ARREST, SORE_THROAT, Api
from tests.integration.processes import ROOT

Sql = Callable[..., list[Any]]
TRIAGE = "/api/v1/triage/"
MARK = "zebramark"


def client(owner_key: str, **options: Any) -> Client:
    return Client(
        raise_request_exception=False, headers={"Authorization": f"Bearer {owner_key}"}, **options
    )


# Sends what it must not, with a mark in it, and is told what is wrong with this status.
REFUSED: dict[str, tuple[int, Callable[[Client], Any]]] = {
    "unknown path": (404, lambda c: c.get(f"/{MARK}/")),
    "no final slash": (404, lambda c: c.post(f"/api/v1/triage?{MARK}")),
    "path with nul": (404, lambda c: c.get(f"/api/v1/models/{MARK}%00/")),
    "path with half a character": (404, lambda c: c.get(f"/api/v1/models/{MARK}%ed%a0/")),
    "malformed id": (404, lambda c: c.get(f"{TRIAGE}{MARK}/")),
    "absurd query": (400, lambda c: c.get(f"{TRIAGE}{UUID(int=7)}/?wait={MARK}%ff%00&&&=;")),
    "wrong host": (400, lambda c: c.get(TRIAGE, headers={"Host": f"{MARK}.example"})),
    "host that is none": (400, lambda c: c.get(TRIAGE, headers={"Host": f"{MARK} /"})),
    "spoofed host": (
        400,
        lambda c: c.get(TRIAGE, headers={"Host": "x.y", "X-Forwarded-Host": "localhost"}),
    ),
    "unknown method": (405, lambda c: c.generic("PROPFIND", TRIAGE)),
    "method in a header": (
        405,
        lambda c: c.put(TRIAGE, headers={"X-HTTP-Method-Override": "POST"}),
    ),
    "wants html": (406, lambda c: c.get("/api/v1/models/", headers={"Accept": "text/html"})),
    "wrong key": (401, lambda c: c.get(TRIAGE, headers={"Authorization": f"Bearer {MARK}\xff"})),
    "another scheme": (401, lambda c: c.get(TRIAGE, headers={"Authorization": f"Basic {MARK}"})),
    "form": (415, lambda c: c.post(TRIAGE, {"symptoms": MARK})),
    "big form": (
        415,
        lambda c: c.post(TRIAGE, MARK * 600_000, content_type="application/x-www-form-urlencoded"),
    ),
    "30 MB": (
        413,
        lambda c: c.post(TRIAGE, MARK * 3_300_000, content_type="application/json"),
    ),
    "a length that is none": (
        400,
        lambda c: c.post(TRIAGE, b"{}", content_type="application/json", CONTENT_LENGTH=f"{MARK}"),
    ),
    "long idempotency key": (
        400,
        lambda c: c.post(
            TRIAGE, SORE_THROAT, "application/json", headers={"Idempotency-Key": MARK * 50}
        ),
    ),
    "misspelt feedback": (
        400,
        lambda c: c.post(
            "/api/ml/feedback/", {"triage_log_idd": MARK, f"{MARK} ?": 1}, "application/json"
        ),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_every_refusal_is_a_problem_and_repeats_nothing(name: str, owner_key: str) -> None:
    status, send = REFUSED[name]
    response = send(client(owner_key))
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["status"] == status
    assert response.json()["type"].startswith("urn:clinical-triage:problem:")
    assert MARK not in response.content.decode()
    assert_safe(response)


def assert_safe(response: Any) -> None:
    assert "no-store" in response["Cache-Control"]
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in response["Permissions-Policy"]
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "script-src 'self'" in policy.split("; ")
    for revealing in ("Server", "X-Powered-By"):
        assert revealing not in response


def test_every_good_status_is_safe_too(owner: Api, owner_key: str) -> None:
    posted = owner.post(TRIAGE, SORE_THROAT)
    final = owner.post(TRIAGE, CARDIAC_ARREST, Prefer="wait=1")
    unchanged = owner.get(posted["Location"], **{"If-None-Match": posted["ETag"]})
    pages = [Client().get(path) for path in ("/api/docs/", "/admin/login/", "/livez", "/admin/")]
    responses = [posted, final, unchanged, owner.get(posted["Location"]), *pages]
    assert [one.status_code for one in responses] == [202, 200, 304, 200, 200, 200, 200, 302]
    for response in responses:
        assert_safe(response)


def test_a_fault_of_ours_and_of_the_database_say_nothing(
    owner_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error, status in ((RuntimeError(MARK), 500), (OperationalError(MARK), 503)):

        def fail(*_: Any, error: Exception = error, **__: Any) -> None:
            raise error

        monkeypatch.setattr(lifecycle, "submit", fail)
        response: Any = client(owner_key).post(TRIAGE, SORE_THROAT, "application/json")
        assert response.status_code == status
        assert response["Content-Type"] == "application/problem+json"
        assert MARK not in response.content.decode()
        assert_safe(response)
        if status == 503:
            assert int(response["Retry-After"]) > 0


def test_docs_run_no_inline_script(database: None) -> None:
    page = Client().get("/api/docs/").content.decode()
    assert "<script>" not in page
    assert "unsafe-inline" in Client().get("/api/docs/")["Content-Security-Policy"]
    assert "unsafe-inline" not in Client().get("/livez")["Content-Security-Policy"]


def test_behind_tls_nothing_goes_in_the_open(settings: Any, database: None) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    plain = Client().get(TRIAGE)
    assert plain.status_code == 301
    assert plain["Location"].startswith("https://")
    tls = Client().get(TRIAGE, headers={"X-Forwarded-Proto": "https"})
    assert tls.status_code == 401
    assert "max-age=31536000" in tls["Strict-Transport-Security"]


def test_the_production_profile_passes_the_deployment_check() -> None:
    environment = os.environ | {"BEHIND_TLS": "true", "ALLOWED_HOSTS": "triage.example.org"}
    command = ["manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    result = subprocess.run(
        [sys.executable, "-W", "ignore", *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "no issues" in result.stdout
