"""People: who may sign in, and what each may do at which client.

A person has one role a client, and a role includes the ones before it: an operator may do what a
clinician may, a clinician what a submitter may.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from backend.clients.models import Membership

Role = Membership.Role
_ORDER = (Role.SUBMITTER, Role.CLINICIAN, Role.OPERATOR)


@dataclass(frozen=True, slots=True)
class Place:
    """A client that a person belongs to, and the role there."""

    client_id: int
    client: str
    role: str


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in, as the rest of the service sees it. `places` by client id."""

    user_id: int
    name: str
    places: Mapping[int, Place] = field(default_factory=dict)

    def clients(self, role: str) -> list[int]:
        """Ids of the clients at which this person has at least `role`."""
        least = _ORDER.index(Role(role))
        return [i for i, place in self.places.items() if _ORDER.index(Role(place.role)) >= least]

    def is_anywhere(self, role: str) -> bool:
        return bool(self.clients(role))


def find_person(user_id: int) -> Person | None:
    """The active user's memberships of active clients; None for nobody, or one without any."""
    rows = list(
        Membership.objects.filter(user_id=user_id, user__is_active=True, client__active=True)
        .order_by("client__name")
        .values_list("client_id", "client__name", "role", "user__username")
    )
    if not rows:
        return None
    places = {client_id: Place(client_id, client, role) for client_id, client, role, _ in rows}
    return Person(user_id, rows[0][3], places)


def create_person(name: str, password: str, client_id: int, role: str) -> int:
    """A person who may sign in, with this role at this client; returns the user's id.

    One who exists gets the password and the role. Raises `ValidationError` for a weak password.
    """
    users = get_user_model()._default_manager
    validate_password(password)
    with transaction.atomic():
        user, _ = users.get_or_create(username=name)
        user.set_password(password)
        user.save()
        Membership.objects.update_or_create(
            user_id=user.pk, client_id=client_id, defaults={"role": Role(role)}
        )
    return int(user.pk)


def has_password(name: str, password: str) -> bool:
    """Whether this is the password of the active person of that name."""
    user = get_user_model()._default_manager.filter(username=name, is_active=True).first()
    return user is not None and user.check_password(password)
