"""Promise 11 and deny by default: every route × role × verb against the table of `routes.py`."""

import datetime as dt
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from backend.clients import keys
from backend.clients.models import Membership, Scope
from backend.monitoring import experiments
from backend.monitoring.experiments import By
from backend.monitoring.models import AccuracyReport, Alert, ModelVersion
from backend.triage import webhooks
from backend.triage.models import Delivery
from ml.plan import Terms
from tests.contracts.routes import (
    ADMIN,
    ADMIN_OPEN,
    KEYS,
    PEOPLE,
    ROLES,
    ROUTES,
    VERBS,
    Route,
)
from tests.integration.conftest import SORE_THROAT, Api

_SCOPES = {"submitter": Scope.SUBMIT, "clinician": Scope.LABEL, "operator": Scope.OPERATE}


@dataclass(frozen=True)
class Things:
    """A value for each parameter of a route: a thing that exists and belongs to the owner."""

    request_id: str
    batch_id: str
    webhook_id: str
    delivery_id: str
    version: str
    alert_id: str
    report_id: str

    name = "trial-1"
    # Parameters of Django's own pages.
    app_label = "auth"
    content_type_id = "1"
    object_id = "1"
    id = "1"
    url = "nowhere"
    rest = "nowhere"


class Service:
    """Callers of every role, and one thing of each kind."""

    def __init__(self) -> None:
        owner, other = keys.create_client("owner"), keys.create_client("other")
        self._clients = {"anonymous": Client()}
        endpoint, _secret = webhooks.create(owner, "https://example.org/", webhooks.KINDS)
        for role in KEYS:
            scopes = tuple(Scope) if role == "stranger" else (_SCOPES[role],)
            key = keys.create_key(other if role == "stranger" else owner, role, scopes)
            self._clients[role] = Client(headers={"Authorization": f"Bearer {key}"})
            if role == "submitter":
                posted = Api(key).post("/api/v1/triage/", SORE_THROAT)
                batch = Api(key).post("/api/v1/triage/batch/", {"requests": [SORE_THROAT]})
        for role in PEOPLE:
            user = get_user_model()._default_manager.create(username=role)
            stranger = role == "person_stranger"
            Membership.objects.create(
                client_id=other if stranger else owner,
                user=user,
                role="operator" if stranger else role.removeprefix("person_"),
            )
            self._clients[role] = Client()
            self._clients[role].force_login(user)
        ModelVersion.objects.create(
            version="v1", digest="d" * 64, stage=ModelVersion.Stage.SERVING, rules_version="1"
        )
        experiments.start(Things.name, "", Terms(), By("system:tests", "tests"))
        alert = Alert.objects.create(kind="tests", subject="tests", summary="raised for tests")
        day = dt.date(2026, 3, 1)
        report = AccuracyReport.objects.create(
            day=day, model_digest="d", model_version="v1", state="healthy", labels=20
        )
        sent = Delivery.objects.create(
            id=uuid4(),
            endpoint_id=endpoint.id,
            request_id=posted.json()["id"],
            sequence=3,
            kind="amended",
        )
        self.things = Things(
            request_id=posted.json()["id"],
            batch_id=batch.json()["batch"],
            webhook_id=str(endpoint.id),
            delivery_id=str(sent.id),
            version="v1",
            alert_id=str(alert.pk),
            report_id=f"accuracy-{report.pk}",
        )

    def status(self, role: str, verb: str, path: str) -> int:
        """What this role gets. Nothing that it does remains, signing out included."""
        client = self._clients[role]
        cookies = deepcopy(client.cookies)
        with transaction.atomic():
            response: Any = client.generic(
                verb, path, b"{}" if verb in ("POST", "PUT", "PATCH") else b"", "application/json"
            )
            transaction.set_rollback(True)
        client.cookies = cookies
        response.close()
        if response.status_code == 302:
            assert "login" in response["Location"] or role in PEOPLE, response["Location"]
        return int(response.status_code)


def walk(resolver: Any = None, before: str = "") -> Iterator[str]:
    """Every route of the service as `urls.py` writes it."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = before + str(entry.pattern).removeprefix("^")
        if isinstance(entry, URLResolver):
            yield from walk(entry, route)
        else:
            assert isinstance(entry, URLPattern)
            yield route


def address(route: str, things: Things) -> str:
    """The route with a value for each of its parameters."""

    def value(found: re.Match[str]) -> str:
        name = found.group(1) or found.group(2)
        assert hasattr(things, name), f"{route}: add `{name}` to test_routes.py: Things"
        return str(getattr(things, name))

    path = re.sub(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)", value, route)
    return "/" + path.removesuffix("$").replace("\\.", ".")


def ours() -> list[str]:
    return [route for route in walk() if not route.startswith(ADMIN)]


def test_every_route_has_a_line_and_every_line_a_route() -> None:
    added = sorted(set(ours()) - set(ROUTES))
    assert not added, (
        f"new routes {added}: say in tests/contracts/routes.py: ROUTES who may call them"
    )
    gone = sorted(set(ROUTES) - set(ours()))
    assert not gone, f"routes that are gone {gone}: remove them from tests/contracts/routes.py"


@pytest.fixture
def service(database: None) -> Service:
    return Service()


def test_every_route_answers_each_role_and_verb_as_declared(service: Service) -> None:
    wrong = []
    for name, route in ROUTES.items():
        path = address(name, service.things)
        for verb in VERBS:
            for role in ROLES:
                got = service.status(role, verb, path)
                if not _as_declared(route, role, verb, got):
                    wrong.append(f"{verb} {name} as {role}: {got}")
    assert wrong == []


def _as_declared(route: Route, role: str, verb: str, got: int) -> bool:
    allowed = route.verbs.get("GET" if verb == "HEAD" else verb)
    if allowed is None:
        return got in {302, 401, 403, 404, 405} if route.session else got in {401, 403, 404, 405}
    if role in allowed and not (route.owned and "stranger" in role):
        # Past the door: what comes then is the view's business (a body of {} is often a 400).
        return got not in {401, 403, 404, 405} and (got < 500 or got == 503)
    if role in allowed:
        return got == 404
    if route.session:
        return got == 403 if role in PEOPLE else got in {302, 403}
    return got == 403 if role in KEYS else got == 401


def test_for_a_stranger_a_thing_of_ours_does_not_exist(service: Service) -> None:
    """Foreign, absent and malformed: the same bytes, so nobody learns which it is."""
    for name, route in ROUTES.items():
        if not route.owned:
            continue
        ours = address(name, service.things)
        for verb in route.verbs:
            answers = set()
            for path in (ours, _other_id(name, service, uuid4()), _other_id(name, service, "x")):
                role = "person_stranger" if route.session else "stranger"
                client = service._clients[role]
                response: Any = client.generic(verb, path, b"{}", "application/json")
                answers.add((response.status_code, response.content))
            assert len(answers) == 1, f"{verb} {name}"


def _other_id(name: str, service: Service, value: object) -> str:
    parameters = re.findall(r"<(?:\w+:)?(\w+)>", name)
    absent = {parameter: str(value) for parameter in parameters}
    return address(name, Things(**(vars(service.things) | absent)))


def test_the_admin_is_closed_to_everybody_who_is_no_superuser(service: Service) -> None:
    routes = [route for route in walk() if route.startswith(ADMIN)]
    assert len(routes) > 20
    open_to = [
        f"{verb} {route} as {role}: {got}"
        for route in routes
        if route not in ADMIN_OPEN
        for verb in ("GET", "POST")
        for role in ("anonymous", "operator", "person_operator")
        if (got := service.status(role, verb, address(route, service.things)))
        not in {302, 403, 404, 405}
    ]
    assert open_to == []


def test_no_session_changes_anything_without_a_csrf_token(service: Service) -> None:
    user = get_user_model()._default_manager.get(username="person_operator")
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    pages = [name for name, route in ROUTES.items() if route.session and "POST" in route.verbs]
    for name in ("admin/login/", *pages):
        assert client.post(address(name, service.things)).status_code == 403, name
