"""`manage.py replay`: records through HTTP, every one answered, scored and timed."""

import json
from pathlib import Path

import pytest

from ml.cohort import generate
from ml.errors import InvalidRecord
from ml.records import body_of
from tests.integration.processes import Processes
from workers import replay

LABELLED = 30


def write_records(path: Path) -> Path:
    lines = []
    for record in generate(LABELLED, seed=3):
        assert record.level is not None
        lines.append(json.dumps(body_of(record.case) | {"label": record.level.label}))
    path.write_text("\n".join(lines) + "\n")
    return path


def test_records_are_all_answered_and_scored(
    processes: Processes, owner_key: str, tmp_path: Path
) -> None:
    web, _ = processes.web_and_worker(owner_key, children=2)
    key_file = tmp_path / "key"
    key_file.write_text(owner_key)
    arguments = ["manage.py", "replay", str(write_records(tmp_path / "records.jsonl"))]
    arguments += ["--url", str(web.base_url), "--key-file", str(key_file)]
    done = processes.run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["records"] == found["answered"] == LABELLED
    assert sum(found["by_method"].values()) == LABELLED
    assert found["scores"]["all"]["n"] == LABELLED
    assert found["latency_ms"]["p50"] <= found["latency_ms"]["p99"]
    shown = processes.run(*arguments, "--limit", "5", "--rate", "20")
    assert shown.returncode == 0, shown.stderr
    assert "records     5, answered 5" in shown.stdout
    assert "emergency recall" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.csv"], "No such file"),
        (["manage.py", "--rate", "fast"], "Error"),
        (["manage.py", "--rate", "profile"], "Error"),
    ],
)
def test_wrong_arguments_end_with_a_clear_error(
    processes: Processes, arguments: list[str], said: str
) -> None:
    done = processes.run("manage.py", "replay", *arguments, "--url", "http://127.0.0.1:1")
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_arrivals_follow_the_profile(tmp_path: Path) -> None:
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    rows = ["Weekday,Hour,mean,std,max,count"]
    rows += [f"{day},{hour},{20 if hour == 1 else 1},1,9,99" for day in days for hour in range(24)]
    path = tmp_path / "profile.csv"
    path.write_text("\n".join(rows))
    due = replay.at_profile(path, speedup=3600, seed=1)
    first = [next(due) for _ in range(200)]
    assert first == sorted(first)
    busy = sum(1 for second in first if int(second) % 24 == 1)
    assert busy > 60, "the hour with twenty times the mean holds its share"
    path.write_text("Weekday,Hour\nMon,1\n")
    with pytest.raises(InvalidRecord, match="mean"):
        next(replay.at_profile(path, speedup=1, seed=1))
