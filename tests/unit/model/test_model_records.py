"""Reading labelled records: two forms, told apart by content; errors without values."""

import json
from pathlib import Path

import pytest

from ml.case import parse_case
from ml.errors import InvalidRecord
from ml.records import Record, body_of, read_records
from ml.schema import Level

HEADER = (
    "hospital,age,sex,arrival_mode,injury,chief_complaint,avpu,pain_present,pain_0_10,sbp,dbp,"
    "heart_rate,resp_rate,temp_c,spo2,patients_per_hour,ktas_nurse,ktas_expert,label,label_nurse"
)


def table(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "table.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def lines(tmp_path: Path, *texts: str) -> Path:
    path = tmp_path / "records.jsonl"
    path.write_text("\n".join(texts) + "\n")
    return path


def test_a_table_row_becomes_a_case(tmp_path: Path) -> None:
    path = table(
        tmp_path, '2,71,female,walk,1,"pain, knee",V,1,6.0,120,70,88,18,36.5,,9,5,4,soon,routine'
    )
    [record] = read_records(path)
    assert (record.level, record.group, record.line) == (Level.SOON, "2", 2)
    assert body_of(record.case) == {
        "symptoms_data": {"chief_complaint": "pain, knee", "symptoms": []},
        "patient_age": 71.0,
        "patient_sex": "female",
        "medical_history": [],
        "vital_signs": {
            "heart_rate_bpm": 88.0,
            "respiratory_rate_bpm": 18.0,
            "systolic_bp_mmhg": 120.0,
            "diastolic_bp_mmhg": 70.0,
            "temperature_c": 36.5,
            "consciousness": "V",
            "pain_score": 6.0,
        },
    }


def test_what_a_nurse_answered_is_no_part_of_the_case(tmp_path: Path) -> None:
    start, end = "1,50,male,", ",0,cough,A,0,,120,70,80,18,36.5,98,"
    first, second = read_records(
        table(
            tmp_path,
            start + "walk" + end + "3,1,4,soon,emergency",
            start + "ambulance" + end + "20,5,4,soon,routine",
        )
    )
    assert first.case == second.case


def test_a_blank_complaint_stands_beside_vital_signs(tmp_path: Path) -> None:
    [record] = read_records(
        table(tmp_path, "1,50,male,w,0,,A,0,,120,70,80,18,36.5,98,3,1,4,soon,soon")
    )
    assert record.case.texts() == ()


def test_a_blank_table_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRecord, match="line 2, column chief_complaint"):
        list(read_records(table(tmp_path, "1,50,male,w,0,,,0,,,,,,,,3,1,4,soon,soon")))


@pytest.mark.parametrize(
    ("column", "value"),
    [("age", "many"), ("sbp", "1200"), ("avpu", "X"), ("label", "purple"), ("sex", "Smith")],
)
def test_an_error_names_line_and_column_never_the_value(
    tmp_path: Path, column: str, value: str
) -> None:
    values = "1,50,male,w,0,cough,A,0,,120,70,80,18,36.5,98,3,1,4,soon,soon"
    row = dict(zip(HEADER.split(","), values.split(","), strict=True))
    good = values
    bad = ",".join({**row, column: value}.values())
    with pytest.raises(InvalidRecord) as caught:
        list(read_records(table(tmp_path, good, bad)))
    assert f"line 3, column {column}" in str(caught.value)
    assert value not in str(caught.value)


def test_json_lines_carry_the_api_body_and_a_label(tmp_path: Path) -> None:
    body = {"symptoms_data": {"chief_complaint": "cough"}, "patient_age": 3.5, "pregnant": False}
    path = lines(tmp_path, json.dumps({**body, "label": "urgent", "id": 7, "group": "north"}), "")
    assert list(read_records(path)) == [Record(parse_case(body), Level.URGENT, "north", 1)]


def test_a_record_may_have_no_label(tmp_path: Path) -> None:
    path = lines(tmp_path, '{"symptoms_data": {"chief_complaint": "cough"}}')
    assert [record.level for record in read_records(path)] == [None]


@pytest.mark.parametrize("text", ["{", "{]", '{"a": ' * 100_000, '{"label": "soon"}', "{} {}"])
def test_a_bad_line_is_refused_by_number(tmp_path: Path, text: str) -> None:
    good = '{"symptoms_data": {"chief_complaint": "cough"}}'
    with pytest.raises(InvalidRecord, match="line 2"):
        list(read_records(lines(tmp_path, good, text)))


def test_other_tables_and_other_encodings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InvalidRecord, match="no column chief_complaint"):
        list(read_records(path))
    path.write_bytes(b'{"symptoms_data": {"chief_complaint": "\xff\xfe"}}')
    with pytest.raises(InvalidRecord, match="UTF-8"):
        list(read_records(path))


def test_a_body_parses_to_the_same_case(records: list[Record]) -> None:
    for record in records[:200]:
        assert parse_case(body_of(record.case)) == record.case
