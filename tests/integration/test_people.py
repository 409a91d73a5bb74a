"""People sign in with a password and have one role a client, which includes the lesser ones."""

from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from backend.clients.keys import create_client
from backend.clients.models import Client
from backend.clients.people import (
    Person,
    Place,
    Role,
    create_person,
    find_person,
    has_password,
)

LONG = "a-long-enough-phrase-41"


def test_a_role_includes_the_lesser_ones_at_its_own_client_only() -> None:
    person = Person(1, "ada", {7: Place(7, "north", "clinician"), 8: Place(8, "south", "operator")})
    assert person.clients(Role.SUBMITTER) == [7, 8]
    assert person.clients(Role.CLINICIAN) == [7, 8]
    assert person.clients(Role.OPERATOR) == [8]
    assert not Person(2, "bob", {7: Place(7, "north", "submitter")}).is_anywhere(Role.CLINICIAN)


def test_only_active_people_at_active_clients_are_found(owner_id: int) -> None:
    user = create_person("ada", LONG, owner_id, Role.CLINICIAN)
    found = find_person(user)
    assert found is not None
    assert found.places == {owner_id: Place(owner_id, "owner", "clinician")}
    Client.objects.filter(pk=owner_id).update(active=False)
    assert find_person(user) is None
    Client.objects.filter(pk=owner_id).update(active=True)
    get_user_model()._default_manager.filter(pk=user).update(is_active=False)
    assert find_person(user) is None


def test_a_weak_password_makes_nobody(owner_id: int) -> None:
    with pytest.raises(ValidationError):
        create_person("ada", "password1234", owner_id, Role.OPERATOR)
    assert not get_user_model()._default_manager.filter(username="ada").exists()


def test_the_command_writes_a_private_password_once(database: None, tmp_path: Path) -> None:
    file = tmp_path / "secrets" / "console_password"

    def run(*more: str) -> str:
        out = StringIO()
        call_command("create_person", "ada", "--client", "demo", *more, stdout=out)
        return out.getvalue()

    assert "new password" in run("--role", "operator", "--password-file", str(file))
    first = file.read_text().strip()
    assert file.stat().st_mode & 0o777 == 0o600
    assert has_password("ada", first)
    assert "kept" in run("--role", "operator", "--password-file", str(file))
    assert file.read_text().strip() == first
    printed = run("--role", "clinician").strip()
    assert has_password("ada", printed)
    assert not has_password("ada", first)
    user = get_user_model()._default_manager.get(username="ada")
    person = find_person(user.pk)
    assert person is not None
    assert [place.role for place in person.places.values()] == ["clinician"]
    assert create_client("demo") in person.places
    with pytest.raises(CommandError):
        run("--role", "king")
