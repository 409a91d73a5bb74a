"""What holds for every valid case, and what hostile text costs."""

import re
import sys
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ml.case import TriageCase, parse_case
from ml.rules.cues import CUES
from ml.rules.engine import assess
from ml.rules.lexicon import LEXICON, RULES
from ml.rules.reading import read
from ml.rules.scope import mark
from ml.rules.text import LONGEST_WORD
from ml.rules.unit import Status
from ml.rules.word import _known
from ml.rules.words import MERGED
from ml.schema import MAX_COMPLAINT_CHARS, RANGES, Level
from tests.unit.rules.slow_reading import every_pattern, slow_read

WORDS = [
    "chest",
    "pain",
    "no",
    "denies",
    "fever",
    "my",
    "father",
    "had",
    "a",
    "stroke",
    "last",
    "year",
    "but",
    "and",
    ",",
    ".",
    ":",
    "?",
    "!",
    "or",
    "left",
    "arm",
    "not",
    "short",
    "of",
    "breath",
    "worried",
    "about",
    "since",
    "yesterday",
    "resolved",
    "gone",
    "is",
    "h/o",
    "r/o",
    "mild",
    "severe",
    "baby",
    "old",
    "3",
    "week",
    "pregnant",
    "bleeding",
    "head",
    "injury",
    "wont",
    "stop",
    "cut",
    "toe",
    "refill",
    "(-)",
    "(+)",
    "if",
    "i",
    "get",
    "swollen",
    "tongue",
    "can't",
    "move",
    "wakes",
    "confused",
    "drowsy",
    "abdominal",
    "diarrhea",
    "has",
    "with",
    "she",
    "they",
    "now",
    "zzz",
    "40",
    "GCS",
    "family",
]
CLINICAL = st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)
TEXT = st.one_of(
    CLINICAL, st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=200)
)
RED_FLAGS = (
    "crushing chest pain radiating to the left arm",
    "not breathing",
    "sudden face drooping and slurred speech",
    "throat closing after a bee sting",
    "anaphylaxis",
)


def number(name: str) -> st.SearchStrategy[float | None]:
    limits = RANGES[name]
    return st.none() | st.floats(limits.low, limits.high)


VITALS = st.fixed_dictionaries(
    {
        "heart_rate_bpm": number("heart_rate_bpm"),
        "respiratory_rate_bpm": number("respiratory_rate_bpm"),
        "systolic_bp_mmhg": number("systolic_bp_mmhg"),
        "temperature_c": number("temperature_c"),
        "spo2_percent": number("spo2_percent"),
        "consciousness": st.sampled_from([None, "A", "C", "V", "P", "U"]),
        "pain_score": number("pain_score"),
    }
)


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    symptom = st.fixed_dictionaries(
        {
            "symptom_name": TEXT.map(lambda text: text[:200] or "pain"),
            "severity": st.none() | st.floats(0, 10) | CLINICAL.map(lambda text: text[:200]),
            "duration": st.none() | st.sampled_from(["2 days", "since noon", "years", ""]),
            "progression": st.none() | st.sampled_from(["worsening", "sudden", "improving"]),
        }
    )
    return {
        "symptoms_data": {
            "chief_complaint": draw(TEXT),
            "symptoms": draw(st.lists(symptom, max_size=2)),
        },
        "patient_age": draw(number("patient_age")),
        "patient_sex": draw(st.sampled_from([None, "female", "male", "other", "unknown"])),
        "pregnant": draw(st.sampled_from([None, True, False])),
        "urgency": draw(st.sampled_from([None, "routine", "soon", "urgent", "emergency"])),
        "severity_score": draw(number("severity_score")),
        "vital_signs": draw(VITALS),
        "medical_history": draw(st.lists(CLINICAL.map(lambda text: text[:200]), max_size=2)),
    }


def parsed(body: dict[str, Any]) -> TriageCase:
    """The case without the cross-field refusals: the engine must bear more than the API takes."""
    data = body["symptoms_data"]
    symptoms = tuple(data["symptoms"])
    return TriageCase.model_validate(
        {
            **body,
            "symptoms_data": {**data, "symptoms": symptoms},
            "medical_history": tuple(body["medical_history"]),
        }
    )


def with_text(body: dict[str, Any], addition: str) -> TriageCase:
    data = body["symptoms_data"]
    text = f"{data['chief_complaint']}\n{addition}"
    return parsed({**body, "symptoms_data": {**data, "chief_complaint": text}})


@settings(max_examples=300, deadline=None)
@given(bodies())
def test_any_case_is_answered_consistently(body: dict[str, Any]) -> None:
    case = parsed(body)
    answer = assess(case)
    assert answer.level >= answer.floor
    assert 0 <= answer.severity <= 100
    if answer.red_flag:
        assert answer.level is answer.floor is Level.EMERGENCY
    texts = dict(case.texts())
    for hit in answer.hits:
        assert hit.field == "" or 0 <= hit.start < hit.end <= len(texts[hit.field])
    assert assess(case) == answer


@settings(max_examples=200, deadline=None)
@given(bodies(), st.sampled_from(RED_FLAGS))
def test_a_red_flag_added_is_always_seen(body: dict[str, Any], flag: str) -> None:
    assert assess(with_text(body, flag)).red_flag


@settings(max_examples=300, deadline=None)
@given(
    bodies(),
    st.sampled_from(
        ["chest pain", "fever", "seizure", "vomiting", "crushing chest pain", "shortness of breath"]
    ),
)
def test_a_denial_added_never_raises(body: dict[str, Any], symptom: str) -> None:
    assert assess(with_text(body, f"No {symptom}.")).level <= assess(parsed(body)).level


# Everything that the tables hold, as a patient would write it.
PHRASES = sorted(
    {
        phrase.replace("_", " ")
        for table in (*CUES.values(), *(rule.patterns for rule in RULES))
        for phrase in re.split(r"[\s;|]+", table)
        if phrase and not phrase.startswith("@")
    }
    | {" ".join(pair) for pair in MERGED}
)
JOINED = ["approx.", ".\n", "can not", "abdominla", "my", "he", "it", *WORDS[:20]]
SPOKEN = st.lists(
    st.sampled_from(PHRASES) | st.sampled_from(WORDS) | st.sampled_from(JOINED), max_size=25
).map(" ".join)


@settings(max_examples=600, deadline=None)
@given(TEXT | SPOKEN, st.booleans())
@example("i can not father chest pain", False)
@example("i can not wake my father chest pain", False)
@example("my son fell and his arm hurts. mad me sick", False)
@example("my friend had a stroke, my arm hurts", False)
@example("my father had a stroke last year", True)
def test_the_quick_ways_of_reading_give_what_the_long_ones_do(text: str, child: bool) -> None:
    reading = read(text, child)
    slow = slow_read(text, child)
    spans = [reading.span((index,)) for index in range(len(reading.units))]
    assert [(u.word, u.tags, *span) for u, span in zip(reading.units, spans, strict=True)] == (
        slow.units
    )
    assert (reading.known, reading.unknown, reading.denied) == (
        slow.known,
        slow.unknown,
        slow.denied,
    )
    for stated, status in (
        (reading.present, Status.PRESENT),
        (reading.gone, Status.GONE),
        (reading.query, Status.QUERY),
        (reading.past, Status.PAST),
    ):
        places = slow.places[status]
        assert {tag: stated.places(tag) for tag in stated.tags} == places
        assert LEXICON.match(stated) == every_pattern(places)


@settings(max_examples=200, deadline=None)
@given(SPOKEN)
def test_only_marking_cues_change_what_is_said(text: str) -> None:
    units = [unit for unit in read(text).units if not unit.marks]
    assert set(mark(units, [0] * len(units), others=True)) <= {Status.PRESENT}


def test_long_words_are_not_remembered() -> None:
    before = _known.cache_info()
    long = "z" * (LONGEST_WORD + 1)
    read(f"{long} {long}")
    assert _known.cache_info() == before
    assert before.maxsize is not None


# From the healthiest value outward: each step is at least as bad as the one before, at any age.
WORSE = {
    "spo2_percent": [98, 95, 93, 91, 88, 84, 70],
    "respiratory_rate_bpm": [18, 22, 26, 40, 60, 90],
    "heart_rate_bpm": [100, 115, 135, 155, 180, 230],
    "systolic_bp_mmhg": [120, 105, 95, 88, 75, 65, 40],
    "temperature_c": [37.0, 38.2, 39.2, 41.0],
}


@settings(max_examples=150, deadline=None)
@given(bodies(), st.sampled_from(sorted(WORSE)))
def test_a_worse_vital_sign_never_lowers(body: dict[str, Any], name: str) -> None:
    body["patient_age"] = 40.0
    levels = []
    for value in WORSE[name]:
        signs = {**body["vital_signs"], name: float(value)}
        levels.append(assess(parsed({**body, "vital_signs": signs})).level)
    assert levels == sorted(levels)


def steps(text: str) -> int:
    """Lines executed and calls made: work counted, not time."""
    count = 0

    def trace(*_: object) -> Any:
        nonlocal count
        count += 1
        return trace

    case = parse_case(
        {
            "symptoms_data": {"chief_complaint": text},
            "vital_signs": {"spo2_percent": 98.0},
        }
    )
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        assess(case)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    "unit",
    [
        "no ", "chest ", "a-a-a-", "chest pain no fever denies ", ".,;:!?()", "(-)", "((((",
        "pain arm leg jaw sudden ", "gone resolved stopped ", "history since last year ",
        "no x or ", "if i get what if ", "father mother had died ", "swallow took cut off finger ",
        "years ago, ", "fever? no, ", "short of ", "not ", "10 20 30 gcs ", "left right side ",
        "bbbbbbbbbbbbbbbbbbb ", "abdominla ", "mild headache ", "bit ", "face mouth side dropped ",
        "usual sats 90 ", "one week old ", "blood sugar ", "worried stroke ",
        "r/o mi ", "\n", "'", "é",
        # As many different words that mean something as there is room for.
        " . ".join(sorted(LEXICON.trie.children, key=len)),
    ],
)  # fmt: skip
def test_hostile_text_costs_in_proportion_to_its_length(unit: str) -> None:
    short, long = (steps((unit * MAX_COMPLAINT_CHARS)[:n]) for n in (500, MAX_COMPLAINT_CHARS))
    # Four times the text: linear work is at most 4 times, quadratic would be 16.
    assert long <= 6 * short + 1_000
