"""Alarms: what is open, what was said of it, and the end of it by hand."""

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from backend.clients import audit
from backend.clients.people import Person, Role
from backend.console.access import page
from backend.monitoring import alerts


@require_safe
@page(Role.OPERATOR)
def index(request: HttpRequest, person: Person) -> HttpResponse:
    return render(request, "console/alarms.html", {"alarms": alerts.open_alerts()})


@require_POST
@page(Role.OPERATOR)
def change(request: HttpRequest, person: Person, alert_id: int) -> HttpResponse:
    found = next((one for one in alerts.open_alerts() if one["id"] == alert_id), None)
    if found is None:
        raise Http404
    with transaction.atomic():
        alerts.resolve(found["kind"], found["subject"])
        audit.record(person, "alert.resolved", client_id=None, subject=alert_id)
    messages.success(request, "The alarm is closed. If its cause persists it is raised again.")
    return redirect("console:alarms")
