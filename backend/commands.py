"""What commands with words of their own share: `manage.py models promote …`, each with --json."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from typing import Any, ClassVar

from django.core.management.base import BaseCommand

Declare = Callable[[str, Callable[..., None], str], ArgumentParser]


class WordedCommand(BaseCommand):
    """`codes` says what each exit code means; it stands as written under the help."""

    codes: ClassVar[str]

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> Any:
        parser = super().create_parser(prog_name, subcommand, epilog=self.codes, **options)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    @staticmethod
    def words(parser: ArgumentParser) -> Declare:
        """Declares one word: its name, the method that it runs, its help."""
        commands = parser.add_subparsers(required=True, metavar="COMMAND")

        def command(name: str, run: Callable[..., None], text: str) -> ArgumentParser:
            found: ArgumentParser = commands.add_parser(name, help=text, description=text)
            found.set_defaults(run=run)
            found.add_argument("--json", action="store_true", help="print JSON")
            return found

        return command
