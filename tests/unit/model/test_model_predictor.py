"""The lean serving path is the scikit-learn pipeline, number by number."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml.calibration import Thresholds
from ml.case import TriageCase, parse_case
from ml.explain import ABSENT, INTERCEPT, REPORTED
from ml.feature_tables import FLAG_NAMES, NUMBER_NAMES
from ml.features import extract
from ml.pipeline import MINIMUM_RECORDS, Extractor
from ml.records import Record, read_records
from ml.rules.answer import RulesAnswer
from ml.rules.engine import assess
from ml.schema import RANGES, VITAL_SIGNS, Level
from ml.training import Fitted, fit

Rows = list[tuple[TriageCase, RulesAnswer]]

BARE = parse_case({"symptoms_data": {"chief_complaint": "?!"}, "vital_signs": {"pain_score": 0.0}})


def reference(fitted: Fitted, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Scores and probabilities as scikit-learn computes them."""
    columns = fitted.extractor.transform([extract(case, rules) for case, rules in rows])
    scores = fitted.model.decision_function(columns)
    scores = scores - scores.mean(axis=1, keepdims=True)
    return scores, fitted.calibration.probabilities(scores)


def assert_agrees(fitted: Fitted, rows: Rows) -> None:
    predictor = fitted.predictor()
    scores, probabilities = reference(fitted, rows)
    features = [extract(case, rules) for case, rules in rows]
    np.testing.assert_allclose(predictor.scores(features), scores, rtol=0, atol=1e-9)
    found = predictor.predict_many(rows)
    np.testing.assert_allclose([p.probabilities for p in found], probabilities, rtol=0, atol=1e-9)
    assert [p.level for p in found] == fitted.thresholds.choose(probabilities).tolist()


def test_lean_path_agrees_with_the_pipeline_on_the_cohort(fitted: Fitted, rows: Rows) -> None:
    assert_agrees(fitted, [*rows, (BARE, assess(BARE))])


def test_lean_path_agrees_with_the_pipeline_on_real_records(
    fitted: Fitted, real_table: Path
) -> None:
    real = [(record.case, assess(record.case)) for record in read_records(real_table)]
    assert len(real) > 800
    assert_agrees(fitted, real)


def test_a_row_gives_the_same_bits_alone_and_in_a_batch(fitted: Fitted, rows: Rows) -> None:
    """What was served in a batch of any size is reproduced from the row alone."""
    predictor = fitted.predictor()
    together = predictor.predict_many(rows)
    alone = [predictor.predict_many([row])[0] for row in rows]
    assert alone == together


@pytest.mark.parametrize("numbers", [(0.28, 0.1, 1.0), (0.2, 0.2, 2.0), (0.25, 0.05, 1.5)])
def test_a_level_chosen_for_one_row_is_that_of_the_array(
    numbers: tuple[float, float, float],
) -> None:
    thresholds = Thresholds(*numbers)
    rows = list(product([0.0, 0.05, 0.1, 0.2, 0.25, 0.28, 0.5, 0.7], repeat=4))
    array = np.array(rows)
    chosen = thresholds.choose(array)
    raised = (chosen == Level.EMERGENCY) & (array.argmax(axis=1) != Level.EMERGENCY)
    found = [thresholds.choose_one(row) for row in rows]
    assert [level for level, _ in found] == chosen.tolist()
    assert [up for _, up in found] == raised.tolist()


def test_contributions_add_up_to_the_log_odds(fitted: Fitted, rows: Rows) -> None:
    predictor = fitted.predictor()
    scores, _ = reference(fitted, rows[:40])
    for (case, rules), expected in zip(rows[:40], scores, strict=True):
        for level in Level:
            parts = predictor.attributions(case, rules, level)
            assert INTERCEPT in parts
            assert sum(parts.values()) == pytest.approx(expected[level], abs=1e-9)


def test_what_was_not_measured_is_no_reason(fitted: Fitted) -> None:
    case = parse_case({"symptoms_data": {"chief_complaint": "cough"}, "patient_age": 30.0})
    parts = fitted.predictor().attributions(case, assess(case), Level.SOON)
    assert "patient_age" in parts
    gone = {"heart_rate_bpm", "shock_index", "consciousness", "patient_sex", "symptom_severity"}
    assert not gone & set(parts)
    assert parts[ABSENT] != 0.0


def test_a_term_named_like_a_field_does_not_hide_it(fitted: Fitted, rows: Rows) -> None:
    cases = [
        parse_case({"symptoms_data": {"chief_complaint": words}, "pregnant": True})
        for words in ("pregnant", "pregnancy symptoms", "medical history, wording, words")
    ]
    scores, _ = reference(fitted, [(case, assess(case)) for case in cases])
    for case, expected in zip(cases, scores, strict=True):
        parts = fitted.predictor().attributions(case, assess(case), Level.URGENT)
        assert sum(parts.values()) == pytest.approx(expected[Level.URGENT], abs=1e-9)


def test_a_prediction_carries_its_strongest_contributions(fitted: Fitted, rows: Rows) -> None:
    predictor = fitted.predictor()
    for row, prediction in zip(rows[:20], predictor.predict_many(rows[:20]), strict=True):
        parts = predictor.attributions(*row, prediction.level)
        del parts[INTERCEPT]
        largest = sorted((abs(value) for value in parts.values()), reverse=True)[:REPORTED]
        found = [abs(c.log_odds) for c in prediction.contributions]
        assert found == pytest.approx(largest[: len(found)], abs=1e-9)
        assert len(found) == REPORTED


def test_contribution_names_come_from_the_vocabulary_only(fitted: Fitted) -> None:
    case = parse_case({"symptoms_data": {"chief_complaint": "Zebulon Quixfield, chest pain"}})
    parts = fitted.predictor().attributions(case, assess(case), Level.EMERGENCY)
    assert "text:chest+pain" in parts
    assert not [name for name in parts if "zebulon" in name.lower() or "quix" in name.lower()]


def test_raised_says_that_the_threshold_chose_emergency(fitted: Fitted, rows: Rows) -> None:
    found = fitted.predictor().predict_many(rows)
    for p in found:
        likeliest = p.probabilities.index(max(p.probabilities))
        assert p.raised == (p.level == Level.EMERGENCY and likeliest != Level.EMERGENCY)
    assert any(p.raised for p in found)


def test_missing_fields_are_listed_as_imputed(fitted: Fitted) -> None:
    case = parse_case(
        {
            "symptoms_data": {"chief_complaint": "cough"},
            "patient_age": 30.0,
            "vital_signs": {"heart_rate_bpm": 80.0},
        }
    )
    [found] = fitted.predictor().predict_many([(case, assess(case))])
    assert "patient_age" not in found.imputed
    assert "heart_rate_bpm" not in found.imputed
    assert set(found.imputed) == {"severity_score", *VITAL_SIGNS} - {"heart_rate_bpm"}


def test_a_column_missing_in_all_records_trains_and_serves(records: list[Record]) -> None:
    cases = [
        record.case.model_copy(
            update={
                "vital_signs": record.case.vital_signs.model_copy(update={"spo2_percent": None}),
                "severity_score": None,
            }
        )
        for record in records[:400]
    ]
    rows = [(case, assess(case)) for case in cases]
    fitted = fit(rows, [r.level for r in records[:400] if r.level is not None], 1)
    measured = parse_case(
        {"symptoms_data": {"chief_complaint": "cough"}, "vital_signs": {"spo2_percent": 80.0}}
    )
    assert_agrees(fitted, [*rows[:50], (measured, assess(measured))])


def test_records_without_any_words_train_and_serve(records: list[Record]) -> None:
    measured = [r for r in records if r.case.vital_signs.heart_rate_bpm is not None]
    cases = [
        parse_case(
            {
                "symptoms_data": {"chief_complaint": ""},
                "vital_signs": {"heart_rate_bpm": r.case.vital_signs.heart_rate_bpm},
            }
        )
        for r in measured
    ]
    rows = [(case, assess(case)) for case in cases]
    fitted = fit(rows, [r.level for r in measured if r.level is not None], 1)
    assert fitted.extractor.terms_ is None
    assert_agrees(fitted, rows[:50])


def test_training_twice_gives_the_same_probabilities(
    fitted: Fitted, rows: Rows, records: list[Record]
) -> None:
    again = fit(rows, [record.level for record in records if record.level is not None], 7)
    first = fitted.predictor().predict_many(rows[:100])
    second = again.predictor().predict_many(rows[:100])
    assert [p.probabilities for p in first] == [p.probabilities for p in second]
    assert fitted.thresholds == again.thresholds


def test_names_seen_in_fewer_than_five_records_are_dropped(rows: Rows) -> None:
    features = [extract(case, rules) for case, rules in rows]
    extractor = Extractor().fit(features)
    learnt = set(extractor.feature_names())
    counts: dict[str, int] = {}
    for row in features:
        for name in row.terms:
            counts[name] = counts.get(name, 0) + 1
    assert MINIMUM_RECORDS == 5
    assert any(count < 5 for count in counts.values())
    for name, count in counts.items():
        assert (f"text:{name}" in learnt) == (count >= 5)
    assert len(extractor.feature_names()) == extractor.transform(features[:2]).shape[1]


def test_feature_names_match_feature_values(rows: Rows) -> None:
    for case, rules in rows[:50]:
        found = extract(case, rules)
        assert len(found.numbers) == len(NUMBER_NAMES)
        assert len(found.flags) == len(FLAG_NAMES)
        assert not np.isnan(found.flags).any()


def _numbers(name: str) -> st.SearchStrategy[float | None]:
    return st.none() | st.floats(RANGES[name].low, RANGES[name].high)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    complaint=st.text(max_size=200).filter(lambda text: "\x00" not in text),
    age=_numbers("patient_age"),
    score=_numbers("severity_score"),
    signs=st.fixed_dictionaries({name: _numbers(name) for name in VITAL_SIGNS}),
    mind=st.sampled_from([None, "A", "C", "V", "P", "U"]),
)
def test_every_valid_case_is_predicted(
    fitted: Fitted,
    complaint: str,
    age: float | None,
    score: float | None,
    signs: dict[str, float | None],
    mind: str | None,
) -> None:
    case = TriageCase.model_validate(
        {
            "symptoms_data": {"chief_complaint": complaint},
            "patient_age": age,
            "severity_score": score,
            "vital_signs": {**signs, "consciousness": mind},
        }
    )
    [found] = fitted.predictor().predict_many([(case, assess(case))])
    assert sum(found.probabilities) == pytest.approx(1.0)
    assert all(0.0 <= p <= 1.0 for p in found.probabilities)


def test_no_rows_no_predictions(fitted: Fitted) -> None:
    assert fitted.predictor().predict_many([]) == []
