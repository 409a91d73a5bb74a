"""The rules engine: one case in, the rules' full answer out. Pure Python, no I/O."""

from dataclasses import replace
from typing import Final

from ml.case import TriageCase
from ml.rules.answer import RuleHit, RulesAnswer
from ml.rules.combinations import holding
from ml.rules.early_warning import score
from ml.rules.facts import Facts, gather
from ml.rules.lexicon import LEXICON
from ml.rules.measures import measure
from ml.rules.numbers_found import number_hits
from ml.rules.pattern import Found
from ml.rules.reading import Reading, read
from ml.rules.rule import Rule
from ml.rules.severity import course_of, level_of, severity_score, stated
from ml.rules.unit import Stated
from ml.schema import Level

RULES_VERSION: Final = "rules-1.2.0"

# Kinds of hits that carry no complaint by themselves.
_SILENT: Final = frozenset({"ctx", "hx"})
_SPECIALIST: Final = frozenset({"eye", "urological", "self_harm", "obstetric", "metabolic"})
_SPECIALIST_RULES: Final = frozenset({"sym.toothache", "sym.eye_pain", "sym.eye_blur", "sym.tube"})
# Above this share of words that nobody knows, what was matched may be chance.
_MOST_UNKNOWN: Final = 0.4
# Nothing is routine on weak evidence: with this many strange words, and this share of them.
_STRANGE_WORDS: Final = 4
_STRANGE_SHARE: Final = 0.2
# How many units away a word like "mild" still means a symptom.
_BESIDE: Final = 4


def unavailable() -> RulesAnswer:
    """What is answered where `assess` itself failed: urgent, and a person looks."""
    return RulesAnswer(
        level=Level.URGENT,
        care_level="emergency",
        severity=60,
        red_flag=False,
        floor=Level.URGENT,
        needs_review=True,
        version=RULES_VERSION,
        reasons=("rules_failed",),
    )


def assess(case: TriageCase) -> RulesAnswer:
    """Score one case by the rules alone. Raises nothing for any valid case.

    1. Read every text of the presenting problem; gather the facts of all fields.
    2. Match the lexicon, then combinations, numbers in the text and vital signs.
    3. Take the highest level; context moves only what is not fixed.
    """
    texts = case.texts()
    child = case.patient_age is not None and case.patient_age < 16
    readings = [(path, text, read(text, child)) for path, text in texts]
    measures = [measure(text) for _, text in texts if _may_hold_numbers(text)]
    facts = gather(case, measures, _about_child(readings))
    matched = _match(readings, facts)
    _course(case, facts)
    hits, floor, red_flag = _levels(matched, facts)
    numbers = number_hits(measures, facts)
    hits += numbers
    combined = False
    for combination in holding(facts):
        hits.append(
            RuleHit(
                combination.rule_id, combination.category, combination.level, combination.source
            )
        )
        combined = True
        floor = max(floor, combination.floor)
        red_flag = red_flag or combination.red_flag
    warning = score(case.vital_signs, facts.age)
    hits += warning.hits
    floor = max(floor, warning.floor)
    red_flag = red_flag or warning.arrested

    level = max((hit.level for hit in hits), default=Level.ROUTINE)
    reasons = _reasons(readings, matched, level) if not (numbers or combined) else ()
    if reasons:
        level = max(level, Level.SOON)
    level = max(stated(level, case.stated_urgency, case.severity_score), floor)
    if red_flag:
        level = floor = Level.EMERGENCY
    ordered = tuple(sorted(hits, key=lambda hit: (-hit.level, hit.rule_id)))
    return RulesAnswer(
        level=level,
        care_level=_care(level, ordered),
        severity=severity_score(level, red_flag, ordered, facts, warning.total or warning.points),
        red_flag=red_flag,
        floor=floor,
        needs_review=bool(reasons),
        version=RULES_VERSION,
        news2=warning.total,
        hits=ordered,
        reasons=reasons,
        missing=warning.missing,
    )


def _may_hold_numbers(text: str) -> bool:
    """Cheap look before the search: a digit, or an age in words ("two week old baby")."""
    lower = text.lower()
    return "old" in lower or "baby" in lower or any(map(str.isdigit, text))


Matched = tuple[Rule, RuleHit]


def _match(readings: list[tuple[str, str, Reading]], facts: Facts) -> list[Matched]:
    """Lexicon hits of every field, each rule once; facts learn what was found."""
    found: dict[str, Matched] = {}
    for path, _, reading in readings:
        matches = LEXICON.match(reading.present)
        if "@mild" in reading.present.tags:
            facts.mild |= _called_mild(reading, matches)
        for match in matches:
            rule = match.rule
            if rule.category == "hx":
                facts.conditions.add(rule.rule_id)
            facts.found.add(rule.rule_id)
            if rule.rule_id not in found:
                start, end = reading.span(match.units)
                hit = RuleHit(
                    rule.rule_id, rule.category, rule.level, rule.source, path, start, end
                )
                found[rule.rule_id] = (rule, hit)
        if not reading.is_marked:
            continue
        _over(path, reading, reading.gone, "gone", facts, found)
        _over(path, reading, reading.query, "query", facts, found)
        for match in LEXICON.match(reading.past):
            # A pregnancy that is over is no condition of today.
            if match.rule.category == "hx" and match.rule.rule_id != "hx.pregnant":
                facts.conditions.add(match.rule.rule_id)
    return list(found.values())


def _over(
    path: str,
    reading: Reading,
    stated: Stated,
    kind: str,
    facts: Facts,
    found: dict[str, Matched],
) -> None:
    """What is over, or only to be ruled out, is a hit of its own and no red flag."""
    for match in LEXICON.match(stated):
        rule = match.rule
        if rule.category in _SILENT:
            if kind == "query" and rule.category == "hx":
                facts.conditions.add(rule.rule_id)
            continue
        if kind == "gone":
            facts.gone.add(rule.rule_id)
        # What was urgent and passed may come back: palpitations, a faint, numbness.
        over = Level.SOON if rule.level >= Level.URGENT else Level.ROUTINE
        asked = over if kind == "gone" else rule.level
        start, end = reading.span(match.units)
        rule_id = f"{kind}.{rule.rule_id}"
        weaker = replace(rule, level=asked, red_flag=False, fixed=True, floor=Level.ROUTINE)
        found.setdefault(
            rule_id,
            (weaker, RuleHit(rule_id, rule.category, asked, rule.source, path, start, end)),
        )


def _course(case: TriageCase, facts: Facts) -> None:
    """Severity, duration and progression of listed symptoms, in numbers or words."""
    for symptom in case.symptoms_data.symptoms:
        if isinstance(symptom.severity, float | int):
            if symptom.severity >= 8:
                facts.found.add("ctx.severe")
            elif symptom.severity <= 3:
                facts.mild |= _named(symptom.symptom_name)
        for words in (symptom.severity, symptom.duration, symptom.progression):
            if isinstance(words, str) and words:
                for match in LEXICON.match(read(words).present):
                    if match.rule.rule_id == "ctx.mild":
                        facts.mild |= _named(symptom.symptom_name)
                    elif match.rule.category == "ctx":
                        facts.found.add(match.rule.rule_id)


def _named(symptom_name: str) -> set[str]:
    """Ids of the rules that a listed symptom's name fires."""
    return {match.rule.rule_id for match in LEXICON.match(read(symptom_name).present)}


def _called_mild(reading: Reading, matches: list[Found]) -> set[str]:
    """Ids of the symptoms that a word like "mild" stands beside.

    "Headache with mild nausea" lowers the nausea only: first what follows in the same phrase,
    else what went before.
    """
    symptoms = [found for found in matches if found.rule.category not in _SILENT]
    mild: set[str] = set()
    for _, index in reading.present.places("@mild"):
        end = index + 1
        while end < len(reading.units) and end - index <= _BESIDE:
            unit = reading.units[end]
            if not unit.word[0].isalnum() or "#and" in unit.cues or "#but" in unit.cues:
                break
            end += 1
        near = {min(f.units) for f in symptoms if index <= min(f.units) < end}
        if near:
            mild |= {f.rule.rule_id for f in symptoms if min(f.units) == min(near)}
            continue
        before = {max(f.units) for f in symptoms if 0 < index - max(f.units) <= _BESIDE}
        if before:
            mild |= {f.rule.rule_id for f in symptoms if max(f.units) == max(before)}
    return mild


def _levels(matched: list[Matched], facts: Facts) -> tuple[list[RuleHit], Level, bool]:
    hits: list[RuleHit] = []
    floor, red_flag = Level.ROUTINE, False
    course = course_of(facts)
    for rule, hit in matched:
        if rule.fixed:
            floor = max(floor, rule.floor)
            red_flag = red_flag or rule.red_flag
            hits.append(hit)
        elif rule.category in _SILENT:
            hits.append(hit)
        else:
            level = level_of(rule.rule_id, rule.level, facts, course)
            hits.append(hit if level is hit.level else hit._replace(level=level))
    return hits, floor, red_flag


def _reasons(
    readings: list[tuple[str, str, Reading]], matched: list[Matched], level: Level
) -> tuple[str, ...]:
    known = sum(reading.known for _, _, reading in readings)
    unknown = sum(reading.unknown for _, _, reading in readings)
    if any(rule.category not in _SILENT for rule, _ in matched):
        strange = unknown > _MOST_UNKNOWN * (known + unknown) or (
            level is Level.ROUTINE
            and unknown >= _STRANGE_WORDS
            and unknown >= _STRANGE_SHARE * (known + unknown)
        )
        return ("not_understood",) if strange else ()
    denied = any(reading.denied or reading.past.entries for _, _, reading in readings)
    strange = unknown * 3 > known
    return ("nothing_found",) if denied and not strange else ("not_understood",)


def _about_child(readings: list[tuple[str, str, Reading]]) -> bool:
    return any("@baby" in reading.present.tags for _, _, reading in readings) and not any(
        "@pregnant" in reading.present.tags for _, _, reading in readings
    )


def _care(level: Level, hits: tuple[RuleHit, ...]) -> str:
    if level is Level.EMERGENCY:
        return "emergency"
    leading = [hit for hit in hits if hit.level >= level] or list(hits)
    special = any(
        hit.category in _SPECIALIST or hit.rule_id in _SPECIALIST_RULES for hit in leading
    )
    if level is Level.URGENT:
        return "specialist" if special else "emergency"
    if level is Level.SOON:
        return "specialist" if special else "gp"
    return "online" if any(hit.rule_id.startswith("minor.") for hit in hits) else "gp"
