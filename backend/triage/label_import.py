"""Labels out of a CSV file: checked whole before anything is stored, and each row stored once.

Columns: `triage_log_id` (or `id`), `level`, optional `confidence` (sure, unsure, 0–1), `reason`,
`note`. A row that says what the request's newest imported label says already is not stored again,
so a file that only grows may be sent every night.
"""

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from backend.triage import labels, review_schemas
from backend.triage.labels import Given, Source
from backend.triage.values import Author
from ml.errors import InvalidCase
from ml.schema import Level

ID_COLUMNS: Final = ("triage_log_id", "id")
OPTIONAL: Final = ("confidence", "reason", "note")
MOST_BYTES: Final = 64 * 1024 * 1024
_NUMBER: Final = re.compile(r"[01]?\.?[0-9]{1,17}")


class UnreadableFile(Exception):
    """The file is no table of labels; the text names the line and what was expected."""


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one row: `stored`, `already` (this row or the same label was stored before),
    `refused` (`problem` says why), or `held back` (fine, but another row was refused)."""

    line: int
    outcome: str
    request_id: str | None = None
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Parsed:
    line: int
    request_id: UUID
    given: Given


def load(client_id: int, content: bytes, *, skip_bad: bool = False) -> list[Row]:
    """Store the labels of a CSV file for this client's requests; one outcome a row, in order.

    One refused row holds all others back, unless `skip_bad`. Everything is stored in one
    transaction. Raises `UnreadableFile` where the file is no such table.
    """
    digest = hashlib.sha256(content).hexdigest()
    rows = [_parse(line, cells) for line, cells in _table(content)]
    ids = [row.request_id for row in rows if isinstance(row, _Parsed)]
    known = labels.existing(client_id, ids)
    checked = [_known(row, known) for row in rows]
    if not skip_bad and any(isinstance(row, Row) for row in checked):
        return [
            row if isinstance(row, Row) else Row(row.line, "held back", str(row.request_id))
            for row in checked
        ]
    before = labels.newest_imported(ids)
    with transaction.atomic():
        return [
            row if isinstance(row, Row) else _store(client_id, row, digest, before)
            for row in checked
        ]


def _table(content: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    """Line numbers and cells by column."""
    if len(content) > MOST_BYTES:
        raise UnreadableFile(f"the file is larger than {MOST_BYTES // 2**20} MB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFile("the file is not UTF-8 text") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        columns = _columns(header)
        for cells in reader:
            if cells and len(cells) != len(columns):
                raise UnreadableFile(
                    f"line {reader.line_num}: expected {len(columns)} cells as in the header"
                )
            if cells:
                yield reader.line_num, dict(zip(columns, cells, strict=True))
    except csv.Error:
        raise UnreadableFile(f"line {reader.line_num}: not a readable row") from None


def _columns(header: Sequence[str]) -> list[str]:
    names = [name.strip() for name in header]
    ids = [name for name in names if name in ID_COLUMNS]
    if len(ids) != 1 or "level" not in names or len(set(names)) != len(names):
        raise UnreadableFile("line 1: expected the columns triage_log_id (or id) and level, once")
    known = {*ids, "level", *OPTIONAL}
    if not set(names) <= known:
        raise UnreadableFile(f"line 1: expected no other columns than {', '.join(sorted(known))}")
    return ["id" if name in ID_COLUMNS else name for name in names]


def _parse(line: int, cells: dict[str, str]) -> _Parsed | Row:
    """The row, or why it is refused, without repeating what it holds."""
    text = cells.pop("id").strip()
    try:
        request_id = UUID(text)
    except ValueError:
        return Row(line, "refused", problem="id: expected the id of a triage request")
    filled: dict[str, Any] = {name: cell.strip() for name, cell in cells.items() if cell.strip()}
    confidence = filled.get("confidence", "")
    if _NUMBER.fullmatch(confidence):
        filled["confidence"] = float(confidence)
    try:
        body = review_schemas.parse_label(filled)
    except InvalidCase as error:
        problem = "; ".join(f"{one.field}: {one.message}" for one in error.errors)
        return Row(line, "refused", str(request_id), problem)
    given = Given(Level.parse(body.level), body.share, body.reason or "", body.note)
    return _Parsed(line, request_id, given)


def _known(row: _Parsed | Row, known: set[UUID]) -> _Parsed | Row:
    if isinstance(row, Row) or row.request_id in known:
        return row
    return Row(row.line, "refused", str(row.request_id), "id: the client has no such request")


def _store(client_id: int, row: _Parsed, digest: str, before: dict[UUID, Given]) -> Row:
    stored = None
    earlier = before.get(row.request_id)
    if earlier is None or earlier != row.given:
        stored = labels.give(
            client_id,
            Author(),
            row.request_id,
            row.given,
            source=Source.IMPORT,
            # Nobody knows what was on the screen of whoever wrote the file.
            answer_seen=True,
            import_key=hashlib.sha256(f"{digest}|{row.line}".encode()).hexdigest(),
        )
    if stored is not None:
        before[row.request_id] = row.given
    return Row(row.line, "already" if stored is None else "stored", str(row.request_id))
