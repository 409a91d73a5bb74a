"""Sealing again under the current key, while everything runs: both keys open, the first seals.

Each batch is one transaction and leaves what it did under the new key, so a rotation that is
killed goes on where it stopped, and a finished one finds nothing to do.
"""

import base64
import json
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog
from django.db import connection, transaction

from backend import encryption

log = structlog.get_logger()

_BATCH_ROWS: Final = 500


@dataclass(frozen=True, slots=True)
class Sealed:
    """A column of sealed bytes; `row` names the id that they are bound to."""

    table: str
    column: str
    key: str
    key_type: str
    row: str


# Every BinaryField of the service; a test compares.
COLUMNS: Final = (
    Sealed("triage_triagepayload", "sealed", "request_id", "uuid", row="request_id"),
    Sealed("triage_clinicianlabel", "sealed_note", "id", "bigint", row="request_id"),
    Sealed("triage_webhookendpoint", "sealed_secret", "id", "uuid", row="id"),
    Sealed("triage_webhookendpoint", "sealed_previous", "id", "uuid", row="id"),
    Sealed("triage_webhookendpoint", "sealed_secret", "id", "uuid", row="id"),
    Sealed("triage_webhookendpoint", "sealed_previous", "id", "uuid", row="id"),
)


@dataclass(frozen=True, slots=True)
class Rotated:
    """Rows sealed again, and rows that no key at hand opens: they are left as they are."""

    sealed: int = 0
    unreadable: int = 0


def rotate(column: Sealed, rows: int = _BATCH_ROWS) -> Rotated:
    """Seal every row of a column that is under another key than the current one."""
    sealed = unreadable = 0
    after: UUID | int | None = None
    while True:
        batch = _rotate_batch(column, rows, after)
        if batch is None:
            return Rotated(sealed, unreadable)
        count, failed, after = batch
        sealed, unreadable = sealed + count, unreadable + failed


def _rotate_batch(
    column: Sealed, rows: int, after: UUID | int | None
) -> tuple[int, int, UUID | int] | None:
    prefix = encryption.current_key_id().encode() + b":"
    beyond = "" if after is None else f"AND {column.key} > %(after)s"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT {column.key}, {column.row}, {column.column} FROM {column.table}
            WHERE {column.column} IS NOT NULL {beyond}
                AND substring({column.column} FROM 1 FOR %(length)s) <> %(prefix)s
            ORDER BY {column.key} LIMIT %(rows)s FOR UPDATE""",  # noqa: S608
            {"after": after, "length": len(prefix), "prefix": prefix, "rows": rows},
        )
        found = cursor.fetchall()
        if not found:
            return None
        again, unreadable = [], 0
        for key, row, sealed in found:
            try:
                plain = encryption.unseal(bytes(sealed), row)
            except encryption.Undecryptable:
                unreadable += 1
                continue
            again.append(
                {
                    "key": str(key),
                    "sealed": base64.b64encode(encryption.seal(plain, row)).decode(),
                }
            )
        cursor.execute(
            f"""UPDATE {column.table} AS old SET {column.column} = decode(new.sealed, 'base64')
            FROM jsonb_to_recordset(%(rows)s::jsonb) AS new(key {column.key_type}, sealed text)
            WHERE old.{column.key} = new.key""",  # noqa: S608
            {"rows": json.dumps(again)},
        )
    log.info("rotation.batch", count=len(again), reason=column.table)
    return len(again), unreadable, found[-1][0]
