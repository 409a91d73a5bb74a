"""Trials in JSON, and the small bodies that change one."""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from backend.monitoring import experiments
from backend.monitoring.experiments import Record
from ml.errors import FieldError, InvalidCase
from ml.plan import NAME_PATTERN, Terms, parse_terms

_Body = TypeVar("_Body", bound=BaseModel)
_Reason = Annotated[str, StringConstraints(max_length=300)]


class TrialPhase(BaseModel):
    """A stretch of a trial with one share."""

    number: int
    ml_share: float = Field(description="Share of the taking-part patients who meet the model")
    opened_at: datetime
    closed_at: datetime | None
    reason: str
    ml_answers: int = Field(description="Answers given in the model's arm")
    ml_fallbacks: int = Field(description="Of these, given by the rules as a fallback")


class Trial(BaseModel):
    """One trial of the model against the rules. Its numbers are those of the newest look."""

    model_config = ConfigDict(frozen=True)

    name: str
    hypothesis: str
    state: Literal["running", "stopped", "rolled_back"]
    outcome: Literal["", "ml", "rules"] = Field(description="Who answers since the end")
    reason: str
    plan: dict[str, Any]
    plan_hash: str = Field(description="SHA-256 of the plan, fixed at the start")
    started_at: datetime
    ended_at: datetime | None
    looked_at: datetime | None
    findings: dict[str, Any] | None = Field(
        description="Pairs, gain with its interval, each test's e-value and threshold, and what "
        "stands against the next phase; null before the first look"
    )
    phases: list[TrialPhase]


class TrialList(BaseModel):
    """Every trial, the newest first."""

    experiments: list[Trial]


class TrialStart(BaseModel):
    """Begin a trial of the model that serves now."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    name: Annotated[str, StringConstraints(pattern=f"^{NAME_PATTERN}$")]
    hypothesis: _Reason = ""
    plan: Terms = Terms()


class TrialRamp(BaseModel):
    """Open the next phase of the plan."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    reason: _Reason = ""


class TrialStop(BaseModel):
    """End a trial."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    outcome: Literal["ml", "rules"] = Field(description="Who answers everybody from now on")
    reason: _Reason = ""


def shown(record: Record) -> Trial:
    return Trial.model_validate(experiments.summary(record))


def parse_start(body: object) -> TrialStart:
    """Raises `InvalidCase` naming the field and what was expected."""
    if isinstance(body, dict) and "plan" in body:
        body = body | {"plan": parse_terms(body["plan"])}
    return _parse(TrialStart, body)


def parse_ramp(body: object) -> TrialRamp:
    """Raises `InvalidCase`, as `parse_start` does."""
    return _parse(TrialRamp, body)


def parse_stop(body: object) -> TrialStop:
    """Raises `InvalidCase`, as `parse_start` does."""
    return _parse(TrialStop, body)


_EXPECTED = {
    "name": "expected up to 50 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit",
    "hypothesis": "expected text of at most 300 characters",
    "reason": "expected text of at most 300 characters",
    "outcome": "expected ml or rules",
}


def _parse(model: type[_Body], body: object) -> _Body:
    if not isinstance(body, dict):
        raise InvalidCase((FieldError("", "object", "expected a JSON object"),))
    found = []
    try:
        parsed = model.model_validate(body)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False, include_context=False):
            name = str(detail["loc"][0])
            known = name in model.model_fields
            text = _EXPECTED.get(name, "is not valid") if known else "is not expected"
            field = name if known else "unknown field"
            found.append(FieldError(field, "invalid" if known else "unknown", text))
        raise InvalidCase(tuple(found)) from None
    texts = {name: value for name, value in parsed if isinstance(value, str)}
    if nul := [name for name, value in texts.items() if "\x00" in value]:
        raise InvalidCase((FieldError(nul[0], "text", "must hold no NUL character"),))
    return parsed
