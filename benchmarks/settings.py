"""Our settings, and the naive tables beside ours in the same database."""

from backend.settings import *  # noqa: F403
from backend.settings import INSTALLED_APPS as _OURS

INSTALLED_APPS = [*_OURS, "benchmarks.naive"]
