"""Flower's settings, read by Flower itself (`--conf`): a password file instead of a command line.

A command line is readable by every user of the machine, this file's source is not.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from backend.stack.services import FLOWER_USER

_root = Path(__file__).resolve().parents[2]
_state = _root / os.environ.get("STATE_DIR", "var")
_secrets = _root / os.environ.get("SECRETS_DIR", str(_state / "secrets"))

basic_auth = [f"{FLOWER_USER}:{(_secrets / 'flower_password').read_text().strip()}"]
read_only = True
persistent = True
db = str(_state / "flower")
state_save_interval = 60_000  # milliseconds
max_tasks = 10_000


def format_task(task: Any) -> Any:
    """Keep the page readable; messages carry row ids only, so nothing here is clinical."""
    for field in ("args", "kwargs", "result"):
        value = getattr(task, field, None)
        if isinstance(value, str) and len(value) > 400:
            setattr(task, field, value[:400] + "…")
    return task
