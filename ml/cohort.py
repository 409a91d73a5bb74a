"""The synthetic cohort: invented patients on whom a fresh clone can train. Nobody is real.

A record is drawn in five steps: where the patient is (at a hospital's desk, written up by a
nurse, or at home, writing in their own words), how urgent, which scenario
(`cohort_scenarios.txt`), what is measured, what is said. Shares and vital signs follow published
figures, named beside the tables; complaint texts are our own. Equal seeds give equal cohorts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

from ml.case import parse_case
from ml.cohort_tables import (
    AGE_GROUPS,
    ARRIVAL_LEVELS,
    ARRIVAL_SHARE,
    CONTACT_LEVELS,
    HISTORY,
    LABELS_BY_SPEC,
    RECORDED,
)
from ml.cohort_vitals import vital_signs
from ml.cohort_wording import lay_text, nurse_text
from ml.errors import InvalidRecord
from ml.records import Record
from ml.schema import LEVELS, Level

SCENARIOS: Final = Path(__file__).with_name("cohort_scenarios.txt")


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way of presenting: its level (as a spec of `LABELS_BY_SPEC`), whom it meets, how.

    `ages` holds keys of `AGE_GROUPS`; `sex` is "f", "m" or "-"; `profile` names how its vital
    signs depart from normal; `pain` is the usual score, 0-10; `weight` how common it is.
    """

    spec: str
    weight: float
    ages: str
    sex: str
    profile: str
    pain: int
    nurse: tuple[str, ...]
    lay: tuple[str, ...]


@cache
def scenarios() -> tuple[Scenario, ...]:
    """All scenarios of the table. Raises `InvalidRecord` naming the line that is not one."""
    found = []
    for number, text in enumerate(SCENARIOS.read_text("utf-8").splitlines(), start=1):
        if not text.strip() or text.startswith("#"):
            continue
        try:
            spec, weight, whom, profile, pain, nurse, lay = (
                part.strip() for part in text.split("|")
            )
            scenario = Scenario(
                spec=spec,
                weight=float(weight),
                ages=whom.rstrip("fm"),
                sex=whom[-1] if whom[-1] in "fm" else "-",
                profile=profile,
                pain=int(pain),
                nurse=_phrases(nurse),
                lay=_phrases(lay),
            )
        except ValueError:
            raise InvalidRecord(f"cohort_scenarios.txt, line {number}: not a scenario") from None
        if spec not in LABELS_BY_SPEC or not set(scenario.ages) <= set(AGE_GROUPS):
            raise InvalidRecord(f"cohort_scenarios.txt, line {number}: unknown level or ages")
        if not scenario.ages or not (scenario.nurse or scenario.lay):
            raise InvalidRecord(f"cohort_scenarios.txt, line {number}: nobody or nothing said")
        found.append(scenario)
    return tuple(found)


def generate(n: int, seed: int) -> Iterator[Record]:
    """Yield `n` synthetic labelled records; `line` counts them from 1.

    `group` is the phrase that was said: folds must be split by it, or a model that has learnt the
    phrases by heart looks like one that understands new ones.
    """
    random = Random(seed)
    for number in range(1, n + 1):
        body, level, phrase = _draw(random)
        yield Record(case=parse_case(body), level=level, group=phrase, line=number)


def golden_bodies(count: int, seed: int) -> list[dict[str, Any]]:
    """Synthetic request bodies for a bundle's golden cases, one with nothing but words first."""
    random = Random(seed)
    bare = {"symptoms_data": {"chief_complaint": "sore throat for two days"}}
    return [bare, *[_draw(random)[0] for _ in range(count - 1)]]


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(phrase.strip() for phrase in text.split(";") if phrase.strip())


@cache
def _choices(arrival: bool, level: Level) -> tuple[tuple[Scenario, ...], tuple[float, ...]]:
    """The scenarios that can be answered `level` at that place, with their weights."""
    able = [
        (scenario, scenario.weight * LABELS_BY_SPEC[scenario.spec][level])
        for scenario in scenarios()
        if LABELS_BY_SPEC[scenario.spec][level] > 0
        and (scenario.nurse if arrival else scenario.lay)
    ]
    return tuple(s for s, _ in able), tuple(w for _, w in able)


def _draw(random: Random) -> tuple[dict[str, Any], Level, str]:
    """A request body, its level, and the phrase behind its complaint."""
    arrival = random.random() < ARRIVAL_SHARE
    [level] = random.choices(list(Level), ARRIVAL_LEVELS if arrival else CONTACT_LEVELS)
    [scenario] = random.choices(*_choices(arrival, level))
    age = _age(random, scenario)
    phrase = random.choice(scenario.nurse if arrival else scenario.lay)
    said = nurse_text(random, phrase, level) if arrival else lay_text(random, phrase, level, age)
    recorded = RECORDED["arrival" if arrival else "contact"]
    known = {field for field, share in recorded.items() if random.random() < share}
    body: dict[str, Any] = {"symptoms_data": {"chief_complaint": said}}
    if "age" in known:
        body["patient_age"] = age
    if "sex" in known:
        own = {"f": "female", "m": "male"}.get(scenario.sex)
        body["patient_sex"] = own or random.choice(["female", "male"])
    if "vital_signs" in known:
        body["vital_signs"] = _measured(random, scenario, level, age, recorded)
    if "symptoms" in known:
        body["symptoms_data"]["symptoms"] = [_symptom(random, phrase, level)]
        if random.random() < 0.4:
            del body["symptoms_data"]["chief_complaint"]
    if "pregnan" in said.lower() and random.random() < 0.5:
        body["pregnant"] = True
    return body | _told(random, level, age, known), level, phrase


def _measured(
    random: Random, scenario: Scenario, level: Level, age: float, recorded: dict[str, float]
) -> dict[str, Any]:
    signs = vital_signs(random, scenario.profile, level, age)
    measured = {name: v for name, v in signs.items() if random.random() < recorded["each_sign"]}
    if random.random() < 0.45:
        # Whole devices are missing at some desks: one hospital may never record SpO2.
        measured.pop("spo2_percent", None)
    # Pain is written down where there is some: an empty field mostly means none.
    pain = _pain(random, scenario, level)
    if pain and random.random() < recorded["pain"]:
        measured["pain_score"] = float(pain)
    return measured


def _told(random: Random, level: Level, age: float, known: set[str]) -> dict[str, Any]:
    """What patient and client say beside the complaint."""
    told: dict[str, Any] = {}
    history = _history(random, age)
    if history and "history" in known:
        told["medical_history"] = history
    if "urgency" in known:
        told["urgency"] = LEVELS[_shifted(random, level)]
    if "severity" in known:
        told["severity_score"] = float(min(100, max(0, round(random.gauss(15 + 22 * level, 14)))))
    return told


def _age(random: Random, scenario: Scenario) -> float:
    low, high = AGE_GROUPS[random.choice(scenario.ages)]
    years = random.uniform(low, high)
    return round(years, 1) if years < 3 else float(int(years))


def _pain(random: Random, scenario: Scenario, level: Level) -> int:
    if scenario.pain == 0:
        return 0
    return min(10, max(0, round(random.gauss(scenario.pain + 0.7 * (level - 1.7), 1.7))))


def _history(random: Random, age: float) -> list[str]:
    if random.random() > min(0.85, 0.05 + age / 90):
        return []
    return random.sample(HISTORY, k=random.choice([1, 1, 2, 3]))


def _shifted(random: Random, level: Level) -> Level:
    """What patients say of their own urgency: right about half the time, else one or two off."""
    moved = level + random.choices([-2, -1, 0, 1, 2], [3, 17, 52, 22, 6])[0]
    return Level(min(3, max(0, moved)))


def _symptom(random: Random, phrase: str, level: Level) -> dict[str, Any]:
    symptom: dict[str, Any] = {"symptom_name": phrase.removeprefix("~")}
    if random.random() < 0.7:
        number = float(min(10, max(1, round(random.gauss(2.5 + 2 * level, 1.5)))))
        words = ("mild", "moderate", "severe", "severe")[level]
        symptom["severity"] = number if random.random() < 0.6 else words
    if random.random() < 0.6:
        symptom["duration"] = random.choice(
            (
                ("3 weeks", "months", "2 weeks", "a few days"),
                ("4 days", "3 days", "1 week", "2 days"),
                ("1 day", "12 hours", "2 days", "since last night"),
                ("1 hour", "30 minutes", "since this morning", "2 hours"),
            )[level]
        )
    if random.random() < 0.5:
        symptom["progression"] = random.choice(
            (
                ("stable", "improving"),
                ("stable", "stable", "worsening"),
                ("worsening", "worsening", "sudden", "stable"),
                ("worsening", "sudden", "rapidly worsening"),
            )[level]
        )
    return symptom
