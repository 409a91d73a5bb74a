"""`manage.py import_labels`: nothing half imported, and a file counts once."""

import io
import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command

from backend.triage import labels
from ml.schema import Level
from tests.integration.test_review import Sql, answered


class Importer:
    def __init__(self, file: Path) -> None:
        self._file = file

    def __call__(self, text: str, *options: str, client: str = "owner") -> dict[str, Any]:
        self._file.write_text(text)
        out = io.StringIO()
        self.code = 0
        try:
            call_command(
                "import_labels", str(self._file), "--client", client, "--json", *options, stdout=out
            )
        except CommandError as error:
            self.code, self.said = error.returncode, str(error)
        return json.loads(out.getvalue()) if out.getvalue() else {}


@pytest.fixture
def load(tmp_path: Path) -> Importer:
    return Importer(tmp_path / "labels.csv")


@pytest.fixture
def ids(owner_id: int, settings: Any) -> list[UUID]:
    settings.EXPERIMENT_ML_SHARE = 1.0
    return answered(owner_id, 3)


def outcomes(found: dict[str, Any]) -> list[str]:
    return [row["outcome"] for row in found["rows"]]


def test_rows_are_stored_with_all_that_they_say(ids: list[UUID], load: Importer, sql: Sql) -> None:
    text = "triage_log_id,level,confidence,reason,note\n"
    text += f'{ids[0]},urgent,0.75,vital_signs,"pale, cold"\n{ids[1]},soon,sure,,\n'
    assert outcomes(load(text)) == ["stored", "stored"]
    assert load.code == 0
    found = labels.newest_imported(ids)
    assert found[ids[0]] == labels.Given(Level.URGENT, 0.75, "vital_signs", "pale, cold")
    assert found[ids[1]] == labels.Given(Level.SOON, 1.0)
    rows = sql("SELECT source, key_id, user_id, blind FROM triage_clinicianlabel")
    assert set(rows) == {("import", None, None, False)}


def test_a_file_counts_once_and_a_growing_file_adds_its_new_rows(
    ids: list[UUID], load: Importer, sql: Sql
) -> None:
    first = f"id,level\n{ids[0]},urgent\n"
    assert outcomes(load(first)) == ["stored"]
    assert outcomes(load(first)) == ["already"]
    assert outcomes(load(f"{first}{ids[1]},soon\n")) == ["already", "stored"]
    # A correction, then the old file again: the correction stands.
    assert outcomes(load(f"id,level\n{ids[0]},soon\n")) == ["stored"]
    assert outcomes(load(first)) == ["already"]
    assert labels.newest(ids)[ids[0]].level == Level.SOON
    assert sql("SELECT count(*) FROM triage_clinicianlabel") == [(3,)]


def test_one_bad_row_stores_nothing_and_every_row_is_accounted_for(
    ids: list[UUID], load: Importer, sql: Sql
) -> None:
    text = f"id,level,confidence\n{ids[0]},soon,\n{uuid4()},soon,\n{ids[1]},high,2\nx,soon,\n"
    found = load(text)
    assert load.code == 1
    assert outcomes(found) == ["held back", "refused", "refused", "refused"]
    assert [row["line"] for row in found["rows"]] == [2, 3, 4, 5]
    problems = [row["problem"] for row in found["rows"][1:]]
    assert "no such request" in problems[0]
    assert "level: expected one of" in problems[1]
    assert "confidence: expected sure" in problems[1]
    assert "high" not in json.dumps(found)
    assert sql("SELECT count(*) FROM triage_clinicianlabel") == [(0,)]
    assert outcomes(load(text, "--skip-bad"))[0] == "stored"
    assert load.code == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "triage_log_id"),
        ("id,triage_log_id,level\n", "triage_log_id"),
        ("id,level,colour\n", "no other columns"),
        ("id,level\nonly-one-cell\n", "line 2: expected 2 cells"),
        ('id,level\n"open quote,soon\n', "not a readable row"),
    ],
)
def test_a_file_that_is_no_table_is_refused_whole(
    ids: list[UUID], load: Importer, text: str, expected: str
) -> None:
    assert load(text) == {}
    assert load.code == 1
    assert expected in load.said


def test_labels_for_another_clients_requests_are_refused(
    ids: list[UUID], stranger: Any, load: Importer
) -> None:
    assert outcomes(load(f"id,level\n{ids[0]},soon\n", client="stranger")) == ["refused"]
    load("id,level\n", client="nobody")
    assert "no client" in load.said
