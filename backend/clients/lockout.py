"""Signing in: who guesses passwords is locked out for a while, in the console and the admin.

Failures are rows, so every process sees them and a restart forgets nothing. A name is stored as a
keyed hash: people type passwords into the wrong field.
"""

from typing import Any, Final

import structlog
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.signals import user_logged_in
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest

from backend import encryption
from backend.clients import audit
from backend.clients.models import LoginFailure
from backend.clients.people import Person
from backend.clients.throttling import address

log = structlog.get_logger()

WINDOW_MINUTES: Final = 15
# Failures within the window after which nothing is tried any more: of one name from one address,
# of one name from anywhere, of any name from one address.
MOST_OF_A_PAIR: Final = 5
MOST_OF_A_NAME: Final = 30
MOST_OF_AN_ADDRESS: Final = 30

_COUNT: Final = """
SELECT count(*) FILTER (WHERE name = %(name)s AND address = %(address)s),
    count(*) FILTER (WHERE name = %(name)s), count(*) FILTER (WHERE address = %(address)s)
FROM clients_loginfailure
WHERE at > now() - make_interval(mins => %(minutes)s)
    AND (name = %(name)s OR address = %(address)s)"""


class LockingBackend(ModelBackend):
    """Django's passwords behind the lock."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """The user, or None. Raises `PermissionDenied`, which ends the attempt like a wrong
        password does, for who is locked out: the answer does not tell."""
        if username is None or password is None:
            return None
        name = encryption.fingerprint(b"login|" + username.encode("utf-8", "replace"))
        place = address(request) if request is not None else "unknown"
        if _locked(name, place):
            log.warning("login.locked_out")
            raise PermissionDenied
        user = super().authenticate(request, username=username, password=password, **kwargs)
        if user is None:
            LoginFailure.objects.create(name=name, address=place)
            log.warning("login.failed")
        else:
            LoginFailure.objects.filter(name=name, address=place).delete()
        return user


def _locked(name: str, place: str) -> bool:
    parameters: dict[str, Any] = {"name": name, "address": place, "minutes": WINDOW_MINUTES}
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, parameters)
        pair, of_name, of_address = cursor.fetchone()
    return bool(
        pair >= MOST_OF_A_PAIR or of_name >= MOST_OF_A_NAME or of_address >= MOST_OF_AN_ADDRESS
    )


def forget_old() -> int:
    """Drop failures that no longer count; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM clients_loginfailure WHERE at < now() - make_interval(mins => %s)",
            [WINDOW_MINUTES],
        )
        return int(cursor.rowcount)


def _signed_in(sender: Any, user: Any, **kwargs: Any) -> None:
    audit.record(Person(user.pk, ""), "session.begin", client_id=None, subject=user.pk)


user_logged_in.connect(_signed_in, dispatch_uid="clients.lockout")
