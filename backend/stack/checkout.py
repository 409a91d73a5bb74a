"""Where this checkout keeps what: the one place that knows directories."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Checkout:
    """The directories one running instance uses; all absolute."""

    root: Path
    state: Path
    secrets: Path
    models: Path

    @classmethod
    def of(cls, environ: Mapping[str, str], root: Path = ROOT) -> Checkout:
        """The directories named by STATE_DIR, SECRETS_DIR and TRIAGE_MODELS_DIR, or the defaults.

        Relative values are relative to the checkout, not to where the command was typed.
        """
        state = root / environ.get("STATE_DIR", "var")
        return cls(
            root=root,
            state=state,
            secrets=root / environ.get("SECRETS_DIR", str(state / "secrets")),
            models=root / environ.get("TRIAGE_MODELS_DIR", "ml/models"),
        )

    @property
    def logs(self) -> Path:
        return self.state / "log"

    @property
    def metrics(self) -> Path:
        return self.state / "metrics"

    def forget_metrics(self) -> None:
        """Delete what earlier processes counted: a new start counts from 0."""
        shutil.rmtree(self.metrics, ignore_errors=True)

    def make_state(self) -> None:
        """Create the state directory (0700) if it is missing; never touches an existing one."""
        # mkdir's mode is subject to umask, which can only narrow 0700 further.
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.logs.mkdir(mode=0o700, exist_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write `text` to `path` with mode 0600, whole or not at all, replacing what was there."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
