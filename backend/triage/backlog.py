"""How much waits, and for how long: read at every scrape, so each statement reads few rows."""

from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.db import connection

from backend.triage.statements import OPEN_OF_PATIENTS, UNWORKED
from ml.schema import LEVELS

_WAITING: Final = f"""
SELECT priority, count(*), extract(epoch FROM now() - min(accepted_at))::float8,
    count(*) FILTER (WHERE deadline_at <= now())
FROM {OPEN_OF_PATIENTS}
GROUP BY priority"""  # noqa: S608  (constants)

# Late opinions on answered rows included. Of a table of some ten thousand rows this reads all,
# which is quicker than in the index' order.
_UNWORKED: Final = f"""
SELECT work, count(*)
FROM (SELECT work FROM {UNWORKED.format(which="TRUE")} LIMIT %(most)s) AS unworked
GROUP BY work"""  # noqa: S608  (constants)

_LABELLED_LAST_DAY: Final = """
SELECT count(DISTINCT request_id) FROM triage_clinicianlabel
WHERE created_at > now() - interval '1 day'"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Open requests of one level by the rules; seconds are the oldest one's age."""

    level: str
    count: int
    oldest_seconds: float
    overdue: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """Patients' open requests by level (every level is there), rows by state of work, and requests
    labelled in the last day. Counts end at the hard limit of open requests."""

    waiting: tuple[Waiting, ...]
    unworked: dict[str, int]
    labelled_last_day: int


def read() -> Backlog:
    """The backlog now. Raises the database's error."""
    most = {"most": settings.OPEN_HARD_LIMIT}
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, most)
        found = {row[0]: row[1:] for row in cursor.fetchall()}
        cursor.execute(_UNWORKED, most)
        unworked = {"due": 0, "leased": 0} | dict(cursor.fetchall())
        cursor.execute(_LABELLED_LAST_DAY)
        labelled = int(cursor.fetchone()[0])
    nothing = (0, 0.0, 0)
    waiting = tuple(
        Waiting(level, *found.get(number, nothing)) for number, level in enumerate(LEVELS)
    )
    return Backlog(waiting, unworked, labelled)
