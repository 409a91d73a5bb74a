"""Was anything lost, doubled, invented or lowered? Compares the load's file with the database.

The oracle knows no code of the web or the workers: rows are read with SQL, and what the model and
the policy should have said is computed again from the recorded body and the same bundle.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ml import bundle
from ml.case import parse_case
from ml.decision import Policy, decide
from ml.rules import engine
from ml.schema import Level
from tests.drills.harness import System

TOLERANCE: Final = 1e-9

_ROWS: Final = """
SELECT r.id::text, r.idempotency_key, r.answer, r.work, r.attempt, r.arm,
    extract(epoch FROM r.accepted_at)::float8,
    extract(epoch FROM r.deadline_at - r.accepted_at)::float8
FROM triage_triagerequest AS r JOIN clients_client AS c ON c.id = r.client_id
WHERE c.name = 'drill'"""
_ANSWERS: Final = """
SELECT request_id::text, sequence, level, method, confidence, decided_by, fallback, model_digest,
    reason, extract(epoch FROM answered_at)::float8
FROM triage_triageanswer ORDER BY request_id, sequence"""
_LOGS: Final = "SELECT request_id::text, predictor, digest, served FROM triage_predictionlog"
_STRANGE: Final = """
SELECT count(*) FROM triage_triagerequest AS r JOIN clients_client AS c ON c.id = r.client_id
WHERE c.name NOT IN ('drill', 'canary')"""


@dataclass(frozen=True, slots=True)
class Given:
    """One stored answer."""

    sequence: int
    level: int
    method: str
    confidence: float
    decided_by: str
    fallback: bool
    digest: str
    reason: str
    at: float


@dataclass
class Verdict:
    """What the oracle found. `wrong` lists every broken promise by request id, never its text."""

    accepted: int = 0
    by_method: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    doubled: int = 0
    amended: int = 0
    slowest: float = 0.0
    recomputed: int = 0
    wrong: list[str] = field(default_factory=list)


def read_promises(paths: Iterable[Path]) -> tuple[dict[str, Any], dict[str, str]]:
    """Bodies by key, and accepted ids by key. One key with two ids is already a doubled request."""
    sent: dict[str, Any] = {}
    accepted: dict[str, str] = {}
    for path in paths:
        for text in path.read_text().splitlines():
            line = json.loads(text)
            if "sent" in line:
                sent[line["sent"]] = line["body"]
            else:
                key = line["accepted"]
                assert accepted.setdefault(key, line["id"]) == line["id"], f"{key} has two ids"
    return sent, accepted


def judge(system: System, paths: Iterable[Path], session: Any = None) -> Verdict:
    """Compare. The system must be quiet; nothing is asserted here, see `Verdict.wrong`.

    `session` is a database session to read with instead of a new one.
    """
    sent, accepted = read_promises(paths)

    def read(statement: str) -> list[Any]:
        if session is not None:
            return list(session.execute(statement).fetchall())
        return system.sql(statement)

    rows = {row[0]: row for row in read(_ROWS)}
    answers: dict[str, list[Given]] = {}
    for row in read(_ANSWERS):
        answers.setdefault(row[0], []).append(Given(*row[1:]))
    logs: dict[str, list[tuple[str, str, bool]]] = {}
    for request_id, predictor, digest, served in read(_LOGS):
        logs.setdefault(request_id, []).append((predictor, digest, served))
    found = Verdict(accepted=len(accepted))
    for key, request_id in accepted.items():
        if request_id not in rows or rows[request_id][1] != key:
            found.lost += 1
            found.wrong.append(f"{request_id}: accepted, not stored")
    _judge_keys(found, Counter(row[1] for row in rows.values()), sent)
    if strange := read(_STRANGE)[0][0]:
        found.wrong.append(f"{strange} rows of a client that nobody made")
    for request_id, row in rows.items():
        if row[1] in sent:
            _judge_one(found, row, answers.get(request_id, []), logs.get(request_id, []))
            _judge_decision(found, row, answers.get(request_id, []), sent[row[1]])
    return found


def _judge_keys(found: Verdict, keys: Counter[str], sent: dict[str, Any]) -> None:
    for key, count in keys.items():
        if count > 1:
            found.doubled += 1
            found.wrong.append(f"key {key}: {count} rows")
        if key not in sent:
            found.wrong.append(f"key {key}: nobody sent it")


def _judge_one(
    found: Verdict, row: Any, answers: list[Given], logs: list[tuple[str, str, bool]]
) -> None:
    request_id, _, answer, work, attempt, arm, accepted_at, _ = row

    def wrong(text: str) -> None:
        found.wrong.append(f"{request_id}: {text}")

    if answer != "answered" or work not in ("done", "abandoned"):
        found.lost += answer != "answered"
        wrong(f"ended as {answer}/{work}")
    if not 0 <= attempt <= 3:
        wrong(f"{attempt} attempts")
    sequences = [one.sequence for one in answers]
    if sequences not in ([1], [1, 2]):
        found.doubled += len(sequences) > 1
        wrong(f"answers {sequences}")
        return
    first = answers[0]
    found.by_method[first.method + (" (fallback)" if first.fallback else "")] += 1
    found.slowest = max(found.slowest, first.at - accepted_at)
    if len(answers) == 2:
        found.amended += 1
        if answers[1].level <= first.level or arm == "rules":
            wrong("amended, and not upward or in the rules arm")
    _judge_logs(wrong, first, logs)


def _judge_logs(
    wrong: Callable[[str], None], first: Given, logs: list[tuple[str, str, bool]]
) -> None:
    served = [predictor for predictor, _, is_served in logs if is_served]
    if served != [first.decided_by]:
        wrong(f"served logs {served}, decided by {first.decided_by}")
    if len({digest for _, digest, _ in logs}) != len(logs):
        wrong("two logs of one predictor")
    if [predictor for predictor, _, _ in logs].count("rules") != 1:
        wrong("not exactly one log of the rules")
    if first.digest and first.digest not in {digest for _, digest, _ in logs}:
        wrong("the model that was asked has no log")


_bundles: dict[str, bundle.Bundle] = {}


def _bundle_of(digest: str) -> bundle.Bundle | None:
    if not _bundles:
        for place in bundle.default_models_dir().iterdir():
            if place.is_dir() and not place.name.startswith("."):
                one = bundle.load(place.name)
                _bundles[one.digest] = one
    return _bundles.get(digest)


def _judge_decision(found: Verdict, row: Any, answers: list[Given], body: Any) -> None:
    """Each answer again, offline: same level, same confidence, same method; never below a floor."""
    request_id, arm = row[0], row[5]
    case = parse_case(body)
    rules = engine.assess(case)
    for given in answers:
        if given.level < rules.floor or (rules.red_flag and given.level < Level.EMERGENCY):
            found.wrong.append(f"{request_id}: answered below the floor")
        if not given.digest:
            if given.sequence == 1 and given.level < rules.level:
                found.wrong.append(f"{request_id}: a rules' answer below the rules")
            continue
        served = _bundle_of(given.digest)
        if served is None:
            found.wrong.append(f"{request_id}: answered by a model that nobody proved")
            continue
        # The stored input knows no patient id; neither rules nor model may read it.
        blind = case.model_copy(update={"patient_id": None})
        opinion = served.predictor.predict_many([(blind, rules)])[0]
        policy: Policy = served.policy
        expected = decide(rules, opinion, arm, policy)
        if (expected.level, expected.method) != (given.level, given.method) or abs(
            expected.confidence - given.confidence
        ) > TOLERANCE:
            found.wrong.append(f"{request_id}: the offline decision differs")
        found.recomputed += 1
