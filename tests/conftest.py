"""Which tests go together where several processes run the suite (`make test`), and what goes first.

Each process has its own stores (`tests.stores`), so tests of different files never meet. A file
stays whole, as its module's fixtures do; a directory whose tests share one dear fixture does too.
"""

from typing import Any

import pytest
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
