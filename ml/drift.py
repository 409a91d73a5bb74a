"""Are today's patients those that the model was trained on? Input drift by size of effect.

Two questions are asked of each field: how far has it moved (the population stability index, and
the Jensen-Shannon distance beside it), and could chance alone do that with so few patients
(Pearson's test, Fisher's for two bins, Holm-adjusted over the fields)? Only what is both large and
beyond chance is drift: with fifty patients the index of unchanged data often passes 0.1 by itself
(Yurdakul and Naranjo, J Risk Model Valid 2020;14(4)), and with fifty thousand every difference is
significant.

The limits are the customary ones: an index under 0.10 is no change, from 0.25 a large one (Siddiqi,
Credit Risk Scorecards, Wiley 2006). Missing values, present or not, are a field of their own.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
from scipy.stats import chi2_contingency, fisher_exact

from ml.case import TriageCase
from ml.data_profile import (
    COMPLAINT_WORDS,
    FEWEST_PATIENTS,
    NUMERIC_FIELDS,
    binned,
    numbers,
    words,
)
from ml.schema import CONSCIOUSNESS, LEVELS, SEXES, Level
from ml.statistics import holm

MODERATE: Final = 0.10
LARGE: Final = 0.25
# Chance that unchanged patients show any drift on a day.
SIGNIFICANCE: Final = 0.005
# With fewer patients nothing is said.
FEWEST_CASES: Final = 30
# A word takes part if so many patients are expected to use it: the test's usual condition.
_EXPECTED: Final = 5
_MOST_WORDS: Final = 10

State = Literal["stable", "moderate", "large"]


@dataclass(frozen=True, slots=True)
class Shift:
    """How far one field has moved. `psi` from 0 on; `jensen_shannon` is the distance to base 2,
    0-1; `p_value` is adjusted for the number of fields. Shares are of the field's bins."""

    field: str
    kind: Literal["value", "missing", "words", "answers"]
    state: State
    psi: float
    jensen_shannon: float
    p_value: float
    reference: tuple[float, ...]
    current: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Drift:
    """A day against the training data; `words` are the words that moved most, as shares of the
    patients who used them: (word, reference, current)."""

    state: State
    cases: int
    shifts: tuple[Shift, ...]
    words: tuple[tuple[str, float, float], ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def population_stability_index(reference: Sequence[int], current: Sequence[int]) -> float:
    """The index of two histograms over the same bins: the sum of (q - p) ln(q / p).

    Half a case is added to each bin, so that an empty one counts by how unlikely it is and not
    as infinite. Raises `ValueError` for histograms of different length or none.
    """
    p, q = _smoothed(reference, current)
    return float(((q - p) * np.log(q / p)).sum())


def jensen_shannon(reference: Sequence[int], current: Sequence[int]) -> float:
    """The Jensen-Shannon distance of two histograms, base 2: 0 equal, 1 without overlap (Lin, IEEE
    Trans Inf Theory 1991;37:145-51; the root is a metric)."""
    p, q = (np.array(one, dtype=np.float64) / sum(one) for one in (reference, current))
    middle = (p + q) / 2

    def against(one: Any) -> float:
        held = one > 0
        return float((one[held] * np.log2(one[held] / middle[held])).sum())

    return math.sqrt(max(0.0, (against(p) + against(q)) / 2))


def compare(
    profile: Mapping[str, Any],
    vocabulary: Mapping[str, Any],
    cases: Sequence[TriageCase],
    answers: Sequence[Level],
    patients: Sequence[str] | None = None,
) -> Drift:
    """Today's cases and the model's answers against `ml.data_profile`'s description of the
    training data. `patients` (one a case) say which cases are the same person's: a new word is
    named only if enough different people used it.

    Raises `ValueError` without cases or for a description of another form.
    """
    if not cases:
        raise ValueError("nothing to compare")
    try:
        pairs = [*_values(profile, cases), *_missing(profile, cases)]
        if answers and "answers" in profile:
            mix = _counts([level.label for level in answers], LEVELS)
            pairs.append(("answers", "answers", _back(profile, "answers", LEVELS), mix))
        word_pairs, moved = _words(vocabulary, cases, patients)
    except (KeyError, TypeError):
        raise ValueError("expected the profile and vocabulary of a bundle") from None
    shifts = _judged([*pairs, *word_pairs])
    worst: State = "stable"
    for state in ("moderate", "large"):
        if any(one.state == state for one in shifts):
            worst = state
    return Drift(worst, len(cases), tuple(shifts), tuple(moved))


_Pair = tuple[str, Any, list[int], list[int]]


def _values(profile: Mapping[str, Any], cases: Sequence[TriageCase]) -> list[_Pair]:
    pairs: list[_Pair] = []
    for field in (*NUMERIC_FIELDS, COMPLAINT_WORDS):
        bins = profile["bins"].get(field)
        known = numbers(cases, field)
        if bins and known:
            pairs.append((field, "value", bins["counts"], binned(known, bins["edges"])))
    sexes = _counts([case.patient_sex or "unknown" for case in cases], SEXES)
    pairs.append(("patient_sex", "value", _back(profile, "sexes", SEXES), sexes))
    codes = [code for case in cases if (code := case.vital_signs.consciousness)]
    known_before = round(profile["records"] * (1 - profile["missing"]["consciousness"]))
    if codes and known_before:
        before = [round(profile["consciousness"][code] * known_before) for code in CONSCIOUSNESS]
        pairs.append(("consciousness", "value", before, _counts(codes, CONSCIOUSNESS)))
    return pairs


def _missing(profile: Mapping[str, Any], cases: Sequence[TriageCase]) -> list[_Pair]:
    pairs: list[_Pair] = []
    records, n = profile["records"], len(cases)
    for field, share in sorted(profile["missing"].items()):
        if field == "complaint":
            gone = sum(not case.texts() for case in cases)
        elif field == "consciousness":
            gone = sum(case.vital_signs.consciousness is None for case in cases)
        else:
            gone = n - len(numbers(cases, field))
        before = round(share * records)
        pairs.append((field, "missing", [before, records - before], [gone, n - gone]))
    return pairs


def _words(
    vocabulary: Mapping[str, Any], cases: Sequence[TriageCase], patients: Sequence[str] | None
) -> tuple[list[_Pair], list[tuple[str, float, float]]]:
    """How often the frequent words are used, how often words beyond them, and which moved most.

    Only words that enough people used leave this function.
    """
    known: Mapping[str, int] = vocabulary["words"]
    records, n = vocabulary["records"], len(cases)
    used: Counter[str] = Counter()
    people: dict[str, set[str]] = {}
    beyond = 0
    for place, case in enumerate(cases):
        found = words(case)
        used.update(found)
        beyond += any(word not in known for word in found)
        for word in found:
            people.setdefault(word, set()).add(patients[place] if patients else str(place))
    pairs: list[_Pair] = []
    frequent = [word for word, count in sorted(known.items()) if count * n / records >= _EXPECTED]
    if frequent:
        before = [known[word] for word in frequent]
        pairs.append(("complaint", "words", before, [used[word] for word in frequent]))
    new = [vocabulary["beyond"], records - vocabulary["beyond"]]
    pairs.append(("complaint_beyond_vocabulary", "words", new, [beyond, n - beyond]))
    shown = {word for word, who in people.items() if len(who) >= FEWEST_PATIENTS} | set(known)
    shares = [(word, known.get(word, 0) / records, used[word] / n) for word in sorted(shown)]
    shares.sort(key=lambda one: -abs(one[2] - one[1]))
    return pairs, shares[:_MOST_WORDS]


def _judged(pairs: Sequence[_Pair]) -> list[Shift]:
    adjusted = holm([_chance(before, now) for _, _, before, now in pairs])
    shifts = []
    for (field, kind, before, now), p_value in zip(pairs, adjusted, strict=True):
        if not sum(before) or not sum(now):
            continue
        psi = population_stability_index(before, now)
        state: State = "stable"
        if p_value < SIGNIFICANCE and psi >= MODERATE:
            state = "large" if psi >= LARGE else "moderate"
        distance = jensen_shannon(before, now)
        shares = (tuple(count / sum(one) for count in one) for one in (before, now))
        shifts.append(Shift(field, kind, state, psi, distance, p_value, *shares))
    return shifts


def _chance(before: Sequence[int], now: Sequence[int]) -> float:
    """The P value of equal shares, exact for two bins; 1 where there is nothing to compare."""
    table = np.array([before, now])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return 1.0
    if table.shape[1] == 2:
        return float(fisher_exact(table).pvalue)
    return float(chi2_contingency(table, correction=False).pvalue)


def _back(profile: Mapping[str, Any], name: str, order: Sequence[str]) -> list[int]:
    """Shares of the training records as counts again; a stored profile keeps no order of names."""
    return [round(profile[name][one] * profile["records"]) for one in order]


def _counts(found: Sequence[str], names: Sequence[str]) -> list[int]:
    counted = Counter(found)
    return [counted[name] for name in names]


def _smoothed(reference: Sequence[int], current: Sequence[int]) -> tuple[Any, Any]:
    if len(reference) != len(current) or not len(reference):
        raise ValueError("expected two histograms over the same bins")
    p, q = (np.array(one, dtype=np.float64) + 0.5 for one in (reference, current))
    return p / p.sum(), q / q.sum()
