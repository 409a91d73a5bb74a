"""The canary: a synthetic request that goes the whole way, so that "alive" means "answers".

`inspect ping` is answered by a worker's main process, whatever its children do. A canary is
accepted, claimed, predicted and committed like a patient's request; `/statusz` reads whether the
last one was answered with the model's say in time. It belongs to the internal client `canary`,
has no patient (so it is in no arm of a trial) and is deleted after an hour.
"""

from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.db import connection

from backend.clients.keys import create_client
from backend.triage import lifecycle
from backend.triage.statements import CANARY_CLIENT
from backend.triage.values import Submission
from ml.case import parse_case

DEADLINE_SECONDS: Final = 10
KEPT_SECONDS: Final = 3_600
# So many periods without a verdict mean that nobody sends canaries any more.
_MISSED: Final = 3

_CASE: Final = parse_case(
    {
        "symptoms_data": {"chief_complaint": "sore throat for two days, can eat and drink"},
        "patient_age": 34,
    }
)

_DUE: Final = """
SELECT floor(extract(epoch FROM now()) / %(period)s)::bigint
WHERE NOT EXISTS (SELECT FROM triage_triagerequest WHERE client_id = %(client)s
    AND accepted_at > now() - make_interval(secs => %(period)s))"""

_LAST: Final = """
SELECT coalesce(a.model_digest <> '', FALSE), extract(epoch FROM now() - r.accepted_at)::float8
FROM triage_triagerequest AS r JOIN clients_client AS c ON c.id = r.client_id
LEFT JOIN triage_triageanswer AS a ON a.request_id = r.id AND a.sequence = 1
WHERE c.name = %(name)s AND (r.answer <> 'open' OR r.deadline_at <= now())
ORDER BY r.accepted_at DESC LIMIT 1"""


@dataclass(frozen=True, slots=True)
class Canary:
    """The last canary. `state`: `answered`, `failed` (no model, or too late), `missing` (the
    last one is long ago), `none` (a young system) or `off`."""

    state: str
    seconds_ago: float | None = None

    @property
    def ok(self) -> bool:
        return self.state in ("answered", "none", "off")


def send_if_due() -> bool:
    """Submit the next canary unless one was sent within the period; whether one was.

    Several keepers send one between them: its key is the number of the period.
    """
    if not settings.CANARY_SECONDS:
        return False
    client_id = create_client(CANARY_CLIENT)
    parameters: dict[str, Any] = {"client": client_id, "period": settings.CANARY_SECONDS}
    with connection.cursor() as cursor:
        cursor.execute(_DUE, parameters)
        due = cursor.fetchone()
    if due is None:
        return False
    submission = Submission(_CASE, f"canary-{settings.CANARY_SECONDS}-{due[0]}")
    accepted = lifecycle.submit(
        client_id, [submission], deadline_seconds=DEADLINE_SECONDS, synthetic=True
    )
    return accepted[0].created


def delete_old() -> int:
    """Remove canaries older than an hour; returns how many."""
    return lifecycle.delete_older(create_client(CANARY_CLIENT), KEPT_SECONDS)


def last() -> Canary:
    """What became of the newest canary that is answered or past its deadline."""
    if not settings.CANARY_SECONDS:
        return Canary("off")
    with connection.cursor() as cursor:
        cursor.execute(_LAST, {"name": CANARY_CLIENT})
        row = cursor.fetchone()
    if row is None:
        return Canary("none")
    by_model, seconds_ago = row
    if seconds_ago > _MISSED * settings.CANARY_SECONDS + DEADLINE_SECONDS:
        return Canary("missing", seconds_ago)
    return Canary("answered" if by_model else "failed", seconds_ago)
