"""The promotion gate: candidate against what serves, on the same held data, patient by patient.

A candidate is refused when the data do not rule out that it is worse than what serves by more
than a margin (non-inferiority): the one-sided 95 % bound of the paired difference must lie within
it. Compared are the decision that a patient gets and the model alone, whose faults the rules and
the guard would hide. Where nothing that serves can be loaded the rules alone are the measure: they
are what patients get then.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from ml.bundle import Bundle
from ml.case import TriageCase
from ml.cohort import generate
from ml.errors import InvalidRecord
from ml.evaluation import decide_all
from ml.prediction import Prediction
from ml.records import Record, read_records
from ml.rules.answer import RulesAnswer
from ml.rules.engine import assess
from ml.schema import Level
from ml.statistics import Proportion, clopper_pearson, wilson

HELD_OUT_SEED: Final = 910_001
HELD_OUT_RECORDS: Final = 6_000
# With fewer true emergencies not even equal models could be told from a worse one.
FEWEST_EMERGENCIES: Final = 30
# Greatest loss that may remain possible, as a share.
MARGINS: Final = {"emergency_recall": 0.03, "under_triage": 0.03, "over_triage": 0.05}
# Standard normal quantile of a one-sided 95 % bound.
_Z: Final = 1.6448536269514722
_CHUNK: Final = 512

Rows = list[tuple[TriageCase, RulesAnswer]]
Answers = dict[str, list[Level]]


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure of one kind of answer: both shares with their 95 % intervals; `worse` is the
    paired loss of the candidate (positive is worse), `worst` its one-sided 95 % bound."""

    answer: str
    measure: str
    candidate: Proportion
    serving: Proportion
    worse: float
    worst: float
    margin: float

    @property
    def passed(self) -> bool:
        return self.worst <= self.margin


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate found; `reasons` is empty when the candidate may serve."""

    candidate: str
    serving: str
    data: str
    records: int
    emergencies: int
    measured: tuple[Measured, ...]
    reasons: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.reasons

    def to_json(self) -> dict[str, Any]:
        measured = [{**asdict(one), "passed": one.passed} for one in self.measured]
        return {**asdict(self), "measured": measured, "passed": self.passed}


def held_data(path: Path | None, trained: Sequence[Bundle]) -> tuple[list[Record], str]:
    """The labelled records of `path`, or a synthetic cohort of a seed that no bundle of `trained`
    was trained with; and what they are, in words.

    Raises `InvalidRecord` without a label, `OSError` where the file cannot be read.
    """
    if path is not None:
        records = [one for one in read_records(path) if one.level is not None]
        if not records:
            raise InvalidRecord("no record has a label")
        return records, f"{path.name}, {len(records)} labelled records"
    taken = {one.metadata.get("seed") for one in trained}
    seed = next(seed for seed in range(HELD_OUT_SEED, HELD_OUT_SEED + 9) if seed not in taken)
    records = list(generate(HELD_OUT_RECORDS, seed))
    return records, f"synthetic cohort, seed {seed}, {len(records)} records"


def compare(
    candidate: Bundle, serving: Bundle | None, records: Sequence[Record], data: str
) -> Verdict:
    """Both models' answers to the same labelled records. Raises `ValueError` without any."""
    labelled = [(one.case, one.level) for one in records if one.level is not None]
    if not labelled:
        raise ValueError("no record has a label")
    truth = [level for _, level in labelled]
    rows: Rows = [(case, assess(case)) for case, _ in labelled]
    theirs = _answers(candidate, rows)
    ours = _rules_alone(rows) if serving is None else _answers(serving, rows)
    measured = [
        _measure(answer, measure, list(zip(theirs[answer], ours[answer], truth, strict=True)))
        for answer in ("decision", "model")
        for measure in MARGINS
    ]
    found = tuple(one for one in measured if one is not None)
    emergencies = truth.count(Level.EMERGENCY)
    return Verdict(
        candidate=candidate.version,
        serving="rules alone" if serving is None else serving.version,
        data=data,
        records=len(truth),
        emergencies=emergencies,
        measured=found,
        reasons=(*_too_few(emergencies), *(_reason(one) for one in found if not one.passed)),
    )


def _answers(bundle: Bundle, rows: Rows) -> Answers:
    found: list[Prediction] = []
    for start in range(0, len(rows), _CHUNK):
        found += bundle.predictor.predict_many(rows[start : start + _CHUNK], explain=False)
    decisions = decide_all(rows, found, bundle.policy)
    return {"model": [p.level for p in found], "decision": [d.level for d in decisions]}


def _rules_alone(rows: Rows) -> Answers:
    levels = [max(rules.level, rules.floor) for _, rules in rows]
    return {"model": levels, "decision": levels}


def _event(measure: str, true: Level, answered: Level) -> bool | None:
    """Whether an answer counts for the measure; None where its patient is not asked about."""
    if measure == "under_triage":
        return answered < true
    if measure == "over_triage":
        return answered > true
    return answered == true if true == Level.EMERGENCY else None


def _measure(
    answer: str, measure: str, answers: list[tuple[Level, Level, Level]]
) -> Measured | None:
    """`answers` are the candidate's, the serving one's and the true level of each record."""
    events = [
        (candidate, serving)
        for theirs, ours, true in answers
        if (candidate := _event(measure, true, theirs)) is not None
        and (serving := _event(measure, true, ours)) is not None
    ]
    recall = measure == "emergency_recall"
    interval = clopper_pearson if recall else wilson
    candidate_share = interval(sum(a for a, _ in events), len(events))
    serving_share = interval(sum(b for _, b in events), len(events))
    if candidate_share is None or serving_share is None:
        return None
    worse, worst = paired_loss(events, good=recall)
    return Measured(answer, measure, candidate_share, serving_share, worse, worst, MARGINS[measure])


def paired_loss(
    events: Sequence[tuple[bool, bool]], *, good: bool, z: float = _Z
) -> tuple[float, float]:
    """Loss of the first of two matched shares and its upper bound, positive is worse.

    The bound is Wald's with half a pair added to each cell (Agresti and Min, Statistics in
    Medicine 2005;24:729-40): two answers that never differ still have one. Raises `ValueError`
    without pairs.
    """
    if not events:
        raise ValueError("nothing to compare")
    lost = sum(b and not a for a, b in events)
    won = sum(a and not b for a, b in events)
    if not good:
        lost, won = won, lost
    n, more, less = len(events) + 2, lost + 0.5, won + 0.5
    centre = (more - less) / n
    spread = math.sqrt((more + less) - (more - less) ** 2 / n) / n
    return (lost - won) / len(events), centre + z * spread


def _too_few(emergencies: int) -> tuple[str, ...]:
    if emergencies >= FEWEST_EMERGENCIES:
        return ()
    text = f"the held data hold {emergencies} emergencies; {FEWEST_EMERGENCIES} are needed to say"
    return (f"{text} whether they are found",)


def _reason(one: Measured) -> str:
    name = f"{one.answer}, {one.measure.replace('_', ' ')}"
    shares = f"{one.candidate.share:.1%} against {one.serving.share:.1%}"
    found = "worse" if one.worse > one.margin else "not shown to be no worse"
    return (
        f"{name}: {shares}, {found}; the loss may be {one.worst * 100:.1f} points, "
        f"{one.margin * 100:.0f} are allowed"
    )


def table(verdict: Verdict) -> str:
    """For people; shares in percent with 95 % intervals."""
    lines = [
        f"candidate  {verdict.candidate}",
        f"serving    {verdict.serving}",
        f"data       {verdict.data}, {verdict.emergencies} emergencies",
        "",
        f"{'':28}{'candidate':>22}{'serving':>22}{'loss':>8}{'at most':>9}{'margin':>8}",
    ]
    for one in verdict.measured:
        name = f"{one.answer}, {one.measure.replace('_', ' ')}"
        lines.append(
            f"{name:28}{_interval(one.candidate):>22}{_interval(one.serving):>22}"
            f"{one.worse:>+8.1%}{one.worst:>+9.1%}{one.margin:>8.0%}"
            f"  {'passed' if one.passed else 'REFUSED'}"
        )
    return "\n".join([*lines, "", *(f"refused: {reason}" for reason in verdict.reasons)]).rstrip()


def _interval(share: Proportion) -> str:
    return f"{share.share:.1%} ({share.low:.1%}–{share.high:.1%})"
