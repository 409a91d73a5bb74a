"""What was stored with a request's newest answer: all that is needed to make it again.

For background jobs and commands, which open the payload; the web never asks for it.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from ml.rules.answer import RulesAnswer
from ml.schema import Level

# The fields that a decision is made of, in the answer's own names.
DECISION: Final = (
    *("level", "care_level", "confidence", "probabilities", "method", "ab_group", "decided_by"),
    *("fallback", "needs_review", "reason", "trace", "explanation"),
)
_JSON: Final = ("probabilities", "trace", "explanation")
_SELECT: Final = f"""
SELECT r.answer AS status, r.arm, r.accepted_at, p.sealed, p.fallback AS by_rules,
    a.sequence, a.answered_at, a.model_version, a.model_digest, a.rules_version,
    {", ".join(f"a.{c}" for c in DECISION)}
FROM triage_triagerequest AS r
JOIN triage_triagepayload AS p ON p.request_id = r.id
LEFT JOIN LATERAL (
    SELECT * FROM triage_triageanswer AS newest WHERE newest.request_id = r.id
    ORDER BY newest.sequence DESC LIMIT 1) AS a ON TRUE
WHERE r.id = %s"""  # noqa: S608  (constants of this file)


class NothingToExplain(Exception):
    """There is no such request, or it has no answer; the text says which."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A request's newest answer as it was stored. `sealed` is the encrypted input, `rules`
    what the rules said of it, `decision` the fields of `DECISION` with the level by name."""

    id: UUID
    arm: Any
    accepted_at: datetime
    answered_at: datetime
    sequence: int
    sealed: bytes
    rules: RulesAnswer
    rules_version: str
    model_version: str
    model_digest: str
    decision: dict[str, Any]


def read(request_id: UUID) -> Evidence:
    """The stored evidence. Raises `NothingToExplain`."""
    with connection.cursor() as cursor:
        cursor.execute(_SELECT, [request_id])
        row = cursor.fetchone()
        names = [column.name for column in cursor.description]
    if row is None:
        raise NothingToExplain("there is no such request")
    found = dict(zip(names, row, strict=True))
    if found["sequence"] is None:
        raise NothingToExplain(f"the request is {found['status']}: it has no answer")
    decision = {name: found[name] for name in DECISION}
    for name in _JSON:
        decision[name] = None if found[name] is None else json.loads(found[name])
    decision["level"] = Level(found["level"]).label
    return Evidence(
        id=request_id,
        arm=found["arm"],
        accepted_at=found["accepted_at"],
        answered_at=found["answered_at"],
        sequence=found["sequence"],
        sealed=bytes(found["sealed"]),
        rules=RulesAnswer.of_fallback(json.loads(found["by_rules"])),
        rules_version=found["rules_version"],
        model_version=found["model_version"],
        model_digest=found["model_digest"],
        decision=decision,
    )
