"""People sign in with a password and have one role a client, which includes the lesser ones."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from backend.clients.keys import create_client, find_caller, find_client, prefix_of
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


def test_what_a_command_makes_is_audited_with_it(
    database: None, sql: Callable[..., list[Any]], tmp_path: Path
) -> None:
    def run(*arguments: str) -> str:
        out = StringIO()
        call_command(*arguments, stdout=out)
        return out.getvalue().strip()

    seen = 0

    def events() -> list[tuple[str, str]]:
        """Those since the last look."""
        nonlocal seen
        found = sql("SELECT actor, action, client_id FROM clients_auditevent ORDER BY id")[seen:]
        seen += len(found)
        assert {client for _, _, client in found} <= {find_client("north")}
        return [(actor, action) for actor, action, _ in found]

    made = "command:create_client"
    key = run("create_client", "north", "--open-requests", "50", "--requests-per-day", "1000")
    assert events() == [(made, "client.add"), (made, "client.change"), (made, "apikey.add")]
    caller = find_caller(key)
    assert caller is not None
    assert (caller.open_requests, caller.requests_per_day) == (50, 1000)
    run("create_client", "north", "--open-requests", "50")
    assert events() == [(made, "apikey.add")], "nothing about the client was changed"
    run("create_person", "ada", "--client", "north", "--role", "clinician")
    run("create_person", "ada", "--client", "north", "--role", "operator")
    told = [action for _, action in events()]
    assert told == ["membership.add", "user.password", "membership.change", "user.password"]
    prefix = prefix_of(key)
    assert json.loads(run("revoke_key", f"tri_{prefix}", "--json"))["client"] == "north"
    assert find_caller(key) is None
    run("revoke_key", prefix)
    assert events() == [("command:revoke_key", "apikey.revoke")], "revoked once"


@pytest.mark.parametrize(
    "wrong",
    [
        ("revoke_key", "00000000"),
        ("revoke_key", "tri_01234567_a-whole-key-is-no-prefix"),
        ("create_client", "north", "--open-requests", "-1"),
        ("create_client", "north", "--requests-per-minute", "0"),
        ("create_client", "north", "--requests-per-day", "many"),
    ],
)
def test_a_command_called_wrongly_changes_nothing(database: None, wrong: tuple[str, ...]) -> None:
    with pytest.raises(CommandError) as caught:
        call_command(*wrong)
    assert "a-whole-key" not in str(caught.value)
    assert find_client("north") is None


def test_a_key_that_cannot_be_handed_over_is_not_made(database: None, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((CommandError, OSError)):
        call_command("create_client", "north", "--key-file", str(tmp_path / "file" / "key"))
    assert find_client("north") is None
