"""How good a set of answers is, and what model, rules and the whole decision answer.

`score` is the one place where answers are compared with labels: evaluation, replay and the
daily check all read the same numbers.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ml.assignment import exclusion
from ml.bundle import Bundle
from ml.case import TriageCase
from ml.decision import Arm, Decision, Policy, decide
from ml.prediction import Prediction
from ml.records import Record
from ml.rules.answer import RulesAnswer
from ml.rules.engine import assess
from ml.schema import LEVELS, Level
from ml.statistics import (
    Floats,
    Proportion,
    brier,
    calibration_error,
    clopper_pearson,
    macro_f1,
    over_triage,
    quadratic_kappa,
    under_triage,
    wilson,
)


@dataclass(frozen=True, slots=True)
class Scores:
    """Answers against labels.

    Shares are of all `n` cases, except `emergency_recall` and `emergencies_missed` (answered
    soon or routine), which are of the true emergencies and None without any. `confusion` has the
    true level in rows. `brier` and `calibration_error` are None without probabilities.
    """

    n: int
    accuracy: Proportion
    quadratic_kappa: float | None
    macro_f1: float
    under_triage: float
    over_triage: float
    emergency_recall: Proportion | None
    emergencies_missed: Proportion | None
    confusion: tuple[tuple[int, ...], ...]
    brier: float | None = None
    calibration_error: float | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def score(
    truth: Sequence[Level],
    answers: Sequence[Level],
    probabilities: Floats | None = None,
) -> Scores:
    """Compare answers with labels; `probabilities` of shape (n, 4) add the calibration.

    Raises `ValueError` when there is nothing to compare or the lengths differ.
    """
    if not truth or len(truth) != len(answers):
        raise ValueError("expected as many answers as labels, and at least one")
    right = wilson(sum(t == a for t, a in zip(truth, answers, strict=True)), len(truth))
    assert right is not None
    found = [a for t, a in zip(truth, answers, strict=True) if t == Level.EMERGENCY]
    confusion = np.zeros((4, 4), dtype=np.int64)
    for t, a in zip(truth, answers, strict=True):
        confusion[t, a] += 1
    return Scores(
        n=len(truth),
        accuracy=right,
        quadratic_kappa=quadratic_kappa(truth, answers),
        macro_f1=macro_f1(truth, answers),
        under_triage=under_triage(truth, answers),
        over_triage=over_triage(truth, answers),
        emergency_recall=clopper_pearson(found.count(Level.EMERGENCY), len(found)),
        emergencies_missed=clopper_pearson(sum(a < Level.URGENT for a in found), len(found)),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        brier=None if probabilities is None else brier(truth, probabilities),
        calibration_error=None
        if probabilities is None
        else calibration_error(truth, answers, probabilities),
    )


def arm_of(case: TriageCase) -> Arm:
    """The arm of a case outside the trial's randomisation: the model, unless it is excluded.

    Without a patient id nothing is randomised, but the model may well be asked.
    """
    return "ml" if exclusion(case) in {None, "no_patient_id"} else "excluded"


def decide_all(
    records: Sequence[tuple[TriageCase, RulesAnswer]],
    predictions: Sequence[Prediction],
    policy: Policy,
) -> list[Decision]:
    """The whole decision of each case, as the worker makes it in the model's arm."""
    return [
        decide(rules, prediction, arm_of(case), policy)
        for (case, rules), prediction in zip(records, predictions, strict=True)
    ]


def evaluate(records: Sequence[Record], bundle: Bundle) -> dict[str, Scores]:
    """Model alone, rules alone and the whole decision on labelled records.

    Records without a label are left out. Raises `ValueError` if none is left.
    """
    labelled = [(record, record.level) for record in records if record.level is not None]
    truth = [level for _, level in labelled]
    rows = [(record.case, assess(record.case)) for record, _ in labelled]
    predictions = bundle.predictor.predict_many(rows, explain=False)
    probabilities = np.array([p.probabilities for p in predictions], dtype=np.float64)
    decisions = decide_all(rows, predictions, bundle.policy)
    return {
        "model": score(truth, [p.level for p in predictions], probabilities),
        "rules": score(truth, [max(rules.level, rules.floor) for _, rules in rows]),
        "decision": score(truth, [d.level for d in decisions]),
    }


def table(results: dict[str, Scores]) -> str:
    """The results as text for a terminal."""
    lines = [f"{'':24}" + "".join(f"{name:>22}" for name in results)]

    def line(title: str, cells: Sequence[str]) -> None:
        lines.append(f"{title:24}" + "".join(f"{cell:>22}" for cell in cells))

    scores = list(results.values())
    line("n", [str(s.n) for s in scores])
    line("accuracy", [_with_interval(s.accuracy) for s in scores])
    line("quadratic kappa", [_number(s.quadratic_kappa) for s in scores])
    line("macro-F1", [_number(s.macro_f1) for s in scores])
    line("under-triage", [_number(s.under_triage) for s in scores])
    line("over-triage", [_number(s.over_triage) for s in scores])
    line("emergency recall", [_with_interval(s.emergency_recall) for s in scores])
    line("emergency soon/routine", [_with_interval(s.emergencies_missed) for s in scores])
    line("Brier", [_number(s.brier) for s in scores])
    line("calibration error", [_number(s.calibration_error) for s in scores])
    for name, s in results.items():
        lines += ["", f"{name}: true level in rows, answered level in columns"]
        lines.append(f"{'':12}" + "".join(f"{label:>11}" for label in LEVELS))
        for label, row in zip(LEVELS, s.confusion, strict=True):
            lines.append(f"{label:12}" + "".join(f"{count:>11}" for count in row))
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _with_interval(p: Proportion | None) -> str:
    return "-" if p is None else f"{p.share:.3f} ({p.low:.3f}-{p.high:.3f})"
