"""What the training data looked like, for drift checks: shares, no record.

Numbers are described by ten bins of about equal share, words only where at least five records hold
them: nothing here describes a single patient.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from ml.case import TriageCase
from ml.schema import CONSCIOUSNESS, LEVELS, SEXES, VITAL_SIGNS, Level
from ml.wording import word_list

NUMERIC_FIELDS: Final = ("patient_age", *VITAL_SIGNS, "severity_score")
COMPLAINT_WORDS: Final = "complaint_words"
# Below this many values a decile would describe single patients.
_FEWEST_VALUES: Final = 50
# A word that fewer patients used may name one of them.
FEWEST_PATIENTS: Final = 5
# The most frequent words are enough to see a changed vocabulary.
MOST_WORDS: Final = 500


def profile(
    cases: Sequence[TriageCase],
    levels: Sequence[Level],
    answers: Sequence[Level] = (),
) -> dict[str, Any]:
    """Shares in 0-1, and the inner edges of each number's bins in its own unit.

    `answers` are the model's to the same cases, unseen; without them their mix is left out. Raises
    `ValueError` without cases.
    """
    if not cases:
        raise ValueError("nothing to describe")
    missing: dict[str, float] = {}
    bins: dict[str, dict[str, Any]] = {}
    for field in (*NUMERIC_FIELDS, COMPLAINT_WORDS):
        known = numbers(cases, field)
        missing[field] = 1 - len(known) / len(cases)
        if len(known) >= _FEWEST_VALUES:
            edges = sorted(set(np.quantile(known, np.arange(1, 10) / 10).tolist()))
            counts = binned(known, edges)
            bins[field] = {"edges": edges, "counts": counts}
    del missing[COMPLAINT_WORDS]
    missing["complaint"] = sum(not case.texts() for case in cases) / len(cases)
    missing["consciousness"] = sum(c.vital_signs.consciousness is None for c in cases) / len(cases)
    found: dict[str, Any] = {
        "records": len(cases),
        "levels": _shares([level.label for level in levels], LEVELS),
        "sexes": _shares([case.patient_sex or "unknown" for case in cases], SEXES),
        "consciousness": _shares(
            [code for c in cases if (code := c.vital_signs.consciousness)], CONSCIOUSNESS
        ),
        "missing": missing,
        "bins": bins,
    }
    if answers:
        found["answers"] = _shares([level.label for level in answers], LEVELS)
    return found


def vocabulary(cases: Sequence[TriageCase]) -> dict[str, Any]:
    """Records that hold each frequent word, and the share of records with a word beyond them.

    A record is not its own witness: for the share a word is known if enough *other* records hold
    it, as it would be for a new patient's.
    """
    held = [words(case) for case in cases]
    counted = Counter(word for one in held for word in one)
    frequent = [(w, n) for w, n in counted.most_common(MOST_WORDS) if n >= FEWEST_PATIENTS]
    known = dict(sorted(frequent))
    unknown = sum(any(known.get(w, 0) <= FEWEST_PATIENTS for w in one) for one in held)
    return {"records": len(cases), "words": known, "beyond": unknown}


def words(case: TriageCase) -> set[str]:
    """The words of a case's free texts, each once; no numbers, which may be dates or telephones."""
    tokens = word_list(" . ".join([text for _, text in case.texts()]))
    return {token for token in tokens if token.isalpha()}


def number(case: TriageCase, field: str) -> float | None:
    """One of `NUMERIC_FIELDS` of a case."""
    holder = case.vital_signs if field in VITAL_SIGNS else case
    value: float | None = getattr(holder, field)
    return value


def numbers(cases: Sequence[TriageCase], field: str) -> list[float]:
    """The known values of a field; of `COMPLAINT_WORDS`, how many words each complaint has."""
    if field == COMPLAINT_WORDS:
        return [float(sum(len(text.split()) for _, text in case.texts())) for case in cases]
    return [value for case in cases if (value := number(case, field)) is not None]


def binned(values: Sequence[float], edges: Sequence[float]) -> list[int]:
    """How many values lie in each bin; a value on an edge belongs to the bin above it."""
    places = np.searchsorted(np.array(edges), np.array(values), side="right")
    counts: list[int] = np.bincount(places, minlength=len(edges) + 1).tolist()
    return counts


def _shares(found: Sequence[str], names: Sequence[str]) -> dict[str, float]:
    counted = Counter(found)
    return {name: counted[name] / len(found) if found else 0.0 for name in names}
