"""Alarms: what is open, who takes care of it, what was told to whom, and the end of it by hand."""

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from backend.clients import audit
from backend.clients.people import Person, Role
from backend.console.access import page
from backend.monitoring import alerts

_PAST_SHOWN = 30


@require_safe
@page(Role.OPERATOR)
def index(request: HttpRequest, person: Person) -> HttpResponse:
    context = {
        "alarms": alerts.listed("open"),
        "past": alerts.listed("resolved", limit=_PAST_SHOWN),
    }
    return render(request, "console/alarms.html", context)


@require_POST
@page(Role.OPERATOR)
def change(request: HttpRequest, person: Person, alert_id: int) -> HttpResponse:
    """Acknowledge an open alarm, or close it."""
    found = alerts.find(alert_id)
    if found is None:
        raise Http404
    action = "resolve" if request.POST.get("do") == "resolve" else "acknowledge"
    with transaction.atomic():
        try:
            if found.resolved_at is not None:
                raise alerts.AlreadyResolved
            if action == "resolve":
                alerts.resolve(found.kind, found.subject)
            else:
                alerts.acknowledge(alert_id, person.name)
        except alerts.AlreadyResolved:
            messages.info(request, "The alarm is over already.")
            return redirect("console:alarms")
        audit.record(person, f"alert.{action}d", client_id=None, subject=alert_id)
    messages.success(request, _SAID[action])
    return redirect("console:alarms")


_SAID = {
    "acknowledge": "The alarm is yours: it stays open, and nobody else is called.",
    "resolve": "The alarm is closed. If its cause persists it is raised again.",
}
