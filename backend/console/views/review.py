"""The review queue, built for speed, and a clinician's level for a case that is looked at."""

from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from backend.clients import audit
from backend.clients.people import Person, Role
from backend.console.access import page
from backend.console.highlight import passages
from backend.console.views import requests
from backend.triage import casebook, labels, review
from backend.triage.labels import Given, Source
from backend.triage.schemas import MAX_NOTE_CHARS
from backend.triage.values import Author
from ml.schema import LEVELS, Level

# Buttons and keys 1 to 4, the most urgent first as on ESI, MTS and KTAS: 1 is the emergency.
KEYS: Final = tuple(enumerate(reversed(LEVELS), start=1))


@require_http_methods(["GET", "HEAD"])
@page(Role.CLINICIAN)
def queue(request: HttpRequest, person: Person) -> HttpResponse:
    """The next case of the person's clients; asking again shows the same one."""
    found = review.next_case(person.clients(Role.CLINICIAN), author(person))
    context: dict[str, Any] = {
        "found": found,
        "keys": KEYS,
        "most": MAX_NOTE_CHARS,
        "waiting": review.waiting(person.clients(Role.CLINICIAN)),
    }
    if found is not None:
        context["case"] = found.case
        context["passages"] = passages(found.case, [])
        context["vitals"] = requests.measured(found.case)
        if not found.blind:
            whole = casebook.find([found.client_id], found.request_id)
            if whole is not None and whole.answer is not None:
                context |= {"answer": whole.answer, **requests.why(whole.answer)}
    return render(request, "console/review.html", context)


@require_POST
@page(Role.CLINICIAN)
def judge(request: HttpRequest, person: Person, request_id: str) -> HttpResponse:
    """Store the level that was chosen on the review page, or put the case back; then the next."""
    row_id, mine = _known(person, request_id), person.clients(Role.CLINICIAN)
    if "skip" in request.POST:
        review.skip(mine, author(person), row_id)
    elif _store(request, person, row_id, answer_seen=_has_seen(person, row_id)) is None:
        messages.error(request, "Nothing was stored: choose one of the four levels.")
    return redirect("console:review")


@require_POST
@page(Role.CLINICIAN)
def override(request: HttpRequest, person: Person, request_id: str) -> HttpResponse:
    """Store a level from the page of a case, where its answer was seen."""
    row_id = _known(person, request_id)
    level = _store(request, person, row_id, answer_seen=True)
    if level is None:
        messages.error(request, "Nothing was stored: choose one of the four levels.")
    else:
        messages.success(request, f"Your level, {level.label}, is stored. The newest one counts.")
    return redirect("console:requests-one", row_id)


def author(person: Person) -> Author:
    return Author(user_id=person.user_id)


def _has_seen(person: Person, row_id: UUID) -> bool:
    """Who once opened the page of the case is not blind, whatever the queue hides."""
    return audit.was_recorded(person, requests.READ, row_id)


def _known(person: Person, request_id: str) -> UUID:
    """The id, if it is a request of a client where this person may judge."""
    try:
        row_id = UUID(request_id)
    except ValueError:
        raise Http404 from None
    if casebook.client_of(person.clients(Role.CLINICIAN), row_id) is None:
        raise Http404
    return row_id


def _store(
    request: HttpRequest, person: Person, row_id: UUID, *, answer_seen: bool
) -> Level | None:
    """The stored level; None where the form named none."""
    form = request.POST
    chosen, reason = form.get("level", ""), form.get("reason", "")
    client_id = casebook.client_of(person.clients(Role.CLINICIAN), row_id)
    if chosen not in LEVELS or client_id is None:
        return None
    given = Given(
        level=Level.parse(chosen),
        confidence=labels.WORDS["unsure" if "unsure" in form else "sure"],
        reason=reason if reason in labels.REASONS else "",
        note=form.get("note", "").replace("\x00", "").strip()[:MAX_NOTE_CHARS] or None,
    )
    labels.give(
        client_id,
        author(person),
        row_id,
        given,
        source=Source.CONSOLE,
        answer_seen=answer_seen,
    )
    return given.level
