"""What the training data looked like, for drift checks: shares and deciles, no record."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from ml.case import TriageCase
from ml.schema import LEVELS, SEXES, VITAL_SIGNS, Level

NUMERIC_FIELDS: Final = ("patient_age", *VITAL_SIGNS, "severity_score")
# Below this many values a decile would describe single patients.
_FEWEST_VALUES: Final = 50


def profile(cases: Sequence[TriageCase], levels: Sequence[Level]) -> dict[str, Any]:
    """Shares in 0-1 and the nine deciles of each number, in its own unit.

    Raises `ValueError` without cases.
    """
    if not cases:
        raise ValueError("nothing to describe")
    counted = Counter(level.label for level in levels)
    sexes = Counter(case.patient_sex or "unknown" for case in cases)
    missing: dict[str, float] = {}
    deciles: dict[str, list[float]] = {}
    for field in NUMERIC_FIELDS:
        known = [value for case in cases if (value := number(case, field)) is not None]
        missing[field] = 1 - len(known) / len(cases)
        if len(known) >= _FEWEST_VALUES:
            deciles[field] = np.quantile(known, np.arange(1, 10) / 10).tolist()
    missing["complaint"] = sum(not case.texts() for case in cases) / len(cases)
    missing["consciousness"] = sum(c.vital_signs.consciousness is None for c in cases) / len(cases)
    words = [sum(len(text.split()) for _, text in case.texts()) for case in cases]
    return {
        "levels": {label: counted[label] / len(cases) for label in LEVELS},
        "sexes": {sex: sexes[sex] / len(cases) for sex in SEXES},
        "missing": missing,
        "deciles": deciles,
        "complaint_words": np.quantile(words, np.arange(1, 10) / 10).tolist(),
    }


def number(case: TriageCase, field: str) -> float | None:
    """One of `NUMERIC_FIELDS` of a case."""
    holder = case.vital_signs if field in VITAL_SIGNS else case
    value: float | None = getattr(holder, field)
    return value
