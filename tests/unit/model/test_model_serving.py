"""What is served quickly is what the slow and obvious way gives, to the last bit."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml.case import TriageCase
from ml.feature_tables import HISTORY, NUMBER_NAMES
from ml.features import extract
from ml.rules.answer import RulesAnswer
from ml.rules.engine import assess
from ml.schema import RANGES, VITAL_SIGNS
from ml.wording import word_list
from ml.wording_tables import CLINICAL_WORDS, CONCEPTS, NEGATION_ENDS, NEGATIONS, STOP_WORDS
from tests.unit.model import slow_ways

Rows = list[tuple[TriageCase, RulesAnswer]]

quick = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

SAID = [*CLINICAL_WORDS, *sorted({word for pair in CONCEPTS for word in pair.split("+")})]
WORDS = (
    st.sampled_from(SAID)
    | st.sampled_from(sorted(STOP_WORDS | NEGATIONS | NEGATION_ENDS))
    | st.sampled_from(["zz", "x" * 30, "x" * 31, "x" * 40, "ü", "12", "’"])
    | st.text("abcdehinorst", min_size=1, max_size=35)
)
TEXTS = st.lists(WORDS, max_size=200).map(" ".join) | st.text(max_size=60)


def number(name: str) -> st.SearchStrategy[float | None]:
    within = RANGES[name]
    return st.none() | st.integers(int(within.low), int(within.high)).map(float)


SYMPTOMS = st.fixed_dictionaries(
    {"symptom_name": st.sampled_from(["cough", "chest pain", " "])},
    optional={
        "description": TEXTS.map(lambda text: text[:500]),
        "severity": st.sampled_from(["Mild", "severe, worst", "odd", 0.0, 7.5, 10.0]),
        "progression": st.sampled_from(["worsening", "sudden", "Better, then worse", "stable"]),
    },
)
STEMS = [stem.strip() + end for stems in HISTORY.values() for stem in stems for end in ("", "s")]
CASES = st.fixed_dictionaries(
    {
        "symptoms_data": st.fixed_dictionaries(
            {
                "chief_complaint": TEXTS.map(lambda text: text[:2_000]),
                "symptoms": st.lists(SYMPTOMS, max_size=8).map(tuple),
            }
        ),
        "patient_age": number("patient_age") | st.sampled_from([0.5, 1.0, 2.0, 5.0, 12.0, 18.0]),
        "severity_score": number("severity_score"),
        "vital_signs": st.fixed_dictionaries(
            {
                **{name: number(name) for name in VITAL_SIGNS},
                "consciousness": st.sampled_from([None, "A", "C", "V", "P", "U"]),
            }
        ),
        "patient_sex": st.sampled_from([None, "female", "male", "other", "unknown"]),
        "urgency": st.sampled_from([None, "routine", "soon", "urgent", "emergency"]),
        "pregnant": st.sampled_from([None, True, False]),
        "medical_history": st.lists(st.sampled_from(STEMS), max_size=8).map(tuple),
    }
).map(TriageCase.model_validate)


def bits(values: Any) -> list[str]:
    return [float(value).hex() for value in values]


@given(st.text(st.characters(max_codepoint=127), max_size=80) | TEXTS)
def test_words_are_found_as_by_the_one_expression(text: str) -> None:
    assert word_list(text) == slow_ways.word_list(text)


@quick
@given(CASES)
def test_features_are_those_written_out(case: TriageCase) -> None:
    rules = assess(case)
    found = extract(case, rules)
    expected = slow_ways.numbers(case, rules)
    assert tuple(expected) == NUMBER_NAMES
    assert bits(found.numbers) == bits(expected.values())
    assert bits(found.flags) == bits(slow_ways.flags(case, rules))
    assert (found.missing, found.absent) == slow_ways.absent(case, rules)
    assert found.tokens == slow_ways.word_list(" . ".join(text for _, text in case.texts()))
