"""The plan of a trial: what is compared, how it ramps up, and what ends it. Light and pure.

A plan is fixed before the first patient. Its hash is stored at the start, repeated in every phase
and compared at every step, so that nobody moves a limit after seeing the results.
"""

import hashlib
import json
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ml.errors import FieldError, InvalidCase

NAME_PATTERN = r"[a-z0-9][a-z0-9._-]{0,49}"

Share = Annotated[float, Field(gt=0, le=1, strict=False)]
# Each test's chance to sound although nothing is wrong, over the whole trial however often one
# looks. The four together stay at 5 %.
Alpha = Annotated[float, Field(ge=0.0001, le=0.1)]


class Terms(BaseModel):
    """What an operator may choose; each has a default that fits a first trial."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    shares: Annotated[tuple[Share, ...], Field(min_length=1, max_length=10, strict=False)] = Field(
        default=(0.05, 0.25, 0.5, 1.0),
        description="The model's share of patients in each phase, 0–1, rising",
    )
    minimum_days: Annotated[float, Field(ge=0, le=90)] = Field(
        default=3.0, description="Days that a phase lasts at least before the next"
    )
    minimum_pairs: Annotated[int, Field(ge=0, le=100_000)] = Field(
        default=50, description="Labelled patients that a phase has at least before the next"
    )
    labels: Literal["blind", "all"] = Field(
        default="blind",
        description="Which labels count: those given before the answer was shown, or all",
    )
    accuracy_alpha: Alpha = 0.025
    under_triage_alpha: Alpha = 0.015
    ratio_alpha: Alpha = 0.005
    fallback_alpha: Alpha = 0.005
    fallback_limit: Annotated[float, Field(ge=0.001, le=0.5)] = Field(
        default=0.05, description="Share of the model's patients that may be answered by fallback"
    )

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if any(a >= b for a, b in zip(self.shares, self.shares[1:], strict=False)):
            raise ValueError("rising")
        return self


class Plan(Terms):
    """The operator's choice with what is compared: one model, under one draw of patients."""

    model_version: str
    model_digest: str
    rules_version: str
    # What the model's decisions are made with (`ml.decision.Policy`), 0–1.
    minimum_confidence: float
    # Another salt or key of patient references would draw other patients under the same plan.
    draw_digest: str

    def digest(self) -> str:
        """SHA-256 over the plan as canonical JSON, hex."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def draw_digest(salt: str, probe: str) -> str:
    """What a plan keeps of the salt and of the key behind patient references (`probe`: the
    reference of nobody): enough to see that patients would be drawn anew."""
    return hashlib.sha256(f"trial-plan|{salt}|{probe}".encode()).hexdigest()


def parse_terms(body: object) -> Terms:
    """Raises `InvalidCase` naming each field and what was expected."""
    if not isinstance(body, dict):
        raise InvalidCase((FieldError("plan", "object", "expected a JSON object"),))
    try:
        return Terms.model_validate(body)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
        raise InvalidCase(
            tuple({one.field: one for one in map(_refused, details)}.values())
        ) from None


def _refused(detail: Any) -> FieldError:
    name = str(detail["loc"][0]) if detail["loc"] else "shares"
    if name not in Terms.model_fields:
        return FieldError("plan: unknown field", "unknown", f"expected {', '.join(_EXPECTED)}")
    return FieldError(f"plan.{name}", "invalid", f"expected {_EXPECTED[name]}")


_ALPHA = "a number from 0.0001 to 0.1"
_EXPECTED = {
    "shares": "1 to 10 rising numbers above 0, at most 1",
    "minimum_days": "a number from 0 to 90",
    "minimum_pairs": "a whole number from 0 to 100000",
    "labels": "blind or all",
    "accuracy_alpha": _ALPHA,
    "under_triage_alpha": _ALPHA,
    "ratio_alpha": _ALPHA,
    "fallback_alpha": _ALPHA,
    "fallback_limit": "a number from 0.001 to 0.5",
}
