"""The first page: are patients waiting, is the model right, is anything broken."""

import datetime as dt
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from backend.clients.people import Person, Role
from backend.console import charts
from backend.console.access import page
from backend.monitoring import alerts, presence, registry, reports, status
from backend.triage import census

# What `/statusz` calls its parts, in the words of this page.
_PARTS = {
    "broker": "Broker",
    "triage_workers": "Triage workers",
    "model": "Model in the workers",
    "shadow": "Model in shadow",
    "retraining": "Retraining",
    "keeper": "Keeper",
    "background": "Beat and background worker",
    "processes": "Silent processes",
    "canary": "Synthetic request",
    "requests": "Oldest request in time",
    "accuracy_check": "Daily check",
    "alarms": "Notices of alarms",
}


@require_safe
@page(Role.SUBMITTER)
def overview(request: HttpRequest, person: Person) -> HttpResponse:
    part = request.GET.get("part") == "live"
    template = "console/_overview.html" if part else "console/overview.html"
    return render(request, template, _context(person))


def _context(person: Person) -> dict[str, Any]:
    clients = person.clients(Role.SUBMITTER)
    hour = census.last_hour(clients)
    found = status.status(dt.datetime.now(dt.UTC).date())
    return {
        "waiting": census.waiting(clients),
        "hour": hour,
        "hour_chart": _hour_chart(hour),
        "to_review": census.to_review(person.clients(Role.CLINICIAN)),
        "clinician": person.is_anywhere(Role.CLINICIAN),
        "operator": person.is_anywhere(Role.OPERATOR),
        "serving": registry.roles().serving,
        "shadow": registry.roles().shadow,
        "newest_report": reports.newest(),
        "parts": [(_PARTS.get(key, key), one["ok"]) for key, one in found["parts"].items()],
        "broken": [_PARTS.get(k, k) for k, one in found["parts"].items() if not one["ok"]],
        "workers": presence.alive(),
        "alarms": alerts.open_alerts(),
    }


def _hour_chart(hour: census.Hour) -> str:
    bins = [(f"{start.astimezone(dt.UTC):%H:%M}", counts) for start, counts in hour.bins]
    said = f"{hour.total} requests in bins of {census.BIN_MINUTES} minutes, UTC."
    return charts.stacked(bins, title="Answered in the last hour", said=said)
