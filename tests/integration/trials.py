"""Patients of a trial, its plan, and who runs it."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from backend.clients import keys
from backend.clients.models import Scope
from backend.monitoring import arms, experiments
from backend.monitoring.experiments import By
from backend.monitoring.models import ModelVersion
from backend.triage import lifecycle
from backend.triage.values import Finished, Submission
from ml.case import parse_case
from ml.decision import decide
from ml.plan import Terms
from ml.prediction import Prediction
from ml.rules.engine import RULES_VERSION
from ml.schema import Level
from tests.integration.conftest import SORE_THROAT, Api

Sql = Callable[..., list[Any]]
DIGEST, OTHER = "a" * 64, "b" * 64
BY = By("system:tests", "tests", "because")
EXPERIMENTS = "/api/v1/experiments/"
# The rules call a sore throat routine or soon; this model says what a test wants.
AT_ONCE = Terms(shares=(0.5, 1.0), minimum_days=0, minimum_pairs=0, labels="all")


@pytest.fixture
def serving(database: None) -> None:
    ModelVersion.objects.create(
        version="v1", digest=DIGEST, stage="serving", rules_version=RULES_VERSION
    )
    arms.forget()


@pytest.fixture
def operator(owner_id: int) -> Api:
    return Api(keys.create_key(owner_id, "operator", (Scope.OPERATE,)))


class Patients:
    """Sends patients, answers them with a model that says `level`, and labels them."""

    def __init__(self, client_id: int, sql: Sql) -> None:
        self._client_id, self._sql = client_id, sql
        keys.create_key(client_id, "labels", (Scope.LABEL,))
        self._key = sql("SELECT max(id) FROM clients_apikey")[0][0]

    def send(self, ids: Sequence[str], **changes: Any) -> None:
        bodies = [SORE_THROAT | {"patient_id": one} | changes for one in ids]
        lifecycle.submit(self._client_id, [Submission(parse_case(body)) for body in bodies])

    def answer(self, level: Level = Level.SOON, digest: str = DIGEST) -> None:
        """Everything that is due, as a worker does."""
        token, rows, _ = lifecycle.claim(2_000)
        shares = [0.0, 0.0, 0.0, 0.0]
        shares[level] = 1.0
        said = Prediction(level, (shares[0], shares[1], shares[2], shares[3]))
        lifecycle.finish(
            token,
            [
                Finished(row.id, decide(row.rules, said, row.arm), row.rules, said, "v1", digest, 1)
                for row in rows
            ],
        )

    def label(self, level: Level, *, blind: bool = False) -> None:
        """Every answered request that has no label."""
        self._sql(
            "INSERT INTO triage_clinicianlabel (request_id, key_id, level, blind)"
            " SELECT id, %s, %s, %s FROM triage_triagerequest AS r WHERE NOT EXISTS"
            " (SELECT FROM triage_clinicianlabel WHERE request_id = r.id)",
            self._key,
            int(level),
            blind,
        )

    def settle(self) -> None:
        """As if all this had been half a minute ago."""
        self._sql("UPDATE triage_predictionlog SET created_at = created_at - interval '1 minute'")
        self._sql(
            "UPDATE monitoring_experiment SET collected_until = collected_until"
            " - interval '2 minutes'"
        )

    def arms(self) -> dict[str, str]:
        """By patient: the arm of the newest request."""
        return dict(
            self._sql(
                "SELECT patient_reference, arm FROM triage_triagerequest ORDER BY accepted_at, id"
            )
        )


@pytest.fixture
def patients(owner_id: int, serving: None, sql: Sql) -> Patients:
    return Patients(owner_id, sql)


def start(terms: Terms = AT_ONCE, name: str = "trial-1") -> experiments.Record:
    return experiments.start(name, "the model is better", terms, BY)


def names(count: int, of: str = "p") -> list[str]:
    return [f"{of}-{number}" for number in range(count)]


def rules_level(sql: Sql) -> Level:
    return Level(sql("SELECT max(priority) FROM triage_triagerequest")[0][0])
