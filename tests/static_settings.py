"""Settings for tools that only read the code (the type checker): no store, no real secret."""

import atexit
import os
import secrets
import shutil
import tempfile
from pathlib import Path

_directory = Path(tempfile.mkdtemp(prefix="triage-static-"))
atexit.register(shutil.rmtree, _directory, ignore_errors=True)
_NAMES = ("django_secret_key", "pseudonym_key", "experiment_salt", "payload_keys", "metrics_token")
for _name in _NAMES:
    (_directory / _name).write_text(secrets.token_hex(32))
os.environ["SECRETS_DIR"] = str(_directory)
os.environ.setdefault("DATABASE_URL", "postgres://nobody@localhost/none")

from backend.settings import *  # noqa: E402, F403
