"""Labelled records from a file: our own JSON lines, or the KTAS table, told apart by content.

Light on purpose (csv, json and the vocabulary): the replay command reads files with it in a
process that must not import numpy. Errors name the line and the column, never the value.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ml.case import TriageCase, parse_case
from ml.errors import InvalidCase, InvalidRecord
from ml.schema import Level

# Keys that may stand beside the API's body in our own JSON lines.
EXTRA_KEYS: Final = ("label", "id", "group")

# KTAS column -> vital sign. Moon et al., PLoS ONE 2019;14(9):e0216972.
_KTAS_VITALS: Final = {
    "pain_0_10": "pain_score",
    "sbp": "systolic_bp_mmhg",
    "dbp": "diastolic_bp_mmhg",
    "heart_rate": "heart_rate_bpm",
    "resp_rate": "respiratory_rate_bpm",
    "temp_c": "temperature_c",
    "spo2": "spo2_percent",
}
_KTAS_REQUIRED: Final = ("chief_complaint", "age", "sex", "avpu", *_KTAS_VITALS)
# How a field of the API is called in that table, for error messages.
_COLUMN_OF_FIELD: Final = {
    **{f"vital_signs.{field}": column for column, field in _KTAS_VITALS.items()},
    "vital_signs.consciousness": "avpu",
    "patient_age": "age",
    "patient_sex": "sex",
    "symptoms_data.chief_complaint": "chief_complaint",
}


@dataclass(frozen=True, slots=True)
class Record:
    """One case and what is known of it.

    `level` is the label, None where the file has none. `group` (a hospital, for instance) is
    for splitting and never a feature. `line` is where the record starts in its file, from 1.
    """

    case: TriageCase
    level: Level | None
    group: str | None
    line: int


def read_records(path: Path) -> Iterator[Record]:
    """Yield the records of `path` in order.

    Raises `InvalidRecord` at the first unreadable line and `OSError` where the file is.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            start = file.read(1)
            while start and start.isspace():
                start = file.read(1)
            file.seek(0)
            yield from _json_lines(file) if start == "{" else _ktas_rows(file)
        except UnicodeDecodeError:
            raise InvalidRecord("the file is not UTF-8 text") from None


def body_of(case: TriageCase) -> dict[str, Any]:
    """The API body that `parse_case` turns into `case` again."""
    body: dict[str, Any] = case.model_dump(exclude_none=True, mode="json")
    return body


def split_body(line: int, text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """One JSON line as (the API's body, the extra keys beside it). Raises `InvalidRecord`."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidRecord(f"line {line}: not a JSON object") from None
    if not isinstance(body, dict):
        raise InvalidRecord(f"line {line}: not a JSON object")
    extra = {key: body.pop(key) for key in EXTRA_KEYS if key in body}
    return body, extra


def _json_lines(lines: Iterator[str]) -> Iterator[Record]:
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        body, extra = split_body(number, text)
        group = extra.get("group")
        yield Record(
            case=_parse(body, number, {}),
            level=_level(extra.get("label"), number),
            group=None if group is None else str(group),
            line=number,
        )


def _ktas_rows(lines: Iterator[str]) -> Iterator[Record]:
    reader = csv.DictReader(lines)
    missing = [name for name in _KTAS_REQUIRED if name not in (reader.fieldnames or ())]
    if missing:
        raise InvalidRecord(f"line 1: neither JSON lines nor a KTAS table; no column {missing[0]}")
    try:
        for row in reader:
            line = reader.line_num
            if None in row or None in row.values():
                raise InvalidRecord(f"line {line}: as many columns as the header has are expected")
            yield Record(
                case=_parse(_ktas_body(row, line), line, _COLUMN_OF_FIELD),
                level=_level(row.get("label") or None, line),
                group=row.get("hospital") or None,
                line=line,
            )
    except csv.Error:
        raise InvalidRecord(f"line {reader.line_num}: not a readable table row") from None


def _ktas_body(row: Mapping[str, str], line: int) -> dict[str, Any]:
    vitals: dict[str, Any] = {
        field: _number(row[column], column, line)
        for column, field in _KTAS_VITALS.items()
        if row[column].strip()
    }
    if row["avpu"].strip():
        vitals["consciousness"] = row["avpu"].strip()
    body: dict[str, Any] = {
        "symptoms_data": {"chief_complaint": row["chief_complaint"]},
        "vital_signs": vitals,
    }
    if row["age"].strip():
        body["patient_age"] = _number(row["age"], "age", line)
    if row["sex"].strip():
        body["patient_sex"] = row["sex"].strip()
    return body


def _number(text: str, column: str, line: int) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidRecord(f"line {line}, column {column}: expected a number") from None


def _parse(body: dict[str, Any], line: int, columns: Mapping[str, str]) -> TriageCase:
    try:
        return parse_case(body)
    except InvalidCase as error:
        first = error.errors[0]
        column = columns.get(first.field, first.field or "the record")
        raise InvalidRecord(f"line {line}, column {column}: {first.message}") from None


def _level(label: object, line: int) -> Level | None:
    if label is None:
        return None
    try:
        return Level.parse(label if isinstance(label, str) else "")
    except ValueError as error:
        raise InvalidRecord(f"line {line}, column label: {error}") from None
