"""Which tests go together where several processes run the suite (`make test`), and what goes first;
and the one database of all tests of a process.

Each process has its own stores (`tests.stores`), so tests of different files never meet. A file
stays whole, as its module's fixtures do; a directory whose tests share one dear fixture does too.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import setup_databases, teardown_databases
from xdist.scheduler import LoadScopeScheduling

# One running system; one trained model.
_WHOLE = ("tests/drills/", "tests/unit/model/")
# What takes longest begins first, or one process would end with it alone.
_FIRST = ("tests/drills/", "tests/integration/test_path.py")


class _Together(LoadScopeScheduling):
    """Gives a process one file, or one whole directory, after the other."""

    def _split_scope(self, nodeid: str) -> str:
        whole = (one for one in _WHOLE if nodeid.startswith(one))
        return next(whole, nodeid.partition("::")[0])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    config.option.loadscopereorder = False  # not by the number of tests
    return _Together(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        # Stable: the rest stays in its random order.
        items.sort(key=lambda item: not item.nodeid.startswith(_FIRST))


@pytest.fixture(scope="session")
def test_database(django_test_environment: None, django_db_blocker: Any) -> Iterator[None]:
    """Here and nowhere else: a directory that imported it would make another one, while threads of
    earlier tests stay with the first."""
    from backend.asgi import application
    from backend.clients.limits import limiter

    # Web processes agree on limits in a thread of their own; here it would outlive the database.
    limiter.start = lambda: None  # type: ignore[method-assign]
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False)
        yield
        connection.close()
        application._express.close()  # its threads keep their connections
        # Dropping it takes as long as a busy machine needs.
        connection.settings_dict["OPTIONS"] = {}
        teardown_databases(made, verbosity=0)
