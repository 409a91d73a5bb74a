"""A rehearsal: records of a file as days that have passed, so that the daily checks can be watched.

Every record goes the whole way (accept, claim, predict, decide, commit), with its label given, and
is then set back to its day and marked as replayed. It is for a database without patients: a
rehearsal among them would be counted as theirs.
"""

import datetime as dt
import secrets
from collections.abc import Sequence
from typing import Final

from backend.triage import labels, lifecycle, queries
from backend.triage.labels import Given
from backend.triage.values import Author, Submission
from ml.bundle import Bundle
from ml.case import parse_case
from ml.errors import TriageError
from ml.records import Record, body_of
from workers import inference, registry
from workers.model_process import process

_BATCH: Final = 200
_OPENS: Final = dt.timedelta(hours=7)
_OPEN_SECONDS: Final = 14 * 3_600


class RehearsalRefused(TriageError):
    """The database holds patients' requests, or a record got no answer; the text says which."""


def rehearse(
    client_id: int, author: Author, proven: Bundle, days: Sequence[tuple[dt.date, Sequence[Record]]]
) -> int:
    """Answer the records of each day with `proven`, label them, set them back; returns how many.

    A day's records are spread evenly from 07:00 to 21:00 UTC. Raises `RehearsalRefused`.
    """
    if queries.holds_real_patients():
        raise RehearsalRefused("the database holds patients' requests; rehearse in an empty one")
    # The checks ask its row what the model could do on held-out data.
    registry.candidate(proven.version)
    process.current = proven
    run = secrets.token_hex(4)
    done = 0
    for day, records in days:
        times = _times(day, len(records))
        for start in range(0, len(records), _BATCH):
            part = records[start : start + _BATCH]
            done += _one_batch(client_id, author, run, part, times[start : start + _BATCH])
    return done


def _one_batch(
    client_id: int,
    author: Author,
    run: str,
    records: Sequence[Record],
    times: Sequence[dt.datetime],
) -> int:
    submissions = [
        Submission(parse_case(body_of(one.case) | {"patient_id": f"rehearsal-{run}-{one.line}"}))
        for one in records
    ]
    ids = [one.id for one in lifecycle.submit(client_id, submissions)]
    while inference.drain()["claimed"]:
        pass
    for request_id, record in zip(ids, records, strict=True):
        if record.level is not None:
            labels.give(client_id, author, request_id, Given(record.level))
    moved = lifecycle.backdate(dict(zip(ids, times, strict=True)))
    if moved != len(ids):
        raise RehearsalRefused(f"{len(ids) - moved} records were not answered by this process")
    return moved


def _times(day: dt.date, count: int) -> list[dt.datetime]:
    opens = dt.datetime.combine(day, dt.time(), dt.UTC) + _OPENS
    return [opens + dt.timedelta(seconds=n * _OPEN_SECONDS / max(1, count)) for n in range(count)]
