"""The proof on real records, without the database: `python -m tests.proof [RUNS] [--svg FILE]`.

Of the real table hospital 1 is the one that the model knows: it learns from a random half of it,
the other half is five days of labelled patients, and hospital 2, which it has never seen, is five
more. Over many random halves: how often does an alarm sound in the first five days, which is
false, and on which day of the second five does it sound first?

Beside our model stands a plain one (words and vital signs, logistic regression), which does fall
on hospital 2; ours hardly does, and an alarm about its accuracy has nothing to find there.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from ml.change_detection import RUN_LENGTH_DAYS, Evidence, accuracy_evidence, urgency_evidence
from ml.data_profile import NUMERIC_FIELDS, number, profile, vocabulary
from ml.drift import compare
from ml.records import Record, read_records
from ml.rules.engine import assess
from ml.schema import Level
from ml.statistics import wilson
from ml.training import fit

REAL_RECORDS: Final = Path(__file__).resolve().parents[2] / "shared" / "data" / "ktas.csv"
RUNS: Final = 200
DAYS: Final = 5
BELOW: Final = ("ours: accuracy", "ours: urgency", "ours: input drift", "ours: any of the three")
PLAIN: Final = ("plain model: accuracy", "plain model: urgency")


@dataclass
class Run:
    """One random half: the first day (0-9) on which each alarm stood, None for never; the
    accuracy on held-out, known and unknown patients, ours and the plain model's; the charts'
    values by day."""

    alarms: dict[str, int | None] = field(default_factory=dict)
    quiet: dict[str, bool] = field(default_factory=dict)
    found: dict[str, int | None] = field(default_factory=dict)
    accuracy: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    charts: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, sounding: Sequence[bool]) -> None:
        """`sounding` says for each of the ten checks whether the alarm stood."""
        self.quiet[name] = not any(sounding[:DAYS])
        after = list(sounding[DAYS:])
        self.found[name] = after.index(True) + 1 if any(after) else None


class Tables:
    """Both hospitals, read once; the rules' answers are the same in every run."""

    def __init__(self) -> None:
        records = [one for one in read_records(REAL_RECORDS) if one.level is not None]
        self.known = [one for one in records if one.group == "1"]
        self.unknown = [one for one in records if one.group == "2"]
        self.rows = {id(one): (one.case, assess(one.case)) for one in records}


def one_run(tables: Tables, seed: int) -> Run:
    """One random half and the ten days after it."""
    chance = np.random.default_rng(seed)
    order = chance.permutation(len(tables.known))
    half = len(order) // 2
    learnt = [tables.known[i] for i in order[:half]]
    unseen = [tables.known[i] for i in order[half:]]
    new = [tables.unknown[i] for i in chance.permutation(len(tables.unknown))]
    days = [unseen[n::DAYS] for n in range(DAYS)] + [new[n::DAYS] for n in range(DAYS)]
    run = Run()
    ours, out_of_fold = _ours(tables, learnt, seed)
    _watch(run, "ours", days, ours, out_of_fold, _levels(learnt))
    _drift(run, learnt, out_of_fold, days, ours)
    plain, out_of_fold = _plain(learnt, seed)
    _watch(run, "plain model", days, plain, out_of_fold, _levels(learnt))
    return run


Predict = Callable[[Sequence[Record]], tuple[list[Level], Any]]


def _levels(records: Sequence[Record]) -> list[Level]:
    return [one.level for one in records if one.level is not None]


def _ours(tables: Tables, learnt: Sequence[Record], seed: int) -> tuple[Predict, list[Level]]:
    fitted = fit([tables.rows[id(one)] for one in learnt], _levels(learnt), seed)
    predictor = fitted.predictor()

    def predict(records: Sequence[Record]) -> tuple[list[Level], Any]:
        rows = [tables.rows[id(one)] for one in records]
        found = predictor.predict_many(rows, explain=False)
        return [one.level for one in found], np.array([one.probabilities for one in found])

    return predict, list(fitted.unseen)


def _plain(learnt: Sequence[Record], seed: int) -> tuple[Predict, list[Level]]:
    truth = np.array([int(level) for level in _levels(learnt)])
    out_of_fold = np.zeros(len(truth), dtype=int)
    for inside, outside in StratifiedKFold(5, shuffle=True, random_state=seed).split(truth, truth):
        predict = _plain_fitted([learnt[i] for i in inside])
        out_of_fold[outside] = predict([learnt[i] for i in outside])[0]
    return _plain_fitted(learnt), [Level(level) for level in out_of_fold.tolist()]


def _plain_fitted(learnt: Sequence[Record]) -> Predict:
    words, fill, scale = (
        TfidfVectorizer(min_df=2),
        SimpleImputer(keep_empty_features=True),
        StandardScaler(),
    )
    model = LogisticRegression(max_iter=2_000)

    def columns(records: Sequence[Record], fitting: bool) -> Any:
        texts = [one.case.symptoms_data.chief_complaint or "" for one in records]
        rows = [
            [np.nan if (v := number(one.case, name)) is None else v for name in NUMERIC_FIELDS]
            + [one.case.patient_sex == "female", one.case.vital_signs.consciousness == "A"]
            for one in records
        ]
        if fitting:
            words.fit(texts)
            scale.fit(fill.fit_transform(rows))
        return np.hstack([words.transform(texts).toarray(), scale.transform(fill.transform(rows))])

    model.fit(columns(learnt, True), [int(level) for level in _levels(learnt)])

    def predict(records: Sequence[Record]) -> tuple[list[Level], Any]:
        said = model.predict_proba(columns(records, False))
        return [Level(level) for level in said.argmax(axis=1).tolist()], said

    return predict


def _watch(
    run: Run,
    name: str,
    days: Sequence[Sequence[Record]],
    predict: Predict,
    out_of_fold: Sequence[Level],
    truth: Sequence[Level],
) -> None:
    """The daily check's two charts over ten days."""
    held_out = wilson(sum(a == t for a, t in zip(out_of_fold, truth, strict=True)), len(truth))
    assert held_out is not None
    accuracy, urgency = Evidence(), Evidence()
    right: list[list[bool]] = []
    sounding: dict[str, list[bool]] = {"accuracy": [], "urgency": []}
    values: dict[str, list[float]] = {"accuracy": [], "urgency": []}
    for day in days:
        answers, said = predict(day)
        labels = _levels(day)
        right.append([a == t for a, t in zip(answers, labels, strict=True)])
        accuracy = accuracy.after(accuracy_evidence(right[-1], held_out.low))
        urgency = urgency.after(urgency_evidence(labels, said))
        for chart, evidence in (("accuracy", accuracy), ("urgency", urgency)):
            sounding[chart].append(evidence.alarm)
            values[chart].append(evidence.value)
    for chart, alarms in sounding.items():
        run.add(f"{name}: {chart}", alarms)
        run.charts[f"{name}: {chart}"] = values[chart]
    run.accuracy[name] = (
        held_out.share,
        float(np.mean(np.concatenate(right[:DAYS]))),
        float(np.mean(np.concatenate(right[DAYS:]))),
    )


def _drift(
    run: Run,
    learnt: Sequence[Record],
    out_of_fold: Sequence[Level],
    days: Sequence[Sequence[Record]],
    predict: Predict,
) -> None:
    cases = [one.case for one in learnt]
    known, words = profile(cases, _levels(learnt), out_of_fold), vocabulary(cases)
    large = [
        compare(known, words, [one.case for one in day], predict(day)[0]).state == "large"
        for day in days
    ]
    run.add("ours: input drift", large)
    charts = [
        [value >= RUN_LENGTH_DAYS for value in run.charts[f"ours: {chart}"]]
        for chart in ("accuracy", "urgency")
    ]
    run.add("ours: any of the three", [any(one) for one in zip(large, *charts, strict=True)])


def table(runs: Sequence[Run]) -> str:
    """Markdown: false alarms in five days, and found by the first, second … fifth check."""
    lines = [
        f"| alarm | false, 5 known days | {' | '.join(f'check {n}' for n in range(1, DAYS + 1))} |",
        f"|---|---|{'---|' * DAYS}",
    ]
    for name in (*BELOW, *PLAIN):
        false = np.mean([not run.quiet[name] for run in runs])
        cells = [
            f"{np.mean([(run.found[name] or 99) <= n for run in runs]):.1%}"
            for n in range(1, DAYS + 1)
        ]
        lines.append(f"| {name} | {false:.1%} | {' | '.join(cells)} |")
    for name in ("ours", "plain model"):
        held, known, unknown = np.mean([run.accuracy[name] for run in runs], axis=0)
        lines.append(
            f"\nAccuracy of {name}: {held:.1%} on held-out folds, {known:.1%} on the known "
            f"hospital's other half, {unknown:.1%} on the unknown hospital (means)."
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="?", type=int, default=RUNS)
    parser.add_argument("--svg", type=Path, help="draw the charts into this file")
    parser.add_argument("--json", type=Path, help="keep every run's numbers")
    options = parser.parse_args()
    if not REAL_RECORDS.exists():
        print("the real table is not on this machine", file=sys.stderr)
        return 1
    tables = Tables()
    runs = []
    for seed in range(options.runs):
        runs.append(one_run(tables, seed))
        print(f"\r{seed + 1} of {options.runs}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    if options.json:
        options.json.write_text(json.dumps([vars(run) for run in runs]))
    if options.svg:
        from tests.proof_picture import draw

        options.svg.write_text(draw(runs))
    print(table(runs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
