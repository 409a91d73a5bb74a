"""What goes into the lifecycle and comes out of it: frozen values, never rows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from ml.case import TriageCase
from ml.decision import Arm, Decision
from ml.prediction import Prediction
from ml.rules.answer import RulesAnswer


class KeyReused(Exception):
    """An idempotency key came back with another body; `index` is the item's place."""

    def __init__(self, index: int) -> None:
        super().__init__(f"item {index}")
        self.index = index


class Submission(NamedTuple):
    """One parsed request on its way in."""

    case: TriageCase
    idempotency_key: str | None = None


class Offer(NamedTuple):
    """A submission of somebody's that is to be stored with others'. `overloaded` as `submit` takes
    it; `call_id` is how the caller's side names its call."""

    client_id: int
    submission: Submission
    overloaded: bool
    call_id: str = ""


class Stored(NamedTuple):
    """A row as it was committed a moment ago: what a caller is shown without reading it again.

    `answer` is the record of the rules' answer; it is final where `answered`, else provisional.
    """

    accepted_at: datetime
    deadline_at: datetime
    batch: UUID | None
    answered: bool
    answer: dict[str, Any]


class Accepted(NamedTuple):
    """What became of one submission; nothing was `stored` for a repeated idempotency key."""

    id: UUID
    stored: Stored | None

    @property
    def created(self) -> bool:
        return self.stored is not None


@dataclass(frozen=True, slots=True)
class Claimed:
    """One row that this process may decide until its lease ends."""

    id: UUID
    arm: Arm
    case: TriageCase | None
    rules: RulesAnswer


class Claim(NamedTuple):
    """What a claim took, the most urgent there were, in no order, and its fencing token. `lost`: a
    row waits that a worker lost before; `lifecycle.claim_lost` takes it. A claim that took as many
    as it may does not say so."""

    token: UUID
    rows: list[Claimed]
    lost: bool


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a model that does not serve said of a row: logged, and nothing else."""

    model_version: str
    model_digest: str
    prediction: Prediction
    latency_us: int

    def to_json(self) -> dict[str, Any]:
        return {
            "version": self.model_version,
            "digest": self.model_digest,
            "level": int(self.prediction.level),
            "confidence": self.prediction.confidence,
            "probabilities": list(self.prediction.probabilities),
            "latency_us": self.latency_us,
        }


@dataclass(frozen=True, slots=True)
class Finished:
    """A worker's decision on one claimed row, with the model's opinion where there was one, and
    the unserved opinions beside it."""

    id: UUID
    decision: Decision
    rules: RulesAnswer
    prediction: Prediction | None
    model_version: str
    model_digest: str
    latency_us: int
    unserved: tuple[Opinion, ...] = ()


class FinishCounts(NamedTuple):
    """Rows of one finish: newly answered, of those by fallback, late but logged, amended, stale."""

    answered: int
    fallback: int
    kept: int
    amended: int
    stale: int


@dataclass(frozen=True, slots=True)
class Author:
    """Who labels or reviews: an API key or a person, never both; `reviewer` tells people behind
    one key apart, in the caller's own words."""

    key_id: int | None = None
    user_id: int | None = None
    reviewer: str = ""

    @property
    def actor(self) -> str:
        """How the audit names the author."""
        return f"user:{self.user_id}" if self.key_id is None else f"key:{self.key_id}"

    @property
    def name(self) -> str:
        """Who has a case on the screen: `key:7/ward-3`, `user:2`."""
        return f"{self.actor}/{self.reviewer}" if self.reviewer else self.actor
