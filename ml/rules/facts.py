"""What is known of the patient, drawn from every field, on which combinations decide."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ml.case import TriageCase, VitalSigns
from ml.rules.lexicon import LEXICON
from ml.rules.measures import Measures
from ml.rules.reading import read


@dataclass(slots=True)
class Facts:
    """`found` and `gone` hold rule ids; `conditions` ids of what the patient lives with; `mild`
    ids of the symptoms that the text or the client calls mild.

    Age in years; temperature in degrees Celsius; weeks of pregnancy where the text names them;
    pain 0–10 as stated anywhere, `scored_pain` only as measured at triage; `sirs` counts the
    criteria that vital signs show (0–3).
    """

    age: float | None
    sex: str | None
    pregnant: bool
    found: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    conditions: set[str] = field(default_factory=set)
    mild: set[str] = field(default_factory=set)
    weeks: float | None = None
    celsius: float | None = None
    pain: float | None = None
    scored_pain: float | None = None
    sirs: int = 0

    def has(self, *alternatives: str) -> bool:
        return not self.found.isdisjoint(alternatives)

    def lives_with(self, *conditions: str) -> bool:
        return not self.conditions.isdisjoint(conditions)

    def aged(self, least: float, below: float) -> bool:
        """False where the age is unknown."""
        return self.age is not None and least <= self.age < below

    @property
    def hot(self) -> bool:
        return "sym.fever" in self.found or (self.celsius is not None and self.celsius >= 38.0)

    def signs(self) -> set[str]:
        """What combinations stand on: ids found and lived with, `gone.` ids, `hot`, and `sirs`
        from two criteria on."""
        signs = self.found | self.conditions
        if self.gone:
            signs.update([f"gone.{rule_id}" for rule_id in self.gone])
        if self.hot:
            signs.add("hot")
        if self.sirs >= 2:
            signs.add("sirs")
        return signs


def gather(case: TriageCase, measures: Iterable[Measures], child_words: bool) -> Facts:
    """Facts of the structured fields and of the numbers in the text; the fields come first."""
    vitals = case.vital_signs
    facts = Facts(
        case.patient_age, case.patient_sex, bool(case.pregnant), celsius=vitals.temperature_c
    )
    facts.pain = facts.scored_pain = vitals.pain_score
    facts.sirs = _sirs(vitals)
    for text in case.medical_history:
        reading = read(text)
        for stated in (reading.present, reading.past):
            for found in LEXICON.match(stated):
                if found.rule.category == "hx" and not (
                    stated is reading.past and found.rule.rule_id == "hx.pregnant"
                ):
                    facts.conditions.add(found.rule.rule_id)
    for numbers in measures:
        if facts.age is None:
            facts.age = numbers.age
        if facts.celsius is None:
            facts.celsius = numbers.celsius
        if facts.pain is None:
            facts.pain = numbers.pain
        facts.weeks = facts.weeks or numbers.weeks_pregnant
    if facts.age is None and child_words:
        facts.age = 4.0
    return facts


def _sirs(vitals: VitalSigns) -> int:
    """Systemic inflammatory response: above 38 or below 36 °C, pulse above 90, breaths above 20."""
    celsius, rate = vitals.temperature_c, vitals.heart_rate_bpm
    breaths = vitals.respiratory_rate_bpm
    hot_or_cold = celsius is not None and (celsius > 38.0 or celsius < 36.0)
    return hot_or_cold + (rate is not None and rate > 90) + (breaths is not None and breaths > 20)
