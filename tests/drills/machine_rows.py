"""What the machine keeps of each request, outside the database and read out of it."""

import json
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.db import connection

_ROWS: Final = """
SELECT r.id, r.answer, r.work, r.attempt, r.arm, r.deadline_at <= clock_timestamp(),
    coalesce(jsonb_agg(DISTINCT jsonb_build_array(a.sequence, a.level, a.decided_by, a.id,
        a.answered_at, a.fallback)) FILTER (WHERE a.id IS NOT NULL), '[]'),
    coalesce(jsonb_agg(DISTINCT jsonb_build_array(l.digest, l.predictor, l.served))
        FILTER (WHERE l.id IS NOT NULL), '[]'),
    (SELECT count(*) FROM triage_triagepayload AS p WHERE p.request_id = r.id),
    (SELECT count(*) FROM triage_triageanswer AS a WHERE a.request_id = r.id),
    (SELECT count(*) FROM triage_predictionlog AS l WHERE l.request_id = r.id)
FROM triage_triagerequest AS r
LEFT JOIN triage_triageanswer AS a ON a.request_id = r.id
LEFT JOIN triage_predictionlog AS l ON l.request_id = r.id
GROUP BY r.id"""


@dataclass
class Known:
    """What was promised about one request, kept outside the database."""

    case: str
    key: str | None
    cancelled: bool = False
    overdue: bool = False
    owner: UUID | None = None
    claims: int = 0
    answers: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Row:
    """One request with all that hangs on it."""

    answer: str
    work: str
    attempt: int
    arm: str
    answers: list[Any]
    logs: list[Any]
    payloads: int
    answer_rows: int
    log_rows: int

    @classmethod
    def of(cls, row: Any) -> "Row":
        _, answer, work, attempt, arm, _, answers, logs, payloads, answer_rows, log_rows = row
        return cls(
            answer, work, attempt, arm, sorted(json.loads(answers)), json.loads(logs),
            payloads, answer_rows, log_rows,
        )  # fmt: skip


def read_rows() -> dict[UUID, Row]:
    """Every request by id, as it is stored now."""
    with connection.cursor() as cursor:
        cursor.execute(_ROWS)
        return {row[0]: Row.of(row) for row in cursor.fetchall()}
