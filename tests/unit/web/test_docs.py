"""Documents are tested like code."""

import re
from dataclasses import dataclass
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


# Pages whose blocks tests/acceptance/test_documents.py runs.
RUN = ("docs/integrating.md", "docs/data-scientists.md", "docs/upkeep.md", "docs/operations.md")
_COMMANDS = {"sh", "bash", "python", "js"}


@dataclass(frozen=True)
class Block:
    """One fenced block; `why_not` is the reason given in the line before it for not running it."""

    language: str
    text: str
    why_not: str


def blocks(page: Path) -> list[Block]:
    """The blocks of a page that hold commands or programs."""
    fenced = r"(?:^<!-- not run: (.+) -->\n)?^```(\w*)\n(.*?)^```$"
    found = re.findall(fenced, page.read_text(), re.MULTILINE | re.DOTALL)
    return [Block(lang, text, why) for why, lang, text in found if lang in _COMMANDS]


def test_every_block_of_commands_is_run_or_says_why_not() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")]
    for page in pages:
        if str(page.relative_to(ROOT)) not in RUN:
            silent = [block.text.splitlines()[0] for block in blocks(page) if not block.why_not]
            assert silent == [], f"{page.name}: run it (RUN) or say why not before it"
    assert all(blocks(ROOT / page) for page in RUN)
