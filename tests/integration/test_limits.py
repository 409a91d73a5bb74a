"""Limits hold for all processes together, cost no request a round trip, and believe no header."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.test import Client, RequestFactory

from backend.clients import limits, throttling
from backend.clients.limits import BURST_SECONDS, Limiter
from backend.clients.lockout import MOST_OF_A_NAME, MOST_OF_A_PAIR, forget_old
from backend.clients.people import create_person
from tests.integration.conftest import Api
from tests.integration.processes import Processes

Sql = Callable[..., list[Any]]
PASSWORD = "a-long-enough-phrase-41"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """A process that has heard of nobody, and whose thread does not run beside the test."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    alone = Limiter(1)
    monkeypatch.setattr(alone, "start", lambda: None)
    monkeypatch.setattr(throttling, "limiter", alone)
    monkeypatch.setattr(throttling.guard, "_known", {})


def test_more_processes_do_not_multiply_a_limit(database: None) -> None:
    """Four processes are asked far more than the limit, one of them most; two seconds."""
    processes, per_minute = [Limiter(4) for _ in range(4)], 6_000
    for one in processes:  # a first reconciliation, so that they know of each other
        one.take("client:1", per_minute)
        one.reconcile()
    granted, started = 0, time.monotonic()
    reconciled = started
    while time.monotonic() - started < 2:
        for place, one in enumerate(processes):
            for _ in range(20 if place == 0 else 5):
                granted += one.take("client:1", per_minute) == 0
        if time.monotonic() - reconciled > 0.25:
            reconciled = time.monotonic()
            for one in processes:
                one.reconcile()
        time.sleep(0.005)
    seconds = time.monotonic() - started
    per_second = per_minute / 60
    assert granted <= 1.25 * per_second * (seconds + BURST_SECONDS)
    assert granted >= 0.6 * per_second * seconds, "the limit can be used"
    shares = [one._buckets["client:1"].share for one in processes]
    assert 0.8 < sum(shares) < 1.25
    assert max(shares) == shares[0], "who is asked most has the largest part"


def test_a_dead_process_gives_its_share_back(database: None, sql: Sql) -> None:
    one, other = Limiter(2), Limiter(2)
    for _ in range(50):
        other.take("client:1", 600)
    one.take("client:1", 600)
    other.reconcile()
    one.reconcile()
    assert one._buckets["client:1"].share < 0.5
    sql("UPDATE clients_throttleusage SET seen_at = now() - interval '1 minute'")
    one.reconcile()
    assert one._buckets["client:1"].share == pytest.approx(1)


def test_a_client_that_asks_too_much_is_told_when_to_come_again(
    owner: Api, owner_id: int, stranger: Api, sql: Sql
) -> None:
    sql("UPDATE clients_client SET requests_per_minute = 60 WHERE id = %s", owner_id)
    answers = [
        owner.get("/api/v1/models/", **{"X-Forwarded-For": f"10.0.0.{n}"}) for n in range(12)
    ]
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[200] == pytest.approx(BURST_SECONDS, abs=2)
    assert statuses[429] == 12 - statuses[200]
    refused = answers[-1]
    assert 1 <= int(refused["Retry-After"]) <= 2
    assert refused["Content-Type"] == "application/problem+json"
    assert stranger.get("/api/v1/models/").status_code == 200


def test_real_processes_share_a_clients_limit(
    processes: Processes, owner_id: int, owner_key: str, sql: Sql
) -> None:
    sql("UPDATE clients_client SET requests_per_minute = 120 WHERE id = %s", owner_id)
    web = processes.web(owner_key)
    seconds, started = 2.0, time.monotonic()
    statuses: Counter[int] = Counter()
    while time.monotonic() - started < seconds:
        statuses[web.get("/api/v1/models/").status_code] += 1
    assert set(statuses) == {200, 429}
    assert statuses[429] > 5
    assert statuses[200] <= 1.25 * 2 * (seconds + BURST_SECONDS) + 2


def test_limits_do_not_need_postgresql_in_the_way_of_a_request(owner: Api) -> None:
    """A reconciliation that hangs holds up its own thread and nobody else."""
    one = Limiter(2)
    one.take("client:1", 600)
    stuck, free = threading.Event(), threading.Event()

    def slow(mine: Any) -> Any:
        stuck.set()
        free.wait(10)
        return {}

    one._exchange = slow  # type: ignore[method-assign]
    thread = threading.Thread(target=one.reconcile)
    thread.start()
    assert stuck.wait(5)
    started = time.monotonic()
    assert one.take("client:1", 600) == 0
    assert time.monotonic() - started < 0.2
    free.set()
    thread.join()


def test_guessing_keys_ends_and_locks_nobody_else_out(owner: Api, settings: Any, sql: Sql) -> None:
    settings.WRONG_KEYS_PER_MINUTE = 6
    assert owner.get("/api/v1/models/").status_code == 200
    statuses = []
    for number in range(12):
        guess = Api(f"tri_{number:08x}_guess")
        spoofed = {"X-Forwarded-For": f"192.0.2.{number}"}
        statuses.append(guess.get("/api/v1/models/", **spoofed).status_code)
    assert statuses[:6] == [401] * 6
    assert set(statuses[7:]) == {429}
    # Same address, and a key that was right before.
    assert owner.get("/api/v1/models/").status_code == 200
    # A revoked key is not let in for having been right.
    sql("UPDATE clients_apikey SET revoked_at = now()")
    assert owner.get("/api/v1/models/").status_code in {401, 429}


def test_only_our_own_proxies_are_believed(settings: Any) -> None:
    def request(remote: str, forwarded: str = "") -> Any:
        return RequestFactory().get("/", REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR=forwarded)

    assert throttling.address(request("10.0.0.1", "1.2.3.4")) == "10.0.0.1"
    settings.TRUSTED_PROXIES = 1
    assert throttling.address(request("10.0.0.1", "6.6.6.6, 1.2.3.4")) == "1.2.3.4"
    settings.TRUSTED_PROXIES = 2
    assert throttling.address(request("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2")) == "1.2.3.4"
    settings.TRUSTED_PROXIES = 0
    one, other = "2001:db8:1:2::1", "2001:db8:1:2:ffff::9"
    assert throttling.address(request(one)) == throttling.address(request(other))
    assert throttling.address(request("")) == "unknown"


def sign_in(name: str, password: str, address: str) -> Any:
    request = RequestFactory().post("/admin/login/", REMOTE_ADDR=address)
    return authenticate(request, username=name, password=password)


def test_guessing_a_password_locks_the_guesser_out(owner_id: int, sql: Sql) -> None:
    create_person("grace", PASSWORD, owner_id, "clinician")
    for _ in range(MOST_OF_A_PAIR):
        assert sign_in("grace", "wrong", "10.0.0.1") is None
    assert sign_in("grace", PASSWORD, "10.0.0.1") is None, "locked out, even with the right one"
    assert sign_in("grace", PASSWORD, "10.0.0.2") is not None, "the person elsewhere is not"
    stored = str(sql("SELECT name FROM clients_loginfailure"))
    assert "grace" not in stored, "letters that no digest has"
    sql("UPDATE clients_loginfailure SET at = now() - interval '16 minutes'")
    assert sign_in("grace", PASSWORD, "10.0.0.1") is not None
    assert forget_old() == 0, "the success has forgotten them"


def test_guessing_from_many_addresses_ends_too(owner_id: int, sql: Sql) -> None:
    create_person("grace", PASSWORD, owner_id, "clinician")
    sql(
        "INSERT INTO clients_loginfailure (name, address) SELECT name, '10.9.9.' || n FROM"
        " generate_series(1, %s) AS n, (SELECT %s AS name) AS given",
        MOST_OF_A_NAME,
        _stored_name("grace", sql),
    )
    assert sign_in("grace", PASSWORD, "10.0.0.7") is None


def _stored_name(name: str, sql: Sql) -> str:
    sign_in(name, "wrong", "10.1.1.1")
    return str(sql("SELECT name FROM clients_loginfailure")[0][0])


def test_signing_in_is_audited_and_works_over_http(owner_id: int, sql: Sql) -> None:
    user = create_person("grace", PASSWORD, owner_id, "clinician")
    sql("UPDATE auth_user SET is_staff = TRUE, is_superuser = TRUE")
    client = Client()
    body = {"username": "grace", "password": PASSWORD}
    assert client.post("/admin/login/?next=/admin/", body).status_code == 302
    assert sql("SELECT actor, action FROM clients_auditevent") == [
        (f"user:{user}", "session.begin")
    ]


def test_usage_is_forgotten(database: None, sql: Sql) -> None:
    sql(
        "INSERT INTO clients_throttleusage (process, subject, demand, seen_at) VALUES"
        " (gen_random_uuid(), 'address:10.0.0.1', 1, now() - interval '2 minutes')"
    )
    one = Limiter(1)
    one.take("client:1", 600)
    one.reconcile()
    assert sql("SELECT subject FROM clients_throttleusage") == [("client:1",)]


def test_an_attacker_with_many_addresses_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_MOST_SUBJECTS", 20)
    one = Limiter(1)
    for number in range(500):
        one.take(f"address:{number}", 60)
    assert len(one._buckets) <= 21
