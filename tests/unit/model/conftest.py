"""One small model, trained once per session on synthetic patients, with its own keys."""

from pathlib import Path

import pytest

from ml.bundle import Checked, promote
from ml.case import TriageCase
from ml.cohort import generate
from ml.records import Record
from ml.rules.answer import RulesAnswer
from ml.rules.engine import assess
from ml.training import Fitted, fit, train

SEED = 7


@pytest.fixture(scope="session")
def records() -> list[Record]:
    return list(generate(1_200, SEED))


@pytest.fixture(scope="session")
def rows(records: list[Record]) -> list[tuple[TriageCase, RulesAnswer]]:
    return [(record.case, assess(record.case)) for record in records]


@pytest.fixture(scope="session")
def fitted(rows: list[tuple[TriageCase, RulesAnswer]], records: list[Record]) -> Fitted:
    return fit(rows, [record.level for record in records if record.level is not None], SEED)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the session's keys and models are."""
    return tmp_path_factory.mktemp("serving")


def _point_to(place: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("TRIAGE_MODEL_SIGNING_KEY", str(place / "keys" / "signing.key"))
    patch.setenv("TRIAGE_MODEL_VERIFY_KEY", str(place / "keys" / "verify.pub"))
    patch.setenv("TRIAGE_MODELS_DIR", str(place / "models"))


@pytest.fixture(autouse=True)
def serving(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test here uses the session's keys and models, and no other test does.

    By the very object that a test patches with: two would undo each other in the wrong order.
    """
    _point_to(place, monkeypatch)


@pytest.fixture(scope="session")
def saved(place: Path, records: list[Record]) -> Checked:
    """A promoted bundle in `place`; tests that change files copy it first."""
    with pytest.MonkeyPatch.context() as patch:
        _point_to(place, patch)
        checked = train(records, source="synthetic", seed=SEED)
        promote(checked.version)
    return checked


@pytest.fixture(scope="session")
def real_table() -> Path:
    """The real table beside the repository; never copied into it."""
    path = Path(__file__).resolve().parents[4] / "shared" / "data" / "ktas.csv"
    if not path.exists():
        pytest.skip("the real table is not on this machine")
    return path
