"""What the rules say of one case; frozen, and free of the patient's words."""

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

    @classmethod
    def of_fallback(cls, record: dict[str, Any]) -> "RulesAnswer":
        """What the rules said, out of the answer that was made of it alone and stored with the
        request: all of it is there, level by level (`backend.triage.arrival.record`)."""
        why = record["explanation"]["rules"]
        return cls(
            level=Level.parse(why["level"]),
            care_level=record["care_level"],
            severity=why["severity"],
            red_flag=why["red_flag"],
            floor=Level.parse(why["floor"]),
            needs_review=record["needs_review"],
            version=record["rules_version"],
            news2=why["news2"],
            hits=tuple(map(RuleHit.from_json, why["hits"])),
            reasons=tuple(why["reasons"]),
            missing=tuple(record["explanation"]["missing"]),
        )
