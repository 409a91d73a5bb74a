"""JSON out, and the small envelopes of JSON in. The case itself is `ml.case.TriageCase`."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from backend.errors import refused
from ml.case import misleading
from ml.errors import FieldError, InvalidCase
from ml.schema import LEVELS

LevelName = Literal["routine", "soon", "urgent", "emergency"]
MAX_NOTE_CHARS = 4_000


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True)


class Answer(_Out):
    """One answer: the level, who decided it and why."""

    prediction: LevelName
    confidence: float = Field(description="The model's probability of this level; 0.0 by rules")
    probabilities: dict[LevelName, float] | None
    method: Literal["ml", "rules", "red_flag_override", "low_confidence"]
    ab_group: Literal["ml", "rules", "rules_fallback", "excluded"]
    fallback: bool = Field(description="The rules answered because the model could not")
    model_version: str | None
    model_digest: str | None
    rules_version: str
    care_level: Literal["online", "gp", "specialist", "emergency"]
    needs_review: bool = Field(description="A clinician should look at this answer")
    reason: str
    explanation: dict[str, Any]
    trace: list[str]
    amended: bool = Field(description="A later opinion raised the first answer")
    answered_at: datetime | None


class TriageResource(_Out):
    """A request and what is known of its answer. It supports a clinician and decides nothing."""

    id: UUID
    status: Literal["open", "answered", "cancelled"]
    done: bool
    accepted_at: datetime
    deadline_at: datetime = Field(description="From here on every read gives an answer")
    batch: UUID | None
    answer: Answer | None
    provisional: Answer | None = Field(description="The rules' answer while the request is open")


class ClassicAnswer(Answer):
    """The one-call answer; `triage_log_id` is what feedback refers to."""

    id: UUID
    triage_log_id: UUID


class BatchItem(_Out):
    """One item of a batch: accepted with its resource, or refused with a problem."""

    index: int
    status: Literal[202, 400]
    request: TriageResource | None = None
    problem: dict[str, Any] | None = None


class BatchAccepted(_Out):
    batch: UUID
    accepted: int
    refused: int
    items: list[BatchItem]


class RequestPage(_Out):
    """Requests, the newest first."""

    items: list[TriageResource]
    next: str | None = Field(description="`cursor` of the next page; null on the last")


class BatchProgress(RequestPage):
    """How far a batch is, and a page of its requests."""

    batch: UUID
    done: bool
    total: int
    open: int
    answered: int
    cancelled: int


class LabelStored(_Out):
    id: int
    triage_log_id: UUID
    doctor_correction: LevelName


def _readable(text: str) -> str:
    if misleading(text):
        raise ValueError
    return text


Note = Annotated[str, StringConstraints(max_length=MAX_NOTE_CHARS), AfterValidator(_readable)]


class Feedback(BaseModel):
    """A clinician's level for a request that was answered."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    triage_log_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    doctor_correction: LevelName = Field(description="The level that the clinician gives")
    ml_prediction: LevelName | None = Field(
        default=None, description="The answer that the clinician saw; must match ours"
    )
    feedback_note: Note | None = Field(default=None, description="Stored encrypted")


class Problem(_Out):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[dict[str, str]] | None = None


def parse_feedback(body: object) -> Feedback:
    """Raises `InvalidCase` naming the field and what was expected."""
    if not isinstance(body, dict):
        raise InvalidCase((FieldError("", "object", "expected a JSON object"),))
    try:
        return Feedback.model_validate(body)
    except ValidationError as error:
        raise refused(error, _EXPECTED) from None


_LEVEL_TEXT = f"expected one of {', '.join(LEVELS)}"
_EXPECTED = {
    "triage_log_id": "expected the id of a triage request, as text",
    "doctor_correction": _LEVEL_TEXT,
    "ml_prediction": _LEVEL_TEXT,
    "feedback_note": f"expected text of at most {MAX_NOTE_CHARS} characters, no control characters",
}
