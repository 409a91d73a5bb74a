"""How people say it: spoken red flags, words that only look alike, and what "mild" belongs to."""

from typing import Any

import pytest

from ml.case import TriageCase, parse_case
from ml.rules.classes import CLASSES
from ml.rules.engine import assess
from ml.rules.measures import measure
from ml.rules.spoken_classes import SPOKEN_CLASSES
from ml.schema import Level


def case(complaint: str, **fields: Any) -> TriageCase:
    symptoms = fields.pop("symptoms", [])
    data = {"chief_complaint": complaint, "symptoms": symptoms}
    return parse_case({"symptoms_data": data, **fields})


def ids(complaint: str, **fields: Any) -> set[str]:
    return {hit.rule_id for hit in assess(case(complaint, **fields)).hits}


# One finding, every part exchanged for another word: classes, not sentences, carry the rules.
@pytest.mark.parametrize("part", ["face", "mouth", "smile"])
@pytest.mark.parametrize("verb", ["dropped", "sagged", "slipped", "gone wonky", "gone crooked"])
def test_a_drooping_face_in_many_words(part: str, verb: str) -> None:
    assert assess(case(f"his {part} has {verb} on one side")).red_flag


@pytest.mark.parametrize("who", ["my son", "my wife", "the baby", "our toddler"])
@pytest.mark.parametrize("what", ["is fitting and won't stop", "is having a fit"])
def test_a_fit_in_many_words(who: str, what: str) -> None:
    assert assess(case(f"{who} {what}")).red_flag


@pytest.mark.parametrize("verb", ["chucking up", "throwing up", "bringing up", "spewing"])
def test_vomited_blood_in_many_words(verb: str) -> None:
    assert assess(case(f"{verb} blood")).level is Level.EMERGENCY


@pytest.mark.parametrize("what", ["bleach", "drain cleaner", "oven cleaner", "battery acid"])
@pytest.mark.parametrize("how", ["{} splashed in my eye", "he swallowed some {}"])
def test_a_corrosive_in_the_eye_or_swallowed(what: str, how: str) -> None:
    assert assess(case(how.format(what))).red_flag


@pytest.mark.parametrize("what", ["rope", "gun"])
@pytest.mark.parametrize("when", ["tonight", "and I wrote goodbye letters"])
def test_means_and_a_plan(what: str, when: str) -> None:
    assert assess(case(f"I've got a {what} ready {when}")).red_flag


@pytest.mark.parametrize(
    "text",
    [
        "drowning in paperwork, tired",
        "stroking the neighbour's cat makes me sneeze",
        "dying to know my results",
        "fit of the giggles",
        "nobody in the family has had a stroke, pill check please",
        "I had meningitis when I was eleven, need a booster",
        "broke my arm and was knocked unconscious back in January, need a letter",
        "stroke awareness course certificate",
        "need my meningitis jab",
        "my son is fitting in well at school",
    ],
)
def test_words_that_only_look_like_a_red_flag(text: str) -> None:
    answer = assess(case(text))
    assert not answer.red_flag
    assert answer.level <= Level.SOON


def test_the_same_words_without_their_cover_are_red_flags() -> None:
    for text in ("he is drowning", "a stroke", "meningitis", "my son is fitting now"):
        assert assess(case(text)).red_flag


def test_mild_lowers_only_what_it_stands_beside() -> None:
    alone = assess(case("headache"))
    assert assess(case("headache with mild nausea")).level is alone.level is Level.SOON
    assert assess(case("mild headache")).level < alone.level
    listed = [{"symptom_name": "nausea", "severity": 2}]
    assert assess(case("headache", symptoms=listed)).level is alone.level


def test_what_was_urgent_and_passed_is_not_routine() -> None:
    assert assess(case("palpitations, resolved")).level is Level.SOON
    assert assess(case("numbness in one arm that went away after 10 minutes")).level is Level.URGENT


def test_weak_evidence_among_many_strange_words_is_not_routine() -> None:
    text = "letter about zorbing flumps quargle vextrin plood wobdent narfle"
    answer = assess(case(text))
    assert answer.level >= Level.SOON
    assert answer.needs_review


def test_a_usual_value_is_no_measured_value() -> None:
    assert measure("usual sats 90-91").spo2 is None
    assert measure("baseline sats are 88").spo2 is None
    assert measure("sats 88 on air").spo2 == 88.0


def test_ages_and_weeks_as_nurses_and_parents_write_them() -> None:
    assert measure("two week old").age == pytest.approx(14 / 365)
    assert measure("4/52 old").age == pytest.approx(28 / 365)
    assert measure("3 month old").age == pytest.approx(0.25)
    assert measure("bleeding 36/40").weeks_pregnant == 36.0


def test_blood_sugar_is_no_bleeding() -> None:
    found = ids("blood sugar 22 and vomiting")
    assert not any("bleeding" in rule_id for rule_id in found)
    assert assess(case("blood sugar 22 and vomiting")).level >= Level.URGENT


def test_no_class_of_words_is_defined_twice() -> None:
    assert not CLASSES.keys() & SPOKEN_CLASSES.keys()
