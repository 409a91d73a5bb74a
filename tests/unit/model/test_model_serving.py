"""What is served quickly is what the slow and obvious way gives, to the last bit."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml import known_words
from ml.attribution import strongest
from ml.calibration import Calibration
from ml.case import TriageCase
from ml.explain import INTERCEPT
from ml.feature_tables import HISTORY, NUMBER_NAMES
from ml.features import extract
from ml.rules.answer import RulesAnswer
from ml.rules.engine import assess
from ml.schema import RANGES, VITAL_SIGNS
from ml.training import Fitted
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


@quick
@given(st.lists(st.lists(WORDS, max_size=200), min_size=1, max_size=4))
def test_rows_of_the_vocabulary_are_those_of_the_names(
    fitted: Fitted, rows: Rows, said: list[list[str]]
) -> None:
    """The served way through remembered words against the names that training counts."""
    vocabulary = fitted.predictor()._scorer.vocabulary
    blocks = [names.vocabulary_ for names, _ in fitted.extractor.text_blocks() if names is not None]
    assert len(blocks) == 3
    features = []
    for (case, rules), words in zip(rows, said, strict=False):
        found = extract(case, rules)
        features.append(found._replace(tokens=[*found.tokens, *words]))
    expected, sums = [], []
    for row in features:
        start = 0
        for names, known in zip((row.terms, row.grams, row.rules), blocks, strict=True):
            last = start + len(known)
            expected.append([*sorted(start + known[name] for name in names & known.keys()), last])
            sums.append(np.add.reduceat(vocabulary.table[expected[-1]], [0], axis=0)[0])
            start = last + 1
    found_rows = vocabulary.find(features)
    parts = np.split(found_rows.rows, found_rows.starts[1:])
    assert [part.tolist() for part in parts] == expected
    assert bits(found_rows.sums.ravel()) == bits(np.ravel(sums))
    terms, rules_found = found_rows.terms_and_rules()
    assert terms == [part[:-1] for part in expected[0::3]]
    assert rules_found == [part[:-1] for part in expected[2::3]]


def test_long_words_are_not_remembered(fitted: Fitted) -> None:
    words = fitted.predictor()._scorer.vocabulary.words
    remembered = []
    for word in ("quixfield", "q" * 31):
        words.rows([word, word])
        remembered.append(set(words.memory))
    assert remembered == [{"quixfield"}, {"quixfield"}]


def test_the_memory_of_words_is_bounded_and_forgets_the_oldest(
    fitted: Fitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert known_words._REMEMBERED == 4_096
    monkeypatch.setattr(known_words, "_REMEMBERED", 3)
    words = fitted.predictor()._scorer.vocabulary.words
    words.rows(["chest", "pain", "cough", "fever", "pain"])
    assert list(words.memory) == ["pain", "cough", "fever"]


def test_threads_share_the_memory_of_words(
    fitted: Fitted, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While words come and go, every thread reads the same."""
    monkeypatch.setattr(known_words, "_REMEMBERED", 50)
    predictor = fitted.predictor()
    expected = predictor.predict_many(rows[:300])
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda row: predictor.predict_many([row])[0], rows[:300]))
    assert found == expected
    assert len(predictor._scorer.vocabulary.words.memory) <= 50


@quick
@given(st.lists(CASES, min_size=2, max_size=5))
def test_any_case_gives_the_same_bits_alone_and_in_a_batch(
    fitted: Fitted, cases: list[TriageCase]
) -> None:
    predictor = fitted.predictor()
    rows = [(case, assess(case)) for case in cases]
    together = predictor.predict_many(rows)
    alone = [predictor.predict_many([row])[0] for row in rows]
    assert repr(alone) == repr(together)
    features = [extract(*row) for row in rows]
    scorer = predictor._scorer
    scores = [scorer.score_alone(row).scores for row in features]
    assert bits(np.ravel(scores)) == bits(predictor.scores(features).ravel())


@quick
@given(st.lists(CASES, min_size=2, max_size=5), st.data())
def test_fields_are_grouped_as_by_a_matrix(
    fitted: Fitted, cases: list[TriageCase], data: st.DataObject
) -> None:
    predictor = fitted.predictor()
    features = [extract(case, assess(case)) for case in cases]
    levels = [data.draw(st.integers(0, 3)) for _ in cases]
    dense = predictor._scorer.score(features).dense
    expected = slow_ways.fields(predictor._scorer.by_level, dense, levels)
    found = predictor._attribution.fields(dense, levels)
    assert bits(np.ravel(found)) == bits(expected.ravel())
    for row, level, one in zip(dense.tolist(), levels, found, strict=True):
        assert bits(predictor._attribution.fields_alone(row, level)) == bits(one)


@given(st.lists(st.sampled_from([0.0, 0.02, 0.15, 0.2, -0.2, 0.3]) | st.floats(-1, 1), max_size=30))
def test_the_strongest_are_the_first_of_all_in_order(values: list[float]) -> None:
    named = [(f"name {i * 7 % 31}", value) for i, value in enumerate(values)]
    assert list(strongest(lambda: iter(named))) == slow_ways.strongest(named)


def test_attributions_are_what_predictions_report(fitted: Fitted, rows: Rows) -> None:
    predictor = fitted.predictor()
    for row, prediction in zip(rows[:50], predictor.predict_many(rows[:50]), strict=True):
        named = predictor.attributions(*row, prediction.level)
        del named[INTERCEPT]
        assert list(prediction.contributions) == slow_ways.strongest(list(named.items()))


def scores() -> Iterator[float]:
    generator = np.random.default_rng(4)
    yield from (generator.normal(size=4_000) * generator.choice([0.1, 1.0, 30.0], 4_000)).tolist()


def test_probabilities_are_those_written_out_alone_and_in_any_batch() -> None:
    calibration = Calibration(1.37, (0.31, -0.02, 0.0, -0.77))
    rows = np.array(list(scores())).reshape(-1, 4)
    expected = slow_ways.probabilities(calibration, rows)
    assert bits(calibration.probabilities(rows).ravel()) == bits(expected.ravel())
    for row, one in zip(rows.tolist(), expected, strict=True):
        assert bits(calibration.probabilities_of_one(tuple(row))) == bits(one)
    few = np.concatenate([calibration.probabilities(rows[i : i + 3]) for i in range(0, 999, 3)])
    assert bits(few.ravel()) == bits(expected[:999].ravel())
