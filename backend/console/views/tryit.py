"""Submitting a made-up patient by hand, as a client of the API would."""

import secrets
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from backend.clients.people import Person, Role
from backend.console import intake
from backend.console.access import page
from backend.console.views.requests import opened, shown
from backend.triage import lifecycle
from backend.triage.admission import Overloaded, admission
from backend.triage.values import Submission
from ml.errors import InvalidCase

_FULL = "The queue is full: nothing was accepted. Try again in a moment."


@require_http_methods(["GET", "HEAD", "POST"])
@page(Role.SUBMITTER)
def form(request: HttpRequest, person: Person) -> HttpResponse:
    if request.method == "POST":
        return _submit(request, person)
    values = {intake.PATIENT_ID.name: f"console-{secrets.token_hex(4)}"}
    return _form(request, person, values, {})


@require_http_methods(["GET", "HEAD"])
@page(Role.SUBMITTER)
def result(request: HttpRequest, person: Person, request_id: str) -> HttpResponse:
    """The provisional answer, then the final one: without JavaScript the page reloads itself."""
    found = opened(person, Role.SUBMITTER, request_id)
    return render(request, "console/try_result.html", shown(person, found))


def _submit(request: HttpRequest, person: Person) -> HttpResponse:
    mine = person.clients(Role.SUBMITTER)
    asked = request.POST.get("client", "")
    client_id = next((i for i in mine if str(i) == asked), mine[0])
    values = {key: text for key, text in request.POST.items() if isinstance(text, str)}
    try:
        case = intake.parse(values)
        submission = Submission(case)
        accepted = lifecycle.submit(client_id, [submission], overloaded=admission.check())
    except InvalidCase as error:
        return _form(request, person, values, intake.errors_by_name(error), status=400)
    except Overloaded:
        return _form(request, person, values, {"": _FULL}, status=503)
    return redirect("console:try-result", accepted[0].id)


def _form(
    request: HttpRequest,
    person: Person,
    values: dict[str, str],
    errors: dict[str, str],
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {
        "values": values,
        "errors": errors,
        "patient": intake.PATIENT,
        "vitals": intake.VITALS,
        "history": intake.HISTORY,
        "patient_id": intake.PATIENT_ID,
        "complaint": intake.COMPLAINT.replace(".", "-"),
        "most": intake.MAX_COMPLAINT,
        "places": [person.places[i] for i in person.clients(Role.SUBMITTER)],
    }
    return render(request, "console/try.html", context, status=status)
