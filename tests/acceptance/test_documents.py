"""What the documents tell people to type is typed here, page by page, beside one running service.

Which blocks are run, and which say why not, is checked at once by tests/unit/web/test_docs.py.
"""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.checkout import copy_checkout, environment
from tests.eventually import eventually
from tests.unit.web.test_docs import RUN, Block, blocks

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.acceptance]

START_SECONDS = 600


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of this checkout in which `make run`'s supervisor runs the whole service."""
    copy = copy_checkout(tmp_path_factory.mktemp("documents") / "clinical-triage")
    (copy / ".venv").symlink_to(Path(sys.executable).parents[1])
    output = copy / "output"
    with output.open("w") as file:
        supervisor = subprocess.Popen(
            [".venv/bin/python", "-m", "backend.stack", "run"],
            cwd=copy,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        eventually(
            lambda: "Paste this:" in output.read_text() or supervisor.poll() is not None,
            START_SECONDS,
            every=0.5,
            what="the service is up",
        )
        assert supervisor.poll() is None, output.read_text()
        yield copy
    finally:
        if supervisor.poll() is None:
            supervisor.send_signal(signal.SIGINT)
            supervisor.wait(120)


def script(page: list[Block]) -> str:
    """The page's blocks as one shell script, so that a variable set above is known below."""
    lines = ["set -euo pipefail"]
    for block in page:
        if block.language == "sh":
            lines.append(block.text)
        else:
            program = {"python": ".venv/bin/python -", "js": "node --input-type=module -"}
            lines.append(f"{program[block.language]} <<'END OF BLOCK'\n{block.text}END OF BLOCK")
    return "\n".join(lines)


@pytest.mark.parametrize("name", RUN)
def test_a_page_works_as_written(checkout: Path, name: str) -> None:
    page = [block for block in blocks(ROOT / name) if not block.why_not]
    if any(block.language == "js" for block in page) and shutil.which("node") is None:
        pytest.skip("node is not installed")
    said = json.loads((checkout / "var" / "stack.json").read_text())
    ran = subprocess.run(
        ["bash", "-c", script(page)],
        cwd=checkout,
        env=environment() | {"URL": said["addresses"]["web"]},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert ran.returncode == 0, f"{ran.stdout[-3000:]}\n{ran.stderr[-3000:]}"
    for expected in EXPECTED.get(name, ()):
        assert expected in ran.stdout, ran.stdout


# What a page must have shown, beyond ending well.
EXPECTED = {
    "docs/integrating.md": ('"done":true', '"triage_log_id"', "meanwhile:", "answer:"),
    "docs/data-scientists.md": ("winter", '"answered": 20'),
    "docs/upkeep.md": ("restored: ",),
    "docs/operations.md": ("request.accepted", "batch.finished", "http.answered"),
}
