"""What the rules say of one case; frozen, JSON both ways, and free of the patient's words."""

from typing import Any, NamedTuple

from ml.schema import Level


class RuleHit(NamedTuple):
    """One rule that fired.

    `level` is the least level the rule asks for. `field`, `start`, `end` point at the matched
    text (offsets in code points, end exclusive); they are empty and 0 for a rule on numbers.
    """

    rule_id: str
    category: str
    level: Level
    source: str
    field: str = ""
    start: int = 0
    end: int = 0

    def to_json(self) -> dict[str, Any]:
        rule_id, category, level, source, field, start, end = self
        return {
            "rule_id": rule_id,
            "category": category,
            "level": level.label,
            "source": source,
            "field": field,
            "start": start,
            "end": end,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "RuleHit":
        return cls(**{**data, "level": Level.parse(data["level"])})


class RulesAnswer(NamedTuple):
    """The rules' full answer.

    `level` is what the rules would answer by themselves, never below `floor`; `floor` is the
    safety floor that no model may undercut; `red_flag` makes `emergency` final. `severity` is
    0–100, `news2` the early-warning total or None when too little was measured. `reasons` are
    stable codes such as `not_understood`.
    """

    level: Level
    care_level: str
    severity: int
    red_flag: bool
    floor: Level
    needs_review: bool
    version: str
    news2: int | None = None
    hits: tuple[RuleHit, ...] = ()
    reasons: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "level": self.level.label,
            "care_level": self.care_level,
            "severity": self.severity,
            "red_flag": self.red_flag,
            "floor": self.floor.label,
            "needs_review": self.needs_review,
            "version": self.version,
            "news2": self.news2,
            "hits": [hit.to_json() for hit in self.hits],
            "reasons": list(self.reasons),
            "missing": list(self.missing),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "RulesAnswer":
        return cls(
            level=Level.parse(data["level"]),
            care_level=data["care_level"],
            severity=data["severity"],
            red_flag=data["red_flag"],
            floor=Level.parse(data["floor"]),
            needs_review=data["needs_review"],
            version=data["version"],
            news2=data["news2"],
            hits=tuple(RuleHit.from_json(hit) for hit in data["hits"]),
            reasons=tuple(data["reasons"]),
            missing=tuple(data["missing"]),
        )
