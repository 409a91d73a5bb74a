"""Quality on the real table, everything fitted inside the folds; `-s` prints the numbers."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold

import ml.training
from ml.case import TriageCase
from ml.decision import Policy
from ml.evaluation import decide_all, score, table
from ml.features import Features, extract
from ml.pipeline import Extractor, linear_model
from ml.prediction import Prediction
from ml.records import read_records
from ml.rules.answer import RulesAnswer
from ml.rules.engine import assess
from ml.schema import Level
from ml.training import STRENGTH, fit

SEEDS = (0, 1, 2)
Labelled = tuple[list[tuple[TriageCase, RulesAnswer]], list[Level]]


@pytest.fixture(scope="module")
def labelled(real_table: Path) -> Labelled:
    records = list(read_records(real_table))
    rows = [(record.case, assess(record.case)) for record in records]
    return rows, [record.level for record in records if record.level is not None]


def nested(labelled: Labelled) -> list[Prediction]:
    """Predictions of every row from models that were fitted without it, once per seed."""
    rows, levels = labelled
    predictions: list[Prediction] = []
    for seed in SEEDS:
        found: dict[int, Prediction] = {}
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        for inside, outside in folds.split(np.zeros(len(levels)), levels):
            model = fit([rows[i] for i in inside], [levels[i] for i in inside], seed)
            predicted = model.predictor().predict_many([rows[i] for i in outside], explain=False)
            found |= dict(zip(outside.tolist(), predicted, strict=True))
        predictions += [found[i] for i in range(len(levels))]
    return predictions


@pytest.mark.slow
def test_without_the_rules_nothing_leaks(
    labelled: Labelled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rules' authors knew this table; without their findings the model is on its own."""
    silent = RulesAnswer(Level.SOON, "gp", 30, False, Level.ROUTINE, False, "none")
    monkeypatch.setattr(ml.training, "assess", lambda case: silent)
    rows, levels = labelled
    predictions = nested(([(case, silent) for case, _ in rows], levels))
    found = score(levels * len(SEEDS), [p.level for p in predictions])
    print("\n" + table({"model without rules": found}))
    assert found.accuracy.share <= 0.76, "above this something leaks"
    assert found.accuracy.share >= 0.66
    assert found.emergency_recall is not None
    assert found.emergency_recall.share >= 0.74
    assert found.over_triage <= 0.22


@pytest.mark.slow
def test_nested_cross_validation_reaches_the_bars(labelled: Labelled) -> None:
    rows, levels = labelled
    truth = levels * len(SEEDS)
    predictions = nested(labelled)
    repeated = rows * len(SEEDS)
    probabilities = np.array([p.probabilities for p in predictions])
    model_alone = score(truth, [p.level for p in predictions], probabilities)
    decisions = decide_all(repeated, predictions, Policy())
    whole = score(truth, [decision.level for decision in decisions])
    rules = score(truth, [max(answer.level, answer.floor) for _, answer in repeated])
    print("\n" + table({"model": model_alone, "rules": rules, "decision": whole}))
    assert model_alone.quadratic_kappa is not None
    assert model_alone.emergency_recall is not None
    assert model_alone.emergencies_missed is not None
    assert whole.emergency_recall is not None
    assert model_alone.accuracy.share >= 0.67
    assert model_alone.quadratic_kappa >= 0.64
    assert model_alone.macro_f1 >= 0.55
    assert model_alone.emergency_recall.share >= 0.75
    assert model_alone.over_triage <= 0.22
    assert model_alone.emergencies_missed.share <= 0.05
    assert whole.emergency_recall.share >= model_alone.emergency_recall.share
    assert whole.over_triage <= model_alone.over_triage + 0.03


def _tree_columns(extractor: Extractor, rows: list[Features], gone: np.ndarray) -> np.ndarray:
    """What the boosted trees see: numbers, flags, which terms and rules occur."""
    numbers = np.array([row.numbers for row in rows])
    # Histogram boosting cannot bin a column that is missing everywhere.
    numbers[:, gone] = 0.0
    flags = np.array([row.flags for row in rows])
    assert extractor.terms_ is not None
    assert extractor.rules_ is not None
    terms = (extractor.terms_.transform(rows) > 0).toarray().astype(float)
    return np.hstack([numbers, flags, terms, extractor.rules_.transform(rows).toarray()])


@pytest.mark.slow
def test_the_linear_model_is_as_good_as_boosted_trees(labelled: Labelled) -> None:
    rows, levels = labelled
    features = [extract(case, rules) for case, rules in rows]
    truth = np.array([int(level) for level in levels])
    linear, boosted = np.zeros((2, len(truth), 4))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    for inside, outside in folds.split(truth, truth):
        seen, unseen = [features[i] for i in inside], [features[i] for i in outside]
        extractor = Extractor().fit(seen)
        simple = linear_model(STRENGTH).fit(extractor.transform(seen), truth[inside])
        linear[outside] = simple.predict_proba(extractor.transform(unseen))
        gone = np.isnan([row.numbers for row in seen]).all(axis=0)
        trees = HistGradientBoostingClassifier(
            max_iter=80,
            learning_rate=0.08,
            max_leaf_nodes=8,
            min_samples_leaf=15,
            l2_regularization=5.0,
            random_state=0,
        ).fit(_tree_columns(extractor, seen, gone), truth[inside])
        boosted[outside] = trees.predict_proba(_tree_columns(extractor, unseen, gone))
    candidates = {"linear": linear, "boosted": boosted, "blend": (linear + boosted) / 2}
    right = {name: float(np.mean(p.argmax(axis=1) == truth)) for name, p in candidates.items()}
    for name, p in candidates.items():
        print(f"\n{name:8} accuracy {right[name]:.3f} log loss {log_loss(truth, p):.3f}", end="")
    assert right["linear"] >= right["boosted"] - 0.02
    assert right["linear"] >= right["blend"] - 0.04
