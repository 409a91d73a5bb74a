"""A copy of this checkout, and the environment of the person who has just cloned it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def copy_checkout(to: Path) -> Path:
    """Every file git knows or would add, and nothing else: no environment, no state, no model."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.split(b"\0")
    for name in filter(None, map(os.fsdecode, listed)):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, to / name)
    assert not (to / ".venv").exists()
    return to


def environment() -> dict[str, str]:
    """The developer's environment without what this run of the tests or a make above has set."""
    ours = re.compile(
        r"(DATABASE|REDIS)_URL|.*_DIR|TRIAGE_.*|DJANGO_.*|.*_PORT|ALLOWED_HOSTS|MAKE.*|MFLAGS"
        r"|VIRTUAL_ENV|PYTHONPATH|PYTEST_.*|CI"
    )
    return {name: value for name, value in os.environ.items() if not ours.fullmatch(name)}
