"""How a model does on parts of the patients: by age band and by sex.

A good average can hide a group that is triaged too low. Small parts have wide intervals, which are
shown for that reason; a part without a patient is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import fisher_exact

from ml.case import TriageCase
from ml.evaluation import Scores, score
from ml.schema import Level
from ml.statistics import Proportion, holm, wilson

# Where the rules and the trial change what they expect: infants, children, adults, the old.
AGE_BANDS: Final = (
    (0.0, 2.0, "under 2 years"),
    (2.0, 16.0, "2 to 15 years"),
    (16.0, 65.0, "16 to 64 years"),
    (65.0, 200.0, "65 years and over"),
)
NO_AGE: Final = "age not given"
NO_SEX: Final = "sex other or not given"
# A part with fewer labels is named and not compared: its accuracy would be that of single patients.
FEWEST_COMPARED: Final = 10


@dataclass(frozen=True, slots=True)
class Gap:
    """Accuracy in one part against the rest of its kind (age bands, sexes, sites).

    `difference` is part less rest, in shares; `p_value` is Fisher's exact, Holm-adjusted over all
    parts that were compared. Both are None, as `accuracy`, where the part is too small.
    """

    kind: str
    part: str
    n: int
    accuracy: Proportion | None
    difference: float | None
    p_value: float | None


def slices(
    cases: Sequence[TriageCase], truth: Sequence[Level], answers: Sequence[Level]
) -> dict[str, Scores]:
    """Scores by name of the part, age bands first; a case is in one age and one sex part."""
    parts: dict[str, list[int]] = {name: [] for *_, name in AGE_BANDS}
    parts |= {NO_AGE: [], "female": [], "male": [], NO_SEX: []}
    for place, case in enumerate(cases):
        parts[age_band(case.patient_age)].append(place)
        parts[sex_part(case.patient_sex)].append(place)
    return {
        name: score([truth[i] for i in places], [answers[i] for i in places])
        for name, places in parts.items()
        if places
    }


def age_band(age: float | None) -> str:
    """The part of the patients that an age in years belongs to."""
    if age is None:
        return NO_AGE
    return next(name for low, high, name in AGE_BANDS if low <= age < high)


def sex_part(sex: str | None) -> str:
    """The part of the patients that a stated sex belongs to."""
    return sex if sex in {"female", "male"} else NO_SEX


def gaps(right: Sequence[bool], kinds: Mapping[str, Sequence[str]]) -> list[Gap]:
    """Does the model do worse for some patients than for the others of the same kind?

    `kinds` names, for each way of dividing patients, the part that each answer belongs to.
    """
    found: list[tuple[str, str, int, int]] = []
    for kind, parts in kinds.items():
        for part in sorted(set(parts)):
            own = [ok for ok, name in zip(right, parts, strict=True) if name == part]
            found.append((kind, part, sum(own), len(own)))
    total, n = sum(right), len(right)
    compared = [one for one in found if one[3] >= FEWEST_COMPARED and n - one[3] >= FEWEST_COMPARED]
    p_values = dict(
        zip(
            compared,
            holm([_fisher(ok, size, total - ok, n - size) for _, _, ok, size in compared]),
            strict=True,
        )
    )
    return [
        Gap(
            kind,
            part,
            size,
            wilson(ok, size) if size >= FEWEST_COMPARED else None,
            ok / size - (total - ok) / (n - size) if one in p_values else None,
            p_values.get(one),
        )
        for one in found
        for kind, part, ok, size in [one]
    ]


def _fisher(right: int, size: int, right_elsewhere: int, elsewhere: int) -> float:
    table = np.array([[right, size - right], [right_elsewhere, elsewhere - right_elsewhere]])
    return float(fisher_exact(table).pvalue)


def table(found: dict[str, Scores]) -> str:
    """One line a part; shares in percent with 95 % intervals."""
    lines = [f"{'':24}{'n':>6}  {'accuracy':>18}  {'under':>6}  {'over':>6}  emergency recall"]
    for name, one in found.items():
        recall = one.emergency_recall
        right = f"{one.accuracy.share:.1%} ({one.accuracy.low:.0%}–{one.accuracy.high:.0%})"
        caught = (
            "–" if recall is None else f"{recall.share:.1%} ({recall.low:.0%}–{recall.high:.0%})"
        )
        lines.append(
            f"{name:24}{one.n:>6}  {right:>18}  {one.under_triage:>6.1%}"
            f"  {one.over_triage:>6.1%}  {caught}"
        )
    return "\n".join(lines)
