"""How context moves a symptom's typical level, and the severity score from 0 to 100."""

from typing import Final, NamedTuple

from ml.rules.answer import RuleHit
from ml.rules.facts import Facts
from ml.rules.lexicon import RULES
from ml.schema import Level

R, S, U, E = Level.ROUTINE, Level.SOON, Level.URGENT, Level.EMERGENCY

# Conditions that a request for paper or pills names without being ill of them today.
_NAMED_ONLY: Final = frozenset(
    {
        "sym.high_bp",
        "sym.asthma",
        "sym.wheeze",
        "sym.diabetes",
        "sym.migraine",
        "sym.anxiety",
        "sym.back_pain",
        "sym.limb_pain",
        "sym.rash",
        "sym.cold",
        "sym.heartburn",
        "sym.palpitation",
        "sym.itch",
        "sym.tiredness",
        "sym.wound",
        "sym.infection",
        "sym.urinary",
        "sym.tube",
    }
)
_LIGHT: Final = frozenset({"ctx.improving", "ctx.coping", "ctx.chronic", "ctx.known"})
_MINOR: Final = frozenset(rule.rule_id for rule in RULES if rule.rule_id.startswith("minor."))
# Severe pain, as the patient scores it, is at least urgent (MTS pain ruler 8–10).
SEVERE_PAIN: Final = 8.0
_PAINFUL: Final = frozenset(
    {
        "sym.abdominal_pain",
        "sym.headache",
        "sym.flank_pain",
        "sym.back_pain",
        "sym.pelvic_pain",
        "sym.neck_pain",
        "sym.migraine",
        "sym.limb_pain",
        "sym.injury",
        "sym.eye_pain",
        "sym.vaginal",
        "sym.fracture",
    }
)


# Central and peripheral pain weigh differently (CTAS second-order pain modifiers, 2008).
_CENTRAL: Final = frozenset(
    {
        "sym.abdominal_pain", "sym.headache", "sym.flank_pain", "sym.back_pain", "sym.pelvic_pain",
        "sym.migraine",
    }
)  # fmt: skip
_PERIPHERAL: Final = frozenset({"sym.limb_pain", "sym.injury"})
_MILD_PAIN: Final = 3.0
_LASTING: Final = ("ctx.chronic", "ctx.known", "ctx.improving", "ctx.weeks")


class Course(NamedTuple):
    """How a complaint goes, as far as it moves the levels of its symptoms; `light` counts what
    speaks for less. The same for every symptom of a case."""

    severe: bool
    worse: bool
    sudden: bool
    light: int
    minor: bool
    admin: bool


def course_of(facts: Facts) -> Course:
    found = facts.found
    return Course(
        severe="ctx.severe" in found or (facts.pain or 0.0) >= SEVERE_PAIN,
        worse="ctx.worse" in found,
        sudden="ctx.sudden" in found,
        light=len(found & _LIGHT),
        minor=not found.isdisjoint(_MINOR),
        admin="minor.admin" in found,
    )


def level_of(rule_id: str, typical: Level, facts: Facts, course: Course) -> Level:
    """The level of one symptom in this patient: age first, then severity, course and coping."""
    if typical is E:
        return _chest_pain(facts)
    level = _by_pain(rule_id, _by_age(rule_id, typical, facts), facts)
    if level is E:
        return E
    severe, worse = course.severe, course.worse
    if course.admin and rule_id in _NAMED_ONLY and not severe and not worse:
        return R
    if rule_id == "sym.dyspnea" and (severe or (course.sudden and not facts.aged(0, 30))):
        # MTS: acutely short of breath, unable to talk in sentences, is at least orange.
        return E
    light = course.light + (rule_id in facts.mild)
    if severe:
        ceiling = U if rule_id in _PAINFUL or level >= S else S
        level = min(Level(level + 1), ceiling) if level < U else level
    elif light and not worse:
        level = _lowered(level, 2 if light >= 3 and not worse else 1)
    elif worse and level is R:
        level = S
    if course.minor and rule_id != "sym.burn" and not severe and not worse and level <= S:
        level = _lowered(level, 1)
    return level


def _by_pain(rule_id: str, level: Level, facts: Facts) -> Level:
    """Pain as scored: mild, moderate, severe is soon, urgent, emergency for acute central pain
    and routine, soon, urgent (by the severity step) for peripheral pain.
    """
    pain = facts.scored_pain
    if pain is None:
        return level
    if rule_id in _PERIPHERAL:
        return R if pain <= _MILD_PAIN else level
    if rule_id not in _CENTRAL:
        return level
    if pain >= SEVERE_PAIN:
        return U if rule_id in facts.mild or facts.has(*_LASTING) else E
    return S if pain <= _MILD_PAIN else U


def _lowered(level: Level, steps: int) -> Level:
    return Level(max(R, level - steps))


def _chest_pain(facts: Facts) -> Level:
    """Chest pain is cardiac until shown otherwise, but not at every age."""
    if facts.aged(0, 18):
        level = S
    elif facts.aged(18, 30) and not facts.lives_with("hx.heart", "hx.clot"):
        level = U
    else:
        level = E
    benign = "sym.chest_pain" in facts.mild or facts.has(
        "sym.chest_wall", "ctx.chronic", "sym.heartburn", "sym.cough", "sym.cough_plain"
    )
    return _lowered(level, 1) if benign and not facts.has("ctx.severe", "ctx.worse") else level


def _by_age(rule_id: str, level: Level, facts: Facts) -> Level:
    if rule_id == "sym.fever" and facts.aged(0, 1):
        return U
    if facts.aged(70, 130) and rule_id in {
        "sym.general_weakness", "sym.dizziness", "sym.poor_intake", "sym.fracture",
    }:  # fmt: skip
        return max(level, U)
    return level


def stated(level: Level, urgency: Level | None, score: float | None) -> Level:
    """What the patient or client says of urgency: weak, at most one level up, never emergency."""
    if level >= U:
        return level
    claims = (urgency is not None and urgency > level) or (score is not None and score >= 70)
    return Level(level + 1) if claims else level


_BASE: Final = (10, 35, 60, 85)
# What the course of a complaint adds within the band of its level, and takes away.
_ADDED: Final = {"ctx.severe": 4, "ctx.worse": 3, "ctx.sudden": 2}
_TAKEN: Final = {"ctx.mild": 5, "ctx.improving": 3, "ctx.chronic": 2}


def severity_score(
    level: Level, red_flag: bool, hits: tuple[RuleHit, ...], facts: Facts, points: int
) -> int:
    """0–100, in bands that follow the level: 0–24, 25–49, 50–74, 75–100.

    Within a band: early-warning points, stated pain, severity and course of the complaint, age
    and the number of findings.
    """
    extra = 2.0 * points + 0.5 * (facts.pain or 0.0)
    extra += sum([_ADDED[sign] for sign in _ADDED.keys() & facts.found])
    extra += 2 * facts.aged(75, 130) + 2 * facts.aged(0, 1)
    extra += min(4, len([hit for hit in hits if hit.level >= S]))
    extra -= sum([_TAKEN[sign] for sign in _TAKEN.keys() & facts.found])
    if red_flag:
        extra += 6
    return round(_BASE[level] + max(-10.0, min(14.0, extra)))
