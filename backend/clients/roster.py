"""Clients, keys and people as an operator's commands make and change them: each change is an audit
event of `actor`, in the same transaction."""

from collections.abc import Mapping

from django.db import transaction
from django.db.models.functions import Now

from backend.clients import audit, keys, people
from backend.clients.models import ApiKey, Client, Membership


def enrol_client(actor: str, name: str, limits: Mapping[str, int] | None = None) -> int:
    """The id of the client of that name, made if there is none. `limits` are set where given:
    `requests_per_minute`, `requests_per_day`, `open_requests`."""
    with transaction.atomic():
        client_id = keys.find_client(name)
        if client_id is None:
            client_id = keys.create_client(name)
            audit.record(actor, "client.add", client_id=client_id, subject=client_id)
        if limits and Client.objects.filter(pk=client_id).exclude(**limits).update(**limits):
            audit.record(actor, "client.change", client_id=client_id, subject=client_id)
    return client_id


def issue_key(actor: str, client_id: int, name: str, scopes: tuple[str, ...]) -> str:
    """A new key, shown only now."""
    with transaction.atomic():
        key = keys.create_key(client_id, name, scopes)
        row_id = ApiKey.objects.values_list("id", flat=True).get(prefix=keys.prefix_of(key))
        audit.record(actor, "apikey.add", client_id=client_id, subject=row_id)
    return key


def revoke_key(actor: str, prefix: str) -> str | None:
    """End the key of that prefix, within a second; whose it is (the client's name), None where
    there is no such key. One that is revoked stays as it is."""
    with transaction.atomic():
        key = ApiKey.objects.select_for_update().filter(prefix=prefix).first()
        if key is None:
            return None
        if key.revoked_at is None:
            ApiKey.objects.filter(pk=key.pk).update(revoked_at=Now())
            audit.record(actor, "apikey.revoke", client_id=key.client_id, subject=key.pk)
        return key.client.name


def enrol_person(actor: str, name: str, password: str, client_id: int, role: str) -> int:
    """As `people.create_person`: the user's id. Raises `ValidationError` for a weak password."""
    with transaction.atomic():
        before = Membership.objects.filter(user__username=name, client_id=client_id).exists()
        user_id = people.create_person(name, password, client_id, role)
        change = "membership.change" if before else "membership.add"
        audit.record(actor, change, client_id=client_id, subject=user_id)
        audit.record(actor, "user.password", client_id=client_id, subject=user_id)
    return user_id
