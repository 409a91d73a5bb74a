"""What every page of the console shows around its content."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from backend.clients.people import Role
from backend.console.access import person_of
from backend.monitoring import alerts

THEME_COOKIE = "theme"
THEMES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the navigation. `count` is shown as a badge when it is not 0."""

    name: str
    label: str
    role: str
    count: int = 0

    @property
    def url(self) -> str:
        return reverse(f"console:{self.name}")


_PAGES = (
    Entry("overview", "Overview", Role.SUBMITTER),
    Entry("try", "Try it", Role.SUBMITTER),
    Entry("requests", "Requests", Role.SUBMITTER),
    Entry("review", "Review", Role.CLINICIAN),
    Entry("accuracy", "Accuracy", Role.CLINICIAN),
    Entry("models", "Models", Role.OPERATOR),
    Entry("experiments", "Experiments", Role.OPERATOR),
    Entry("alarms", "Alarms", Role.OPERATOR),
)


def console(request: HttpRequest) -> dict[str, Any]:
    """The navigation that this person may use. Empty outside the console's own pages."""
    person = person_of(request)
    if person is None:
        return {"theme": theme(request)}
    operator = person.is_anywhere(Role.OPERATOR)
    open_alarms = len(alerts.open_alerts()) if operator else 0
    entries = [
        Entry(one.name, one.label, one.role, open_alarms if one.name == "alarms" else 0)
        for one in _PAGES
        if person.is_anywhere(one.role)
    ]
    match = request.resolver_match
    return {
        "person": person,
        "entries": entries,
        "here": (match.url_name or "").partition("-")[0] if match else "",
        "theme": theme(request),
        "flower_url": settings.FLOWER_URL if operator else "",
    }


def theme(request: HttpRequest) -> str:
    """`light` or `dark` where this browser asked for one, else empty: the system decides."""
    asked = request.COOKIES.get(THEME_COOKIE, "")
    return asked if asked in THEMES else ""
