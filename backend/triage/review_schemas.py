"""Labels and the review queue in JSON."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from backend.errors import refused
from backend.triage.labels import REASONS, WORDS
from backend.triage.schemas import MAX_NOTE_CHARS, Answer, LevelName, Note
from ml.errors import FieldError, InvalidCase
from ml.schema import LEVELS

REVIEWER_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9 ._@-]{0,59}$"
ReasonName = Literal[
    "agrees",
    "missed_finding",
    "misread_text",
    "vital_signs",
    "patient_context",
    "seen_in_person",
    "local_protocol",
    "wrong_input",
    "other",
]
Share = Annotated[float, Field(ge=0, le=1)]


class LabelBody(BaseModel):
    """The level that a clinician gives to a request."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    level: LevelName
    confidence: Literal["sure", "unsure"] | Share | None = Field(
        default=None, description="How sure the clinician is: 0–1; sure is 1, unsure 0.5"
    )
    reason: ReasonName | None = Field(
        default=None, description="That the answer is right, or what it missed"
    )
    note: Note | None = Field(default=None, description="Stored encrypted")
    reviewer: Annotated[str, StringConstraints(pattern=REVIEWER_PATTERN)] | None = Field(
        default=None, description="As it was given to the review queue"
    )
    answer_seen: bool = Field(
        default=False, description="The clinician knew the answer: the label is not blind"
    )

    @property
    def share(self) -> float | None:
        """The confidence as a number."""
        return WORDS[self.confidence] if isinstance(self.confidence, str) else self.confidence


class LabelGiven(BaseModel):
    """The label as it is kept, and the answer that it judges."""

    model_config = ConfigDict(frozen=True)
    id: int
    request_id: UUID
    level: LevelName
    confidence: float | None
    reason: str | None
    blind: bool = Field(description="Given out of the review queue before the answer was shown")
    created_at: datetime
    answer: Answer | None


class ReviewItem(BaseModel):
    """A case to judge, with what the patient's side sent."""

    model_config = ConfigDict(frozen=True)
    request_id: UUID
    accepted_at: datetime
    leased_until: datetime = Field(description="Until then nobody else is given this case")
    stratum: str = Field(description="Why it was drawn; `random` wherever it is blind")
    blind: bool = Field(description="Judge without the answer; it comes back with your label")
    input: dict[str, Any] = Field(description="The request's clinical fields, as in TriageCase")
    answer: Answer | None = Field(description="Null where the case is blind")


class ReviewQueue(BaseModel):
    """The caller's next cases."""

    model_config = ConfigDict(frozen=True)
    cases: list[ReviewItem]


_EXPECTED: Final = {
    "level": f"expected one of {', '.join(LEVELS)}",
    "confidence": "expected sure, unsure or a number from 0 to 1",
    "reason": f"expected one of {', '.join(REASONS)}",
    "note": f"expected text of at most {MAX_NOTE_CHARS} characters, no control characters",
    "reviewer": "expected 1 to 60 letters, digits, spaces or . _ @ -",
    "answer_seen": "expected true or false",
}


def parse_label(body: object) -> LabelBody:
    """Raises `InvalidCase` naming the field and what was expected."""
    if not isinstance(body, dict):
        raise InvalidCase((FieldError("", "object", "expected a JSON object"),))
    try:
        return LabelBody.model_validate(body)
    except ValidationError as error:
        raise refused(error, _EXPECTED) from None
