"""The heavy half of loading a bundle: right libraries, right rules, right answers.

Takes bytes whose signature and digests `ml.bundle_files` has proven; nothing else may be
unpickled here.
"""

import io
import json
import platform
import warnings
from collections.abc import Mapping
from typing import Any, Final

import joblib
import numpy
import scipy
import sklearn
from sklearn.exceptions import InconsistentVersionWarning

from ml.calibration import Calibration, Thresholds
from ml.case import parse_case
from ml.errors import BundleRefused, TriageError
from ml.predictor import Predictor
from ml.rules.engine import RULES_VERSION, assess

GOLDEN_TOLERANCE: Final = 1e-9


def library_versions() -> dict[str, str]:
    """What a pickle and a float may depend on; python by minor version."""
    return {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
        "joblib": joblib.__version__,
    }


def prove(metadata: Mapping[str, Any], files: Mapping[str, bytes]) -> Predictor:
    """The predictor of a byte-proven bundle, its golden cases repeated in this process.

    Raises `BundleRefused` with reason `library`, `rules`, `corrupt` or `golden`.
    """
    here = library_versions()
    for name, version in here.items():
        trained = metadata.get("libraries", {}).get(name)
        if trained != version:
            raise BundleRefused("library", f"trained with {name} {trained}, here is {version}")
    if metadata.get("rules_version") != RULES_VERSION:
        raise BundleRefused("rules", f"trained with other rules than {RULES_VERSION}")
    extractor = _unpickle("extractor.joblib", files)
    model = _unpickle("model.joblib", files)
    try:
        predictor = Predictor(
            extractor,
            model,
            Calibration.from_json(metadata["calibration"]),
            Thresholds(**metadata["thresholds"]),
        )
    except Exception:
        raise BundleRefused("corrupt", "model and extractor do not fit together") from None
    _repeat_golden(predictor, files["golden.json"])
    return predictor


def golden_answers(predictor: Predictor, bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What `predictor` says of synthetic request bodies, as written to golden.json."""
    cases = [parse_case(body) for body in bodies]
    found = predictor.predict_many([(case, assess(case)) for case in cases])
    return [
        {"body": body, "probabilities": list(p.probabilities), "level": p.level.label}
        for body, p in zip(bodies, found, strict=True)
    ]


def _unpickle(name: str, files: Mapping[str, bytes]) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", InconsistentVersionWarning)
            return joblib.load(io.BytesIO(files[name]))
    except InconsistentVersionWarning:
        raise BundleRefused("library", f"{name} was written by another scikit-learn") from None
    except Exception:
        raise BundleRefused("corrupt", f"{name} cannot be read") from None


def _repeat_golden(predictor: Predictor, content: bytes) -> None:
    try:
        expected = json.loads(content)
        found = golden_answers(predictor, [entry["body"] for entry in expected])
        wrong = [
            number
            for number, (then, now) in enumerate(zip(expected, found, strict=True), start=1)
            if then["level"] != now["level"]
            or max(
                abs(a - b) for a, b in zip(then["probabilities"], now["probabilities"], strict=True)
            )
            > GOLDEN_TOLERANCE
        ]
    except (ValueError, KeyError, TypeError, TriageError):
        raise BundleRefused("corrupt", "golden.json is not what this program writes") from None
    if wrong or not expected:
        raise BundleRefused("golden", f"golden case {wrong[0] if wrong else 0} differs")
