"""Which answered requests a clinician should judge, and handing them out.

An accuracy made of labels that people volunteer is worth little: nobody knows why they labelled
just these. So requests are drawn with known probabilities: a uniform share of all answered ones,
and larger shares of the strata where an error is likely or costly. The draw is a salted hash of
the id, so it can be repeated and nobody can steer it; the probability is stored with the sample.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction

from backend import encryption
from backend.clients import audit
from backend.logs import failure
from backend.postgres.base import unhurried
from backend.triage.statements import PATIENTS_ONLY
from backend.triage.values import Author
from ml.case import TriageCase, parse_case
from ml.schema import Level

log = structlog.get_logger()

# A model that gives an emergency at least this probability and was answered with less: an error
# here would be the costliest one.
RISKY_PROBABILITY: Final = 0.05
# The two most probable levels are closer than this: the model might as well have said the other.
UNCERTAIN_MARGIN: Final = 0.15
# Strata by what they are worth looking at, the order of the queue after the uniform share.
STRATA: Final = ("risky", "low_confidence", "disagreement", "uncertain")
# Answers this young are left alone: their logs may still come, and an insert that began earlier
# may still be uncommitted behind a later one.
SETTLE_SECONDS: Final = 30
BATCH: Final = 1_000
# One round's statement may take this long; no patient waits for it.
_SECONDS: Final = 30
LEASE_MINUTES: Final = 10
SKIP_HOURS: Final = 24
# Older samples leave the queue: the accuracy of that day is closed.
OPEN_DAYS: Final = 30
MOST_CASES: Final = 20

# 13 hex digits are 52 bits, which a double holds exactly: a uniform number in [0, 1).
_UNIFORM: Final = """('x' || left(encode(sha256(convert_to(
    %(salt)s || '{what}|' || taken.request_id::text, 'UTF8')), 'hex'), 13))::bit(52)::bigint
    / 4503599627370496.0::float8"""

_FIRST_PROGRESS: Final = """
INSERT INTO triage_reviewprogress (id, answer_id) VALUES (1, 0) ON CONFLICT DO NOTHING"""

# 1. the answers since the last round, up to the first that has not settled; 2. what model and
# rules said of them; 3. the stratum; 4. the draw. One round at a time: who finds it locked does
# nothing.
_SAMPLE: Final = f"""
WITH progress AS MATERIALIZED (
    SELECT answer_id FROM triage_reviewprogress WHERE id = 1 FOR UPDATE SKIP LOCKED),
unsettled AS MATERIALIZED (
    SELECT min(a.id) AS id FROM triage_triageanswer AS a, progress
    WHERE a.id > progress.answer_id
        AND a.answered_at > now() - make_interval(secs => %(settle)s)),
taken AS MATERIALIZED (
    SELECT a.* FROM triage_triageanswer AS a, progress, unsettled
    WHERE a.id > progress.answer_id AND (unsettled.id IS NULL OR a.id < unsettled.id)
    ORDER BY a.id LIMIT %(limit)s),
moved AS (
    UPDATE triage_reviewprogress SET answer_id = (SELECT max(id) FROM taken)
    WHERE id = 1 AND EXISTS (SELECT FROM taken)),
patients AS (SELECT id, client_id FROM triage_triagerequest WHERE {PATIENTS_ONLY}),
drawn AS (
    SELECT taken.request_id, patients.client_id, stratum.name, coalesce(stratum.share, 0) AS share,
        {_UNIFORM.format(what="random")} < %(random)s AS by_share,
        {_UNIFORM.format(what="stratum")} < coalesce(stratum.share, 0) AS by_stratum
    FROM taken JOIN patients ON patients.id = taken.request_id
    LEFT JOIN LATERAL (
        SELECT log.level, log.probabilities, (SELECT max(p::float8)
                FROM jsonb_array_elements_text(log.probabilities) AS p) AS first,
            (SELECT p::float8 FROM jsonb_array_elements_text(log.probabilities) AS p
                ORDER BY p::float8 DESC OFFSET 1 LIMIT 1) AS second
        FROM triage_predictionlog AS log
        WHERE log.request_id = taken.request_id AND log.predictor = 'model'
        ORDER BY log.digest = taken.model_digest DESC, log.id LIMIT 1) AS model ON TRUE
    LEFT JOIN LATERAL (
        SELECT log.level FROM triage_predictionlog AS log
        WHERE log.request_id = taken.request_id AND log.predictor = 'rules'
        LIMIT 1) AS rules ON TRUE
    LEFT JOIN LATERAL (
        SELECT name, share FROM (VALUES
            ('risky', 1, %(risky)s::float8, taken.level < {int(Level.EMERGENCY)}
                AND (model.probabilities->>{int(Level.EMERGENCY)})::float8 >= {RISKY_PROBABILITY}
                OR taken.needs_review AND taken.method <> 'low_confidence'),
            ('low_confidence', 2, %(low_confidence)s::float8, taken.method = 'low_confidence'),
            ('disagreement', 3, %(disagreement)s::float8, model.level <> rules.level),
            ('uncertain', 4, %(uncertain)s::float8,
                model.first - model.second < {UNCERTAIN_MARGIN})
            ) AS known(name, place, share, holds)
        WHERE holds ORDER BY share DESC, place LIMIT 1) AS stratum ON TRUE
    WHERE taken.sequence = 1),
sampled AS (
    INSERT INTO triage_reviewsample (request_id, client_id, stratum, random_share, probability,
        labelled_at)
    SELECT request_id, client_id, CASE WHEN share > 0 THEN name ELSE 'random' END, by_share,
        1 - (1 - %(random)s::float8) * (1 - share),
        (SELECT min(created_at) FROM triage_clinicianlabel AS l
            WHERE l.request_id = drawn.request_id)
    FROM drawn WHERE by_share OR by_stratum
    ON CONFLICT (request_id) DO NOTHING
    RETURNING request_id)
SELECT (SELECT count(*) FROM taken), (SELECT count(*) FROM sampled)"""  # noqa: S608  (constants)

_NEXT: Final = f"""
WITH chosen AS (
    SELECT request_id FROM triage_reviewsample
    WHERE client_id = ANY(%(clients)s) AND labelled_at IS NULL
        AND sampled_at > now() - make_interval(days => {OPEN_DAYS})
        AND (leased_until IS NULL OR leased_until <= now() OR leased_by = %(author)s)
    ORDER BY leased_by = %(author)s AND leased_until > now() DESC, random_share DESC,
        array_position(%(strata)s::varchar[], stratum), sampled_at DESC, request_id
    LIMIT %(limit)s FOR UPDATE SKIP LOCKED),
leased AS (
    UPDATE triage_reviewsample AS s SET leased_by = %(author)s,
        leased_until = now() + make_interval(mins => {LEASE_MINUTES})
    FROM chosen WHERE s.request_id = chosen.request_id RETURNING s.*)
SELECT leased.request_id, leased.client_id, leased.stratum, leased.random_share,
    leased.leased_until, r.accepted_at, p.sealed
FROM leased JOIN triage_triagerequest AS r ON r.id = leased.request_id
JOIN triage_triagepayload AS p ON p.request_id = leased.request_id
ORDER BY leased.random_share DESC, array_position(%(strata)s::varchar[], leased.stratum),
    leased.sampled_at DESC, leased.request_id"""  # noqa: S608  (constants)

# Nobody gets it for a day: the same case would come back at once to who could not judge it.
_SKIP: Final = f"""
UPDATE triage_reviewsample SET leased_by = '', skips = skips + 1,
    leased_until = now() + make_interval(hours => {SKIP_HOURS})
WHERE request_id = %(id)s AND client_id = ANY(%(clients)s) AND labelled_at IS NULL
    AND leased_by = %(author)s"""  # noqa: S608  (constants)

_WAITING: Final = f"""
SELECT count(*) FROM triage_reviewsample WHERE client_id = ANY(%s) AND labelled_at IS NULL
    AND sampled_at > now() - make_interval(days => {OPEN_DAYS})"""  # noqa: S608  (constants)


@dataclass(frozen=True, slots=True)
class ReviewCase:
    """One case to judge. `blind`: its answer must not be shown before it is labelled. `case` is
    what the patient's side sent, decrypted."""

    request_id: UUID
    client_id: int
    stratum: str
    blind: bool
    leased_until: datetime
    accepted_at: datetime
    case: TriageCase


def sample(settle_seconds: float = SETTLE_SECONDS) -> int:
    """Draw among the requests answered since the last round; returns how many were drawn.

    It may run as often and in as many processes as you like: each answer is decided on once.
    """
    parameters: dict[str, Any] = {
        **settings.REVIEW_SHARES,
        "salt": salt(),
        "settle": settle_seconds,
        "limit": BATCH,
    }
    drawn = 0
    while True:
        with unhurried(_SECONDS), connection.cursor() as cursor:
            cursor.execute(_FIRST_PROGRESS)
            cursor.execute(_SAMPLE, parameters)
            seen, chosen = cursor.fetchone()
        drawn += int(chosen)
        if seen < BATCH:
            return drawn


def salt() -> str:
    """What makes the draw unpredictable to whoever chooses ids; derived, so that it tells
    nothing of the trial's own salt."""
    return hashlib.sha256(f"review|{settings.EXPERIMENT_SALT}".encode()).hexdigest()


def next_cases(client_ids: Sequence[int], author: Author, limit: int = 1) -> list[ReviewCase]:
    """The next cases of these clients, leased to the author for a few minutes; the author's own
    leased ones first, so that asking again shows the same.

    A case that does not open with the keys at hand can be judged by nobody: it is put back.
    """
    parameters: dict[str, Any] = {
        "clients": list(client_ids),
        "author": author.name,
        "strata": list(STRATA),
        "limit": min(limit, MOST_CASES),
    }
    found = []
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_NEXT, parameters)
            rows = cursor.fetchall()
        for request_id, client_id, stratum, blind, until, accepted_at, sealed in rows:
            case = _opened(request_id, bytes(sealed))
            if case is None:
                skip(client_ids, author, request_id)
                continue
            audit.record(author.actor, "review.case_read", client_id=client_id, subject=request_id)
            # A blind case's stratum would tell what the model thought.
            shown = "random" if blind else stratum
            found.append(ReviewCase(request_id, client_id, shown, blind, until, accepted_at, case))
    return found


def next_case(client_ids: Sequence[int], author: Author) -> ReviewCase | None:
    """The next case, or None when nothing waits; see `next_cases`."""
    return next(iter(next_cases(client_ids, author)), None)


def waiting(client_ids: Sequence[int]) -> int:
    """How many cases of these clients wait for a judgement, whoever has them on the screen."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [list(client_ids)])
        return int(cursor.fetchone()[0])


def skip(client_ids: Sequence[int], author: Author, request_id: UUID) -> bool:
    """Put a case back for a day, unjudged; False unless it was the author's."""
    parameters: dict[str, Any] = {
        "id": request_id,
        "clients": list(client_ids),
        "author": author.name,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SKIP, parameters)
        return bool(cursor.rowcount)


def _opened(request_id: UUID, sealed: bytes) -> TriageCase | None:
    try:
        return parse_case(json.loads(encryption.unseal(sealed, request_id)))
    except Exception as error:  # undecryptable, or written by a version that knew other fields
        log.error("review.payload_unreadable", request_id=str(request_id), **failure(error))
        return None
