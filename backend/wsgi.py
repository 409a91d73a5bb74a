"""Django's application; `asgi.py` serves it. It never imports numpy or the model."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings")


@contextmanager
def _as_if_missing(*names: str) -> Iterator[None]:
    """An import of one of these fails inside, unless it is loaded already."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


# The REST framework takes both where they are installed, for pages and a test client that are not
# used here; alarms need them, in other processes. They are 6 MB of every web process.
with _as_if_missing("requests", "markdown"):
    import rest_framework.compat  # noqa: F401

application = get_wsgi_application()
