"""Store clinicians' labels out of a CSV file, with a report of every row."""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections import Counter
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import Error

from backend import encryption
from backend.clients.keys import find_client
from backend.triage import label_import
from backend.triage.label_import import Row, UnreadableFile

REFUSED: Final = 1
PARTLY: Final = 3
_EPILOG = """columns:
  triage_log_id (or id), level; optional confidence (sure, unsure or 0-1), reason, note

exit codes:
  0  every row is stored, now or before
  1  nothing was stored: the file, a row, the client or the database refused
  2  wrong arguments
  3  --skip-bad: some rows were refused, the others are stored"""


class Command(BaseCommand):
    help = "Import labels from a CSV file. One bad row stores nothing, unless --skip-bad."

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> Any:
        parser = super().create_parser(prog_name, subcommand, epilog=_EPILOG, **options)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--client", required=True, help="whose requests are labelled")
        parser.add_argument(
            "--skip-bad", action="store_true", help="store the good rows beside refused ones"
        )
        parser.add_argument("--json", action="store_true", help="print JSON, all rows included")

    def handle(self, *args: Any, **options: Any) -> None:
        client_id = find_client(options["client"])
        if client_id is None:
            raise CommandError("--client: there is no client of that name", returncode=REFUSED)
        try:
            content = options["file"].read_bytes()
            rows = label_import.load(client_id, content, skip_bad=options["skip_bad"])
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}", returncode=REFUSED) from None
        except UnreadableFile as error:
            raise CommandError(f"{error}; nothing was stored", returncode=REFUSED) from None
        except (Error, encryption.Undecryptable) as error:
            said = f"stored nothing ({type(error).__name__})"
            raise CommandError(said, returncode=REFUSED) from None
        self._report(rows, as_json=options["json"])
        refused = sum(row.outcome == "refused" for row in rows)
        if refused:
            kept = "the others are stored" if options["skip_bad"] else "nothing was stored"
            code = PARTLY if options["skip_bad"] else REFUSED
            raise CommandError(f"{refused} rows were refused; {kept}", returncode=code)

    def _report(self, rows: list[Row], *, as_json: bool) -> None:
        counts = Counter(row.outcome for row in rows)
        if as_json:
            found = {"rows": [row.to_json() for row in rows], "counts": counts}
            self.stdout.write(json.dumps(found, indent=2))
            return
        for row in rows:
            if row.outcome == "refused":
                self.stdout.write(f"line {row.line}: refused: {row.problem}")
        shown = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
        self.stdout.write(f"{len(rows)} rows: {shown or 'nothing in the file'}")
