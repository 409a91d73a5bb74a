"""Commands that people like: each says what it does, explains itself, speaks JSON if asked."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import load_command_class

ROOT = Path(__file__).resolve().parents[3]
# Runs for ever and logs.
SPEAKS_NO_JSON = {"keeper"}


def commands() -> dict[str, str]:
    """Our commands by name, with their app."""
    found = {}
    for path in ROOT.glob("*/**/management/commands/*.py"):
        if path.name != "__init__.py" and ".venv" not in path.parts:
            found[path.stem] = ".".join(path.relative_to(ROOT).parts[:-3])
    return found


COMMANDS = commands()
# Django's own, the same for every command.
_THEIRS = {"help", "version", "verbosity", "settings", "pythonpath", "traceback"} | {
    "no_color",
    "force_color",
    "skip_checks",
}


def parsers(name: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """The parser of a command and those of its verbs."""
    command: Any = load_command_class(COMMANDS[name], name)
    parser = command.create_parser("manage.py", name)
    yield name, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb, below in action.choices.items():
                yield f"{name} {verb}", below


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_explains_itself(name: str) -> None:
    for title, parser in parsers(name):
        assert (parser.description or "").strip().endswith((".", "?")), title
        for action in parser._actions:
            known = action.dest in _THEIRS or isinstance(action, argparse._SubParsersAction)
            # A positional's name may say it all; an option's never does.
            if not known and action.option_strings:
                assert action.help, f"{title} {action.option_strings[0]}"


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - SPEAKS_NO_JSON))
def test_a_command_speaks_json_if_asked(name: str) -> None:
    found = list(parsers(name))
    leaves = found[1:] or found
    for title, parser in leaves:
        options = {option for action in parser._actions for option in action.option_strings}
        assert "--json" in options, title


def test_the_page_of_operators_names_every_command() -> None:
    text = (ROOT / "docs" / "commands.md").read_text()
    for name in COMMANDS:
        assert f"`{name}" in text, name
