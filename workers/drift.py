"""One day's patients against what a model was trained on. Reads patients, keeps counts of them."""

import datetime as dt
from typing import Any, Final

import structlog

from backend.logs import failure
from backend.monitoring.reports import Drift
from backend.triage import outcomes
from ml import bundle
from ml.drift import FEWEST_CASES, compare
from ml.errors import BundleRefused

log = structlog.get_logger()

_DAY: Final = dt.timedelta(days=1)


def compare_day(day: dt.date, version: str, digest: str) -> Drift:
    """The day's requests beside the training data of `digest`, which its bundle describes."""
    start = dt.datetime.combine(day, dt.time(), dt.UTC)
    patients = outcomes.cases_between(start, start + _DAY, digest)
    count = len(patients)
    if count < FEWEST_CASES:
        return Drift(day, version, digest, "insufficient_requests", count)
    reference = _reference(version, digest)
    if reference is None:
        return Drift(day, version, digest, "no_reference", count)
    profile, vocabulary = reference
    found = compare(
        profile,
        vocabulary,
        [one.case for one in patients],
        [one.level for one in patients if one.level is not None],
        [one.patient for one in patients],
    )
    return Drift(day, version, digest, found.state, count, found.to_json())


def _reference(version: str, digest: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Profile and vocabulary out of the bundle's signed metadata; None if it is not here, is
    another one or is of an older form."""
    try:
        checked = bundle.check_bytes(version)
        if checked.digest != digest:
            return None
        profile = checked.metadata["training_data"]["profile"]
        return (profile, checked.metadata["vocabulary"]) if "bins" in profile else None
    except (BundleRefused, KeyError, TypeError) as error:
        log.warning("drift.no_reference", model_version=version, **failure(error))
        return None
