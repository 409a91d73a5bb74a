"""Documents are tested like code."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def existing_tests() -> set[str]:
    found: set[str] = set()
    for file in (ROOT / "tests").rglob("test_*.py"):
        found.update(re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE))
    return found


def test_every_promise_names_existing_tests() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| (\d+) \|.*\|(.*)\|$", text, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 16))
    named = set(re.findall(r"`(test_\w+)`", text))
    assert named
    assert named <= existing_tests()


def test_every_link_and_file_in_the_documents_exists() -> None:
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        text = document.read_text()
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_api_page_names_every_field_and_its_range() -> None:
    from ml.case import Symptom, SymptomsData, TriageCase, VitalSigns
    from ml.schema import RANGES

    text = (ROOT / "docs" / "api.md").read_text()
    for model in (TriageCase, SymptomsData, Symptom, VitalSigns):
        for name in model.model_fields:
            assert f"{name}" in text, name
    for name, limits in RANGES.items():
        assert f"{limits.low:g}–{limits.high:g}" in text, name
