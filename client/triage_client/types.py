"""What the service answers, as frozen values. Fields that a newer service adds are in `raw`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """A level (`routine`, `soon`, `urgent`, `emergency`), and who or what decided it. It supports a
    clinician and decides nothing."""

    level: str
    confidence: float
    method: str
    fallback: bool
    needs_review: bool
    amended: bool
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "Answer":
        names = ("confidence", "method", "fallback", "needs_review", "amended")
        return cls(level=raw["prediction"], raw=raw, **{name: raw[name] for name in names})


@dataclass(frozen=True, slots=True)
class Request:
    """A request and what is known of its answer. `provisional` is what the rules say while it is
    `open`."""

    id: str
    status: str
    answer: Answer | None
    provisional: Answer | None
    etag: str
    raw: Mapping[str, Any] = field(repr=False)

    @property
    def done(self) -> bool:
        return self.status != "open"

    @classmethod
    def of(cls, raw: Mapping[str, Any], etag: str = "") -> "Request":
        answer, provisional = raw["answer"], raw["provisional"]
        return cls(
            id=raw["id"],
            status=raw["status"],
            answer=Answer.of(answer) if answer else None,
            provisional=Answer.of(provisional) if provisional else None,
            etag=etag,
            raw=raw,
        )


@dataclass(frozen=True, slots=True)
class Event:
    """One step of a request: `accepted`, `answered`, `cancelled` or `amended`."""

    id: int
    type: str
    request: str
    at: str
    level: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it was taken: `accepted` by place, and the problem document of each refused."""

    id: str
    accepted: Mapping[int, Request]
    refused: Mapping[int, Mapping[str, Any]]
