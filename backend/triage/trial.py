"""What a trial reads of requests: who entered it and was answered how, and the labelled pairs."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from backend.triage.statements import PATIENTS_ONLY
from ml.rules.answer import RulesAnswer
from ml.schema import Level

# Answers are read this long after they were given: a statement that began earlier has ended.
_SETTLED_SECONDS: Final = 30

# Every request gets the rules' log with its first answer, so its time is that of the answer.
# Answers of one batch share it: `WITH TIES` never splits them.
_EXPOSURES: Final = f"""
SELECT r.phase, r.patient_reference, r.arm, r.accepted_at, l.created_at,
    a.ab_group = 'rules_fallback' AND a.reason <> 'overload'
FROM triage_predictionlog AS l JOIN triage_triagerequest AS r ON r.id = l.request_id
JOIN triage_triageanswer AS a ON a.request_id = r.id AND a.sequence = 1
WHERE l.predictor = 'rules' AND l.created_at > %(since)s
    AND l.created_at <= now() - make_interval(secs => {_SETTLED_SECONDS})
    AND r.experiment = %(experiment)s AND r.arm IN ('ml', 'rules') AND r.{PATIENTS_ONLY}
ORDER BY l.created_at FETCH FIRST %(limit)s ROWS WITH TIES"""  # noqa: S608  (constants)

# One pair a patient, so that pairs are independent: the request that was labelled first, with its
# newest label. What the model said is its log under the plan's digest, served or not.
_PAIRS: Final = f"""
WITH labelled AS (
    SELECT r.id, r.phase, r.patient_reference, min(l.created_at) AS first_at,
        (array_agg(l.level ORDER BY l.created_at DESC, l.id DESC))[1] AS level
    FROM triage_clinicianlabel AS l JOIN triage_triagerequest AS r ON r.id = l.request_id
    WHERE l.created_at >= %(since)s AND r.experiment = %(experiment)s
        AND r.arm IN ('ml', 'rules') AND r.{PATIENTS_ONLY} AND (%(all)s OR l.blind)
    GROUP BY r.id)
SELECT DISTINCT ON (labelled.patient_reference)
    labelled.phase, p.fallback, m.level, m.probabilities, labelled.level
FROM labelled JOIN triage_triagepayload AS p ON p.request_id = labelled.id
JOIN triage_predictionlog AS m ON m.request_id = labelled.id AND m.digest = %(digest)s
ORDER BY labelled.patient_reference, labelled.first_at, labelled.id"""  # noqa: S608  (constants)


@dataclass(frozen=True, slots=True)
class Exposure:
    """A request of a trial that was answered. `fallback`: the rules had to, in the model's arm."""

    phase: int
    patient_reference: str
    arm: str
    accepted_at: datetime
    answered_at: datetime
    fallback: bool


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """What both predictors said of a patient, and the clinician. `probabilities` by level."""

    phase: int
    rules: RulesAnswer
    level: Level
    probabilities: tuple[float, float, float, float]
    label: Level


def exposures(experiment: str, since: datetime, limit: int) -> list[Exposure]:
    """Settled answers after `since`, oldest first: at least `limit` if there are as many."""
    parameters = {"experiment": experiment, "since": since, "limit": limit}
    return [Exposure(*row) for row in _all(_EXPOSURES, parameters)]


def labelled_pairs(
    experiment: str, digest: str, since: datetime, *, blind_only: bool
) -> list[LabelledPair]:
    """One pair for each labelled patient of the trial whom the model of `digest` has seen."""
    parameters = {
        "experiment": experiment,
        "digest": digest,
        "since": since,
        "all": not blind_only,
    }
    return [
        LabelledPair(
            phase,
            RulesAnswer.of_fallback(json.loads(fallback)),
            Level(level),
            tuple(json.loads(probabilities)),
            Level(label),
        )
        for phase, fallback, level, probabilities, label in _all(_PAIRS, parameters)
    ]


def _all(statement: str, parameters: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
