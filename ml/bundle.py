"""A model bundle, from disk to a proven predictor.

`ml.bundle_files` proves signature and digests; `load` also proves library versions, rules version
and golden cases, and only then hands out a predictor. Bytes are read once, hashed, and unpickled
from the same memory: a file swapped in between changes nothing.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml.bundle_files import (
    FILES,
    LATEST,
    METADATA,
    SIGNATURE,
    Checked,
    check_bytes,
    default_models_dir,
    latest_version,
    promote,
    save,
)
from ml.decision import MINIMUM_CONFIDENCE, Policy

if TYPE_CHECKING:
    from ml.predictor import Predictor

__all__ = [
    "FILES",
    "LATEST",
    "METADATA",
    "SIGNATURE",
    "Bundle",
    "Checked",
    "check_bytes",
    "default_models_dir",
    "latest_version",
    "load",
    "load_latest",
    "promote",
    "save",
]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A proven model. `digest` (SHA-256 of the metadata, hex) is the predictor's identity."""

    version: str
    digest: str
    metadata: dict[str, Any]
    predictor: "Predictor"
    policy: Policy


def load_latest(models_dir: Path | None = None) -> Bundle:
    """The promoted bundle, proven. Raises `BundleMissing` or `BundleRefused`."""
    return load(LATEST, models_dir)


def load(version: str, models_dir: Path | None = None) -> Bundle:
    """Prove `version` in this process and return it.

    Raises `BundleMissing`, or `BundleRefused` with reason `signature`, `format`, `digest`,
    `corrupt`, `library`, `rules` or `golden`.
    """
    checked = check_bytes(version, models_dir)
    # Heavy imports happen here only: this module is also read by processes that never predict.
    from ml.proof import prove

    predictor = prove(checked.metadata, checked.files)
    wanted = checked.metadata.get("policy", {}).get("minimum_confidence", MINIMUM_CONFIDENCE)
    policy = Policy(minimum_confidence=max(MINIMUM_CONFIDENCE, float(wanted)))
    return Bundle(checked.version, checked.digest, checked.metadata, predictor, policy)
