"""The served model the usual way: one row to a DataFrame, through a scikit-learn pipeline.

The fitted objects are those of the served bundle, so the answers are the same; only the way to
them differs.
"""

import io
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from ml.bundle_files import check_bytes
from ml.calibration import Calibration, Thresholds
from ml.case import parse_case
from ml.features import Features, extract
from ml.rules.engine import assess
from ml.schema import LEVELS


def frame(records: list[dict[str, Any]]) -> pd.DataFrame:
    """Requests as columns: nested objects flattened, lists kept."""
    return pd.json_normalize(records)


def features(rows: pd.DataFrame) -> list[Features]:
    """The model's features of each row of the frame; the rules' answer is among them."""
    found = []
    for record in rows.to_dict("records"):
        case = parse_case(_nested(record))
        found.append(extract(case, assess(case)))
    return found


def _nested(record: dict[Any, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for column, value in record.items():
        if value is None or (isinstance(value, float) and np.isnan(value)):
            continue
        *parents, name = str(column).split(".")
        place = body
        for parent in parents:
            place = place.setdefault(parent, {})
        place[name] = value
    return body


@dataclass(frozen=True)
class Answer:
    level: str
    confidence: float
    probabilities: list[float]
    version: str


class Served:
    """The pipeline with its calibration and thresholds."""

    def __init__(self) -> None:
        checked = check_bytes()
        parts = [joblib.load(io.BytesIO(checked.files[f"{n}.joblib"])) for n in _PARTS]
        self._version = checked.version
        self._pipeline = Pipeline(
            [("features", FunctionTransformer(features)), *zip(_PARTS, parts, strict=True)]
        )
        self._calibration = Calibration.from_json(checked.metadata["calibration"])
        self._thresholds = Thresholds(**checked.metadata["thresholds"])

    def predict_proba(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Calibrated probabilities of each row of the frame, shape (n, 4)."""
        scores = self._pipeline.decision_function(rows)
        return self._calibration.probabilities(scores)

    def answer(self, record: dict[str, Any]) -> Answer:
        probabilities = self.predict_proba(frame([record]))
        level = int(self._thresholds.choose(probabilities)[0])
        shares = probabilities[0].tolist()
        return Answer(LEVELS[level], shares[level], shares, self._version)


_PARTS = ("extractor", "model")


def load() -> Served:
    return Served()
