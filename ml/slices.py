"""How a model does on parts of the patients: by age band and by sex.

A good average can hide a group that is triaged too low. Small parts have wide intervals, which are
shown for that reason; a part without a patient is left out.
"""

from collections.abc import Sequence
from typing import Final

from ml.case import TriageCase
from ml.evaluation import Scores, score
from ml.schema import Level

# Where the rules and the trial change what they expect: infants, children, adults, the old.
AGE_BANDS: Final = (
    (0.0, 2.0, "under 2 years"),
    (2.0, 16.0, "2 to 15 years"),
    (16.0, 65.0, "16 to 64 years"),
    (65.0, 200.0, "65 years and over"),
)
NO_AGE: Final = "age not given"
NO_SEX: Final = "sex other or not given"


def slices(
    cases: Sequence[TriageCase], truth: Sequence[Level], answers: Sequence[Level]
) -> dict[str, Scores]:
    """Scores by name of the part, age bands first; a case is in one age and one sex part."""
    parts: dict[str, list[int]] = {name: [] for *_, name in AGE_BANDS}
    parts |= {NO_AGE: [], "female": [], "male": [], NO_SEX: []}
    for place, case in enumerate(cases):
        parts[_age_band(case.patient_age)].append(place)
        sex = case.patient_sex
        parts[sex if sex in {"female", "male"} else NO_SEX].append(place)
    return {
        name: score([truth[i] for i in places], [answers[i] for i in places])
        for name, places in parts.items()
        if places
    }


def _age_band(age: float | None) -> str:
    if age is None:
        return NO_AGE
    return next(name for low, high, name in AGE_BANDS if low <= age < high)


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
