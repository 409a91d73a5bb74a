"""Requests as people see them: the list with its filters, one case, its answer as it comes."""

from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from backend.clients import audit
from backend.clients.people import Person, Role
from backend.console.access import page
from backend.console.highlight import passages
from backend.console.timeline import timeline
from backend.triage import casebook, labels
from backend.triage.casebook import CaseFile, Filter, Place
from backend.triage.values import Author
from ml.case import TriageCase
from ml.schema import LEVELS, RANGES

# What the audit calls the opening of a case.
READ: Final = "request.read"
_SINCE = (("1", "last hour"), ("24", "last day"), ("168", "last 7 days"), ("2160", "last 90 days"))
_STATUS = ("open", "answered", "cancelled")
# A field whose name says its unit is shown without it: the value has it.
_NAMES = {
    "heart_rate_bpm": "heart rate",
    "respiratory_rate_bpm": "respiratory rate",
    "systolic_bp_mmhg": "systolic pressure",
    "diastolic_bp_mmhg": "diastolic pressure",
    "temperature_c": "temperature",
    "spo2_percent": "oxygen saturation",
    "pain_score": "pain",
    "patient_age": "age",
    "patient_sex": "sex",
    "urgency": "patient says",
}
_METHODS = ("ml", "rules", "red_flag_override", "low_confidence")


@require_safe
@page(Role.SUBMITTER)
def index(request: HttpRequest, person: Person) -> HttpResponse:
    asked = request.GET
    if "id" in asked and asked["id"].strip():
        return _jump(request, person, asked["id"].strip())
    wanted, chosen = _filter(asked)
    try:
        before = Place.parse(asked["before"]) if "before" in asked else None
    except ValueError:
        raise Http404 from None
    found = casebook.listed(_clients(person, asked), wanted, before)
    context = {
        "rows": found.rows,
        "older": found.after and urlencode({**chosen, "before": str(found.after)}),
        "newest": urlencode(chosen) if before else "",
        "chosen": chosen,
        "filtered": bool(chosen),
        "since": _SINCE,
        "statuses": _STATUS,
        "levels": LEVELS,
        "methods": _METHODS,
        "places": sorted(person.places.values(), key=lambda place: place.client),
    }
    return render(request, "console/requests.html", context)


@require_safe
@page(Role.SUBMITTER)
@transaction.atomic
def detail(request: HttpRequest, person: Person, request_id: str) -> HttpResponse:
    found = find(person, Role.SUBMITTER, request_id)
    # Who is judging it blind on the review page must not find the answer here.
    blind = casebook.held_blind(found.id, Author(user_id=person.user_id))
    context = shown(person, found) | {"blind": blind, "reasons": labels.REASONS}
    if blind:
        context["passages"] = passages(found.case, []) if found.case else []
    else:
        _keep(person, found)
    return render(request, "console/request.html", context)


@require_safe
@page(Role.SUBMITTER)
def answer(request: HttpRequest, person: Person, request_id: str) -> HttpResponse:
    """The answer alone, as a piece of a page: what `live.js` asks for until it is final."""
    found = find(person, Role.SUBMITTER, request_id)
    return render(request, "console/_answer.html", shown(person, found))


def find(person: Person, role: str, request_id: str) -> CaseFile:
    """The case; foreign, absent and malformed ids are the same 404."""
    try:
        row_id = UUID(request_id)
    except ValueError:
        raise Http404 from None
    found = casebook.find(person.clients(role), row_id)
    if found is None:
        raise Http404
    return found


def opened(person: Person, role: str, request_id: str) -> CaseFile:
    """The case for a page that shows what the patient said: the read is kept with its reader."""
    with transaction.atomic():
        found = find(person, role, request_id)
        _keep(person, found)
    return found


def _keep(person: Person, found: CaseFile) -> None:
    audit.record(person, READ, client_id=found.client_id, subject=found.id)


def shown(person: Person, found: CaseFile) -> dict[str, Any]:
    """What the pages of one case need."""
    answer = found.answer or found.provisional
    return {
        "found": found,
        "answer": answer,
        "is_open": found.status == "open",
        "passages": passages(found.case, found.rules.hits) if found.case else [],
        "vitals": measured(found.case) if found.case else [],
        "history": timeline(found),
        **why(answer),
        "levels": LEVELS,
        "may_label": found.client_id in person.clients(Role.CLINICIAN),
    }


def why(answer: dict[str, Any]) -> dict[str, Any]:
    """The rules that matched: those that ask for more than routine, and the others."""
    hits = answer["explanation"]["rules"]["hits"]
    strong = [hit for hit in hits if hit["level"] != LEVELS[0]]
    return {"strong": strong, "weak": [hit for hit in hits if hit["level"] == LEVELS[0]]}


def measured(case: TriageCase) -> list[tuple[str, str]]:
    """What was measured and told beside the texts, as (name, value with its unit)."""
    told = case.model_dump(
        exclude_none=True, exclude={"symptoms_data", "medical_history", "patient_id"}
    )
    values = [*told.pop("vital_signs", {}).items(), *told.items()]
    return [
        (_NAMES.get(name, name.replace("_", " ")), _said(name, value)) for name, value in values
    ]


def _said(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g} {RANGES[name].unit if name in RANGES else ''}".strip()
    return str(value)


def _jump(request: HttpRequest, person: Person, text: str) -> HttpResponse:
    found = find(person, Role.SUBMITTER, text)
    response = HttpResponse(status=302)
    response["Location"] = reverse("console:requests-one", args=[found.id])
    return response


def _clients(person: Person, asked: Any) -> list[int]:
    mine = person.clients(Role.SUBMITTER)
    named = [i for i in mine if person.places[i].client == asked.get("client")]
    return named or mine


def _filter(asked: Any) -> tuple[Filter, dict[str, str]]:
    """The filter, and what of the address it was made of; what is not offered is left out."""
    offered = {
        "hours": [hours for hours, _ in _SINCE],
        "status": _STATUS,
        "level": LEVELS,
        "method": _METHODS,
        "review": ("1",),
    }
    chosen = {key: asked[key] for key, values in offered.items() if asked.get(key) in values}
    if asked.get("client"):
        chosen["client"] = asked["client"]
    level = chosen.get("level")
    return (
        Filter(
            hours=int(chosen.get("hours", casebook.DEFAULT_HOURS)),
            status=chosen.get("status"),
            level=None if level is None else LEVELS.index(level),
            method=chosen.get("method"),
            review="review" in chosen,
        ),
        chosen,
    )
