"""The workers' app with inputs that do harm: what `celery -A tests.drills.faulty_worker` starts.

Without such an input it is `workers.app` unchanged. A complaint that contains one of
`words` makes the model of the child that gets it die, raise, or sleep; `DRILL_LOAD_SECONDS` makes
loading the model slow. Never imported by a test: it changes `ml.bundle.load` of its process.
"""

import dataclasses
import os
import signal
import time
from collections.abc import Sequence
from typing import Any

from ml import bundle
from tests.drills.words import KILLS, LOAD_SECONDS, RAISES, SLEEP_FILE, SLEEPS
from workers.app import app

_load = bundle.load


class Faulty:
    """A predictor that obeys the words; everything else goes to the real one."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def predict_many(self, rows: Sequence[Any]) -> Any:
        for case, _ in rows:
            words = case.symptoms_data.chief_complaint or ""
            if KILLS in words:
                os.kill(os.getpid(), signal.SIGKILL)
            if RAISES in words:
                raise RuntimeError(words)
            while SLEEPS in words and not os.path.exists(os.environ[SLEEP_FILE]):
                time.sleep(0.02)
        return self._real.predict_many(rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def _load_faulty(*arguments: Any, **options: Any) -> bundle.Bundle:
    time.sleep(float(os.environ.get(LOAD_SECONDS, "0")))
    found = _load(*arguments, **options)
    return dataclasses.replace(found, predictor=Faulty(found.predictor))


bundle.load = _load_faulty

__all__ = ["app"]
