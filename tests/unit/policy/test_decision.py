"""The decision policy, step by step, and what must hold for every input."""

import json
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.triage.arrival import record
from ml.decision import Decision, Policy, decide, explain, six_places
from ml.prediction import Contribution, Prediction
from ml.rules.answer import RuleHit, RulesAnswer
from ml.schema import CARE_LEVELS, Level

LEVELS = list(Level)


def rules(level: Level = Level.SOON, **changes: Any) -> RulesAnswer:
    fields: dict[str, Any] = {
        "level": level,
        "care_level": "gp",
        "severity": 30,
        "red_flag": False,
        "floor": Level.ROUTINE,
        "needs_review": False,
        "version": "test",
    }
    return RulesAnswer(**(fields | changes))


def model(level: Level, confidence: float = 0.8, *, raised: bool = False) -> Prediction:
    rest = (1 - confidence) / 3
    p = [confidence if one == level else rest for one in Level]
    return Prediction(level, (p[0], p[1], p[2], p[3]), raised)


def test_a_red_flag_is_final_in_every_arm() -> None:
    for arm in ("ml", "rules", "excluded"):
        for opinion in (model(Level.ROUTINE, 0.99), "no_model"):
            answer = decide(rules(Level.EMERGENCY, red_flag=True), opinion, arm)  # type: ignore[arg-type]
            assert answer.level == Level.EMERGENCY
            assert answer.method == "red_flag_override"
            assert answer.ab_group == "excluded"
            assert answer.fallback is False
            assert answer.confidence == 0.0


def test_the_rules_arm_is_the_rules() -> None:
    answer = decide(rules(Level.SOON), model(Level.EMERGENCY, 0.99), "rules")
    assert (answer.level, answer.method, answer.ab_group) == (Level.SOON, "rules", "rules")
    assert (answer.confidence, answer.probabilities) == (0.0, None)
    assert answer.fallback is False


@pytest.mark.parametrize("why", ["no_model", "prediction_failed", "deadline"])
def test_without_a_prediction_the_rules_answer_and_say_so(why: Any) -> None:
    answer = decide(rules(Level.URGENT), why, "ml")
    assert (answer.level, answer.method, answer.ab_group) == (
        Level.URGENT,
        "rules",
        "rules_fallback",
    )
    assert answer.fallback is True
    assert answer.reason == why
    assert answer.needs_review is False


def test_used_up_attempts_call_a_person() -> None:
    assert decide(rules(), "attempts_exhausted", "ml").needs_review is True


def test_the_excluded_get_the_higher_of_both() -> None:
    higher = decide(rules(Level.URGENT), model(Level.SOON), "excluded")
    assert (higher.level, higher.decided_by, higher.ab_group) == (
        Level.URGENT,
        "rules",
        "excluded",
    )
    raised = decide(rules(Level.SOON), model(Level.EMERGENCY), "excluded")
    assert (raised.level, raised.decided_by, raised.method) == (Level.EMERGENCY, "model", "ml")


def test_a_doubtful_model_gives_the_higher_of_both_and_calls_a_person() -> None:
    answer = decide(rules(Level.URGENT), model(Level.SOON, 0.5), "ml")
    assert (answer.level, answer.method) == (Level.URGENT, "low_confidence")
    assert answer.needs_review is True
    assert answer.ab_group == "ml"
    assert decide(rules(Level.SOON), model(Level.URGENT, 0.5), "ml").level == Level.URGENT


def test_the_threshold_belongs_to_the_confident_side() -> None:
    assert decide(rules(), model(Level.SOON, 0.60), "ml").method == "ml"
    assert decide(rules(), model(Level.SOON, 0.5999), "ml").method == "low_confidence"
    strict = Policy(minimum_confidence=0.9)
    assert decide(rules(), model(Level.SOON, 0.8), "ml", strict).method == "low_confidence"


def test_an_emergency_raised_by_a_threshold_stands_and_calls_a_person() -> None:
    answer = decide(rules(Level.SOON), model(Level.EMERGENCY, 0.35, raised=True), "ml")
    assert (answer.level, answer.method, answer.needs_review) == (Level.EMERGENCY, "ml", True)


def test_the_model_raises_freely_and_lowers_by_one_level_at_most() -> None:
    assert decide(rules(Level.ROUTINE), model(Level.EMERGENCY), "ml").level == Level.EMERGENCY
    assert decide(rules(Level.URGENT), model(Level.SOON), "ml").level == Level.SOON
    held = decide(rules(Level.URGENT), model(Level.ROUTINE), "ml")
    assert (held.level, held.reason, held.needs_review) == (Level.SOON, "guard", True)


def test_the_model_never_goes_below_the_safety_floor() -> None:
    answer = decide(rules(Level.URGENT, floor=Level.URGENT), model(Level.SOON, 0.99), "ml")
    assert answer.level == Level.URGENT


predictions = st.builds(
    model,
    st.sampled_from(LEVELS),
    st.floats(0.25, 1.0),
    raised=st.booleans(),
) | st.sampled_from(["no_model", "prediction_failed", "deadline", "attempts_exhausted"])
rule_answers = st.builds(
    lambda level, floor, flag: rules(
        Level.EMERGENCY if flag else max(level, floor), floor=floor, red_flag=flag
    ),
    st.sampled_from(LEVELS),
    st.sampled_from(LEVELS),
    st.booleans(),
)
arms = st.sampled_from(["ml", "rules", "excluded"])
some_names = st.lists(st.text(max_size=5), max_size=2).map(tuple)
full_answers = st.builds(
    lambda answer, **more: answer._replace(**more),
    rule_answers,
    care_level=st.sampled_from(sorted(CARE_LEVELS)),
    severity=st.integers(0, 100),
    needs_review=st.booleans(),
    news2=st.none() | st.integers(0, 20),
    hits=st.lists(
        st.builds(
            RuleHit,
            *(st.text(max_size=5), st.text(max_size=5), st.sampled_from(LEVELS), st.text()),
            *(st.text(max_size=5), st.integers(0, 99), st.integers(0, 99)),
        ),
        max_size=3,
    ).map(tuple),
    reasons=some_names,
    missing=some_names,
)


@given(rule_answers, predictions, arms)
def test_no_path_undercuts_a_red_flag_or_the_floor(
    answer: RulesAnswer, opinion: Any, arm: Any
) -> None:
    decision = decide(answer, opinion, arm)
    assert decision.level >= answer.floor
    assert decision.level >= answer.level - 1
    if answer.red_flag:
        assert decision.level == Level.EMERGENCY
    if not isinstance(opinion, Prediction):
        assert decision.level >= answer.level, "no failure lowers urgency"
    assert decision.care_level in CARE_LEVELS
    assert decision.trace[-1].endswith(decision.level.label)
    assert decision == decide(answer, opinion, arm)


def test_the_explanation_holds_offsets_and_no_text() -> None:
    hit = RuleHit("card.1", "cardiac", Level.URGENT, "ESC", "symptoms_data.chief_complaint", 3, 9)
    opinion = Prediction(
        Level.SOON, (0.1, 0.7, 0.1, 0.1), contributions=(Contribution("age", 0.123456789),)
    )
    found = explain(rules(hits=(hit,), missing=("spo2_percent",)), opinion)
    assert found["rules"]["hits"][0]["start"] == 3
    assert found["missing"] == ["spo2_percent"]
    assert found["model"]["contributions"] == [{"feature": "age", "log_odds": 0.123457}]
    assert explain(rules(), None)["model"] is None


@given(full_answers, arms)
def test_all_that_the_rules_said_is_in_the_stored_fallback(answer: RulesAnswer, arm: Any) -> None:
    stored = json.dumps(record(decide(answer, "deadline", arm), answer, None, "", ""))
    assert RulesAnswer.of_fallback(json.loads(stored)) == answer


@given(rule_answers, predictions, arms)
def test_a_decision_is_as_its_fields_say(answer: RulesAnswer, opinion: Any, arm: Any) -> None:
    decision = decide(answer, opinion, arm)
    values = {field.name: getattr(decision, field.name) for field in fields(Decision)}
    assert Decision(**values) == decision
    assert replace(decision, reason="other").reason == "other"
    assert type(decision.level) is Level
    with pytest.raises(FrozenInstanceError):
        decision.reason = "other"  # type: ignore[misc]


@given(
    st.floats(-3, 3)
    | st.floats()
    | st.integers(-3_000_000, 3_000_000).map(lambda n: n / 1e6)
    | st.integers(-3_000_000, 3_000_000).map(lambda n: (n + 0.5) / 1e6)
)
def test_six_places_are_those_of_round(value: float) -> None:
    assert repr(six_places(value)) == repr(round(value, 6))


def test_a_level_knows_its_label() -> None:
    assert [level.label for level in Level] == ["routine", "soon", "urgent", "emergency"]
    assert all(Level.parse(level.label) is level for level in Level)
