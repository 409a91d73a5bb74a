"""Settings for tools that only read the code (the type checker): no store, no real secret."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from backend.stack.secrets import create_missing

_directory = Path(tempfile.mkdtemp(prefix="triage-static-"))
atexit.register(shutil.rmtree, _directory, ignore_errors=True)
create_missing(_directory)
os.environ["SECRETS_DIR"] = str(_directory)
os.environ.setdefault("DATABASE_URL", "postgres://nobody@localhost/none")

from backend.settings import *  # noqa: E402, F403
