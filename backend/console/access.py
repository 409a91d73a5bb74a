"""The door of the console: who is signed in, what they may see, and what is said otherwise.

Every page goes through `page`: it finds the person of the session, asks for a role, and makes
sure that no answer is stored by a browser or a proxy. A page for a role that the person has nowhere
is refused (403); a thing of another client does not exist (404).
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from django.contrib.auth.views import redirect_to_login
from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from backend.clients.people import Person, find_person
from backend.logs import failure

log = structlog.get_logger()

View = Callable[..., HttpResponse]
RETRY_AFTER_SECONDS = 5


def page(role: str) -> Callable[[View], View]:
    """A view that is called with the request, the person, and the route's arguments."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                response = _respond(view, role, request, args, kwargs)
            except Error as error:
                log.error("console.database_unavailable", **failure(error))
                response = _said(request, 503, "The database cannot be reached", _NO_DATABASE)
                response["Retry-After"] = str(RETRY_AFTER_SECONDS)
            response["Cache-Control"] = "no-store"
            return response

        return guarded

    return decorate


def _respond(view: View, role: str, request: HttpRequest, args: Any, kwargs: Any) -> HttpResponse:
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path(), "console:login")
    person = find_person(request.user.pk)
    if person is None:
        return _said(request, 403, "No client yet", _NO_CLIENT, sign_out=True)
    request.person = person  # type: ignore[attr-defined]
    if not person.is_anywhere(role):
        return _said(request, 403, "This page is not for your role", _NOT_YOURS.format(role))
    try:
        return view(request, person, *args, **kwargs)
    except Http404:
        return _said(request, 404, "There is no such page", _NOT_FOUND)


def person_of(request: HttpRequest) -> Person | None:
    """For templates: the person, once `page` has found one."""
    found: Person | None = getattr(request, "person", None)
    return found


def not_found(request: HttpRequest, **_: str) -> HttpResponse:
    """Any other address below the console."""
    return _said(request, 404, "There is no such page", _NOT_FOUND)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _said(request, 403, "This form was too old", _OLD_FORM)


def _said(
    request: HttpRequest, status: int, title: str, text: str, *, sign_out: bool = False
) -> HttpResponse:
    # No token of a form where none is needed: foreign and absent pages are the same bytes.
    context = {"title": title, "text": text, "sign_out": sign_out}
    response = render(request, "console/said.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response


_NO_CLIENT = (
    "Your account belongs to no client. Ask an operator to add you: "
    "manage.py create_person NAME --client CLIENT --role ROLE."
)
_NOT_YOURS = "It needs the role {} at one of your clients at least. Ask an operator."
_NOT_FOUND = "It never existed, was deleted, or belongs to a client that you do not work for."
_OLD_FORM = "Nothing was changed. Go back, load the page again and repeat what you did."
_NO_DATABASE = (
    "Requests that were accepted are safe. This page needs the database; try again in a moment."
)
