"""What the engine answers for single cases: spans, scope, combinations, review, JSON."""

from random import Random
from typing import Any

import pytest

from ml.case import TriageCase, parse_case
from ml.rules.combination import Combination
from ml.rules.combinations import COMBINATIONS, holding
from ml.rules.engine import RULES_VERSION, assess, unavailable
from ml.rules.facts import Facts
from ml.rules.lexicon import RULES
from ml.schema import CARE_LEVELS, Level


def case(complaint: str, **fields: Any) -> TriageCase:
    symptoms = fields.pop("symptoms", [])
    data = {"chief_complaint": complaint, "symptoms": symptoms}
    return parse_case({"symptoms_data": data, **fields})


def test_unavailable_is_urgent_and_asks_for_a_person() -> None:
    answer = unavailable()
    assert (answer.level, answer.floor) == (Level.URGENT, Level.URGENT)
    assert answer.needs_review
    assert answer.reasons == ("rules_failed",)
    assert answer.version == RULES_VERSION


def test_spans_point_into_the_field_as_written() -> None:
    text = "Since noon: PRESSURE, crushing,  in my CHEST!"
    hit = next(h for h in assess(case(text)).hits if h.rule_id == "cardiac.crushing")
    assert hit.field == "symptoms_data.chief_complaint"
    assert text[hit.start : hit.end] == "crushing,  in my CHEST"


def test_a_span_counts_characters_not_bytes() -> None:
    text = "\U0001f630 İ é – stroke"
    hit = next(h for h in assess(case(text)).hits if h.rule_id == "neurological.stroke")
    assert text[hit.start : hit.end] == "stroke"


def test_a_span_names_the_field_it_is_in() -> None:
    answer = assess(case("unwell", symptoms=[{"symptom_name": "anaphylaxis"}]))
    hit = next(h for h in answer.hits if h.rule_id == "allergic.anaphylaxis")
    assert hit.field == "symptoms_data.symptoms.0.symptom_name"


def test_findings_in_two_fields_combine() -> None:
    alone = assess(case("chest pain", patient_age=24.0))
    both = assess(
        case(
            "chest pain",
            patient_age=24.0,
            symptoms=[{"symptom_name": "pain radiating to the left arm and jaw"}],
        )
    )
    assert not alone.red_flag
    assert both.red_flag


@pytest.mark.parametrize(
    "written",
    [
        "short of breath and blue lips",
        "Short-of-breath; blue lips",
        "SHORTNESS OF BREATH AND BLUE LIPS",
        "lips are blue, breathless",
        "dyspnoea, cyanosed lips",
    ],
)
def test_one_finding_in_many_spellings(written: str) -> None:
    assert assess(case(written)).level is Level.EMERGENCY


@pytest.mark.parametrize(
    ("written", "meant"),
    [("diarrea", "sym.diarrhea"), ("abdominla pain", "sym.abdominal_pain"), ("sezure", "seizure")],
)
def test_a_slip_of_the_keyboard_is_understood(written: str, meant: str) -> None:
    assert any(meant in hit.rule_id for hit in assess(case(written)).hits)


@pytest.mark.parametrize("mark", ["\u02bc", "\u02bc" * 40, "\u02bc\u02bc, \u02bc"])
def test_an_apostrophe_that_unicode_calls_a_letter_hides_nothing(mark: str) -> None:
    answer = assess(case(f"{mark} crushing chest {mark} pain", medical_history=[mark]))
    assert answer.red_flag
    assert assess(case("a cough", medical_history=[mark])) == assess(case("a cough"))


@pytest.mark.parametrize("cue", ["no", "denies", "without", "never had", "no sign of"])
def test_every_negation_silences_a_red_flag(cue: str) -> None:
    assert not assess(case(f"sore knee, {cue} chest pain radiating to the jaw")).red_flag
    assert assess(case("sore knee, chest pain radiating to the jaw")).red_flag


def test_a_denial_reaches_over_its_list_and_no_further() -> None:
    answer = assess(case("Denies chest pain, dyspnea, palpitation. Coughing blood."))
    found = {hit.rule_id for hit in answer.hits}
    assert not found & {"sym.chest_pain", "sym.dyspnea", "sym.palpitation"}
    assert "respiratory.lung_bad" in found


def test_history_feeds_combinations_and_fires_nothing_by_itself() -> None:
    quiet = assess(case("itchy skin", medical_history=["stroke", "warfarin"]))
    assert quiet.level <= Level.SOON
    assert not quiet.red_flag
    head = assess(case("bumped my head", medical_history=["warfarin"]))
    assert head.level is Level.EMERGENCY


@pytest.mark.parametrize(
    "text",
    ["", "not feeling well", "help please", "qwrt plk zzxv", "me duele la cabeza", "胸が痛い"],
)
def test_what_is_not_understood_is_never_routine(text: str) -> None:
    answer = assess(case(text, vital_signs={"temperature_c": 36.8}))
    assert answer.level >= Level.SOON
    assert answer.needs_review
    assert "not_understood" in answer.reasons


def test_stated_urgency_is_weak_evidence() -> None:
    plain = assess(case("runny nose"))
    loud = assess(case("runny nose", urgency="emergency", severity_score=100.0))
    assert plain.level is Level.ROUTINE
    assert loud.level is Level.SOON
    quiet = assess(case("crushing chest pain", urgency="routine", severity_score=0.0))
    assert quiet.level is Level.EMERGENCY


def test_age_in_the_text_is_read() -> None:
    answer = assess(case("3 week old with fever"))
    assert answer.red_flag
    assert any(hit.rule_id == "combo.infant_fever" for hit in answer.hits)
    assert not assess(case("fever", patient_age=30.0)).red_flag


@pytest.mark.parametrize("rule", COMBINATIONS, ids=lambda rule: rule.rule_id)
def test_every_combination_is_silent_where_nothing_is_known(rule: Combination) -> None:
    assert not rule.holds(Facts(age=None, sex=None, pregnant=False))


def test_every_sign_that_a_combination_stands_on_can_be_seen() -> None:
    ids = {rule.rule_id for rule in RULES}
    for combination in COMBINATIONS:
        for sign in combination.on:
            assert sign.removeprefix("gone.") in ids or sign in {"hot", "sirs"}, sign


def test_combinations_found_by_their_signs_are_all_that_hold() -> None:
    draw = Random(5)
    ids = sorted({rule.rule_id for rule in RULES} | {s for c in COMBINATIONS for s in c.on})
    seen = set()
    for _ in range(2_000):
        near = draw.sample(ids, 60) + [s for c in draw.sample(COMBINATIONS, 30) for s in c.on]
        facts = Facts(
            age=draw.choice([None, 0.1, 0.4, 5.0, 25.0, 60.0, 80.0]),
            sex=draw.choice([None, "female", "male"]),
            pregnant=draw.random() < 0.3,
            found={name for name in near if not name.startswith(("hx.", "gone."))},
            gone={name.removeprefix("gone.") for name in near if name.startswith("gone.")},
            conditions={name for name in near if name.startswith("hx.")},
            celsius=draw.choice([None, 37.0, 38.5, 40.5]),
            sirs=draw.randrange(4),
        )
        found = [combination.rule_id for combination in holding(facts)]
        assert found == [c.rule_id for c in COMBINATIONS if c.holds(facts)]
        seen.update(found)
    assert len(seen) > len(COMBINATIONS) * 0.9


def test_a_name_with_no_breathing_problem_is_no_arrest() -> None:
    assert not assess(case("hives, no breathing problem, no swelling of the mouth")).red_flag
    assert assess(case("he is not breathing")).red_flag


def test_shorthand_in_capitals_is_a_plain_word_elsewhere() -> None:
    for text in ("Ich habe Kopfschmerzen", "mi hijo tiene fiebre", "si me duele"):
        answer = assess(case(text))
        assert not answer.red_flag
        assert "not_understood" in answer.reasons
    assert assess(case("ICH on CT")).red_flag


def test_care_level_follows_the_level() -> None:
    assert assess(case("crushing chest pain")).care_level == "emergency"
    assert assess(case("need a prescription refill")).care_level == "online"
    assert assess(case("toothache")).care_level == "specialist"
    assert assess(case("ankle sprain")).care_level == "gp"
    assert {assess(case(t)).care_level for t in ("stroke", "cough", "dysuria")} <= set(CARE_LEVELS)


def test_points_of_severity_are_added_before_others_are_taken_away() -> None:
    """In another order the last bit of a sum with a pain score of 15 digits differs."""
    text = "vomiting and diarrhea and fever, improving, sudden, mild"
    answer = assess(
        parse_case(
            {
                "symptoms_data": {"chief_complaint": text},
                "patient_age": 80,
                "vital_signs": {"pain_score": 4.999999999999992},
            }
        )
    )
    assert answer.severity == 60


def test_severity_follows_the_level() -> None:
    texts = ("cold sore", "ankle sprain", "epigastric pain, severe", "not breathing")
    scores = [assess(case(text)).severity for text in texts]
    assert scores == sorted(scores)
    assert all(0 <= score <= 100 for score in scores)
    assert scores[0] < 25 <= scores[1] < 50 <= scores[2] < 75 <= scores[3]


def test_rule_ids_are_unique_and_every_rule_names_its_source() -> None:
    ids = [rule.rule_id for rule in (*RULES, *COMBINATIONS)]
    assert len(ids) == len(set(ids))
    assert all(rule.source.strip() for rule in (*RULES, *COMBINATIONS))


def test_a_red_flag_is_an_emergency_by_construction() -> None:
    flags = [rule for rule in (*RULES, *COMBINATIONS) if rule.red_flag]
    assert len(flags) > 40
    assert all(rule.level is rule.floor is Level.EMERGENCY for rule in flags)
    categories = {rule.category for rule in flags}
    assert categories >= {
        "cardiac", "neurological", "respiratory", "trauma", "abdominal", "obstetric", "allergic",
        "metabolic", "sepsis", "self_harm", "paediatric", "vascular", "eye", "urological",
        "poisoning", "environmental",
    }  # fmt: skip
