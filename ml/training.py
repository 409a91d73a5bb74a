"""Training: records in, a signed bundle out, each stage announced.

1. the rules and the features of every record;
2. inner cross-validation: scores of records the model had not seen;
3. calibration and thresholds, fitted on those scores;
4. the final fit on everything;
5. golden cases, model card, signature.

Equal records and seed give byte-equal bundles: nothing of the clock goes in.
"""

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import joblib
import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GroupKFold, StratifiedKFold

from ml.bundle import Checked, save
from ml.calibration import Calibration, Thresholds, fit_calibration, fit_thresholds
from ml.case import TriageCase
from ml.cohort import golden_bodies
from ml.data_profile import profile, vocabulary
from ml.decision import MINIMUM_CONFIDENCE
from ml.errors import TriageError
from ml.evaluation import Scores, score
from ml.features import Features, extract
from ml.model_card import model_card
from ml.pipeline import Extractor, linear_model
from ml.predictor import Predictor, Rows
from ml.proof import golden_answers, library_versions
from ml.records import Record, body_of
from ml.rules.engine import RULES_VERSION, assess
from ml.schema import RANGES, Level
from ml.slices import slices

# Inverse L2 penalty, chosen by repeated cross-validation (docs/model.md).
STRENGTH: Final = 0.5
FOLDS: Final = 5
GOLDEN_CASES: Final = 24
# What a copy of a record without anything but its words counts beside the record itself.
BARE_WEIGHT: Final = 0.25
# No copies are made where at least this share of the records has nothing but words anyway.
ENOUGH_BARE: Final = 0.2

Indices = npt.NDArray[np.int64]


class TooFewRecords(TriageError):
    """Some level has fewer records than the inner cross-validation has folds."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained model, its calibration and thresholds, and how it did on unseen folds: `unseen`
    are the answers of models that had not seen the record, in the records' order."""

    extractor: Extractor
    model: Any
    calibration: Calibration
    thresholds: Thresholds
    scores: Scores
    unseen: tuple[Level, ...]

    def predictor(self) -> Predictor:
        return Predictor(self.extractor, self.model, self.calibration, self.thresholds)


@dataclass(frozen=True, slots=True)
class _Samples:
    """The features of every record as it is, and of its words alone (None where that is all)."""

    full: list[Features]
    bare: list[Features | None]
    truth: Indices

    @classmethod
    def of(cls, rows: Rows, truth: Indices) -> Self:
        words = [_words_alone(case) for case, _ in rows]
        if words.count(None) > ENOUGH_BARE * len(rows):
            words = [None] * len(rows)
        return cls(
            full=[extract(case, rules) for case, rules in rows],
            bare=[None if case is None else extract(case, assess(case)) for case in words],
            truth=truth,
        )


def fit(
    rows: Rows,
    labels: Sequence[Level],
    seed: int,
    groups: Sequence[str] | None = None,
    strength: float = STRENGTH,
) -> Fitted:
    """Fit on cases with their rules' answers and labels. Raises `TooFewRecords`.

    With `groups` (one a record) the inner folds keep a group together.
    """
    truth = np.array([int(level) for level in labels], dtype=np.int64)
    for level in Level:
        if int((truth == level).sum()) < FOLDS:
            raise TooFewRecords(f"fewer than {FOLDS} records are {level.label}")
    samples = _Samples.of(rows, truth)
    unseen = np.zeros((len(truth), len(Level)))
    for inside, outside in _folds(truth, groups, seed):
        extractor, model = _fit_once(samples, inside, strength)
        left_out = [samples.full[i] for i in outside]
        found = model.decision_function(extractor.transform(left_out))
        unseen[outside] = found - found.mean(axis=1, keepdims=True)
    calibration = fit_calibration(unseen, truth.tolist())
    probabilities = calibration.probabilities(unseen)
    thresholds = fit_thresholds(probabilities, truth.tolist())
    answers = [Level(level) for level in thresholds.choose(probabilities).tolist()]
    extractor, model = _fit_once(samples, np.arange(len(truth)), strength)
    found_scores = score(list(labels), answers, probabilities)
    return Fitted(extractor, model, calibration, thresholds, found_scores, tuple(answers))


def train(
    records: Sequence[Record],
    *,
    source: str,
    seed: int,
    grouped: bool | None = None,
    name: str | None = None,
    models_dir: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Checked:
    """Train on the labelled records and save a bundle; `source` says what they are.

    `grouped` keeps the records of a group in one fold (default: for the synthetic cohort). Without
    a `name` the version is called after the source and its own content. Raises
    `TooFewRecords`, or `BundleRefused` if the bundle cannot be signed or its name is taken.
    """
    labelled = [(record, record.level) for record in records if record.level is not None]
    say(f"rules and features of {len(labelled)} records")
    rows = [(record.case, assess(record.case)) for record, _ in labelled]
    levels = [level for _, level in labelled]
    say(f"{FOLDS}-fold cross-validation, calibration, thresholds, final fit")
    # Invented patients share phrases; split by them, or the calibration is that of a parrot.
    together = source == "synthetic" if grouped is None else grouped
    groups = [record.group or "" for record, _ in labelled] if together else None
    fitted = fit(rows, levels, seed, groups)
    say(f"{len(fitted.extractor.feature_names())} features; golden cases")
    parts = slices([case for case, _ in rows], levels, fitted.unseen)
    golden = golden_answers(fitted.predictor(), golden_bodies(GOLDEN_CASES, seed))
    metadata = {
        "source": source,
        "seed": seed,
        "rules_version": RULES_VERSION,
        "libraries": library_versions(),
        "feature_names": fitted.extractor.feature_names(),
        "ranges": {field: [r.low, r.high, r.unit] for field, r in RANGES.items()},
        "calibration": fitted.calibration.to_json(),
        "thresholds": fitted.thresholds.to_json(),
        "policy": {"minimum_confidence": MINIMUM_CONFIDENCE},
        "strength": STRENGTH,
        "training_data": {
            "records": len(labelled),
            "digest": _digest([(body_of(r.case), level.label) for r, level in labelled]),
            "profile": profile([case for case, _ in rows], levels, fitted.unseen),
        },
        "vocabulary": vocabulary([case for case, _ in rows]),
        "metrics": {
            "method": f"{FOLDS}-fold cross-validation on the training data; calibration and "
            "thresholds were fitted on these same out-of-fold scores",
            "model": fitted.scores.to_json(),
            "slices": {name: one.to_json() for name, one in parts.items()},
        },
    }
    files = {
        "model.joblib": _pickled(fitted.model),
        "extractor.joblib": _pickled(fitted.extractor),
        "golden.json": json.dumps(golden, indent=1).encode(),
        "MODEL_CARD.md": model_card(metadata, fitted.scores, parts).encode(),
    }
    content = [metadata, {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}]
    version = name or f"{source}-{_digest(content)[:10]}"
    say(f"saving {version}")
    return save(version, files, metadata, models_dir)


def _folds(
    truth: Indices, groups: Sequence[str] | None, seed: int
) -> Iterator[tuple[Indices, Indices]]:
    """Row numbers inside and outside of each fold."""
    if groups is None:
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
        return iter(folds.split(truth, truth))
    return iter(GroupKFold(FOLDS, shuffle=True, random_state=seed).split(truth, truth, groups))


def _fit_once(samples: _Samples, chosen: Indices, strength: float) -> tuple[Extractor, Any]:
    """Vocabulary and scales from the records as they are; weights from these and bare copies."""
    full = [samples.full[i] for i in chosen]
    bare = [(found, i) for i in chosen if (found := samples.bare[i]) is not None]
    extractor = Extractor().fit(full)
    columns = extractor.transform([*full, *[features for features, _ in bare]])
    truth = samples.truth[[*chosen, *[i for _, i in bare]]]
    weights = np.repeat([1.0, BARE_WEIGHT], [len(full), len(bare)])
    return extractor, linear_model(strength).fit(columns, truth, sample_weight=weights)


def _words_alone(case: TriageCase) -> TriageCase | None:
    """The same complaint and nothing else, or None where there is no complaint or nothing else.

    At a hospital's desk a missing blood pressure means an arrest; from a patient at home it means
    nothing. Without such copies a model trained at the desk calls a bare "sore throat" an
    emergency.
    """
    bare = TriageCase(symptoms_data=case.symptoms_data)
    return bare if case.texts() and bare != case else None


def _pickled(value: object) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(value, buffer)
    return buffer.getvalue()


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
