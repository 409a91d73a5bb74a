"""The decision policy: rules and model in, one answer with its trace out. Pure.

The same function decides in the worker, in `python -m ml decide` and, with no prediction, when
a request is accepted: its result there is what the caller gets if nobody answers in time.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

from ml.prediction import Prediction
from ml.rules.answer import RulesAnswer
from ml.schema import Level

Arm = Literal["ml", "rules", "excluded"]
# Why there is no prediction.
NoPrediction = Literal["no_model", "prediction_failed", "deadline", "attempts_exhausted"]

MINIMUM_CONFIDENCE: Final = 0.60
# The model may call a case at most this many levels less urgent than the rules do.
GREATEST_LOWERING: Final = 1

# The levels, and what each asks for where the rules did not say it themselves, from routine to
# emergency: an index is quicker than a call or a hash of the enumeration.
_LEVELS: Final = tuple(Level)
CARE_FOR_LEVEL: Final = ("online", "gp", "specialist", "emergency")


@dataclass(frozen=True, slots=True)
class Policy:
    """The numbers of the policy; a bundle may carry its own, never below these safeguards."""

    minimum_confidence: float = MINIMUM_CONFIDENCE


@dataclass(frozen=True, init=False)
class Decision:
    """One answer.

    `method` is `ml`, `rules`, `red_flag_override` or `low_confidence`; `ab_group` is `ml`,
    `rules`, `rules_fallback` or `excluded`; `decided_by` says whose level was taken; `confidence`
    is the model's probability of the answered level, 0.0 where the model had no say. Made of every
    case, and so here by the order of its fields: their names would cost as much again.
    """

    level: Level
    care_level: str
    confidence: float
    probabilities: tuple[float, ...] | None
    method: str
    ab_group: str
    decided_by: Literal["rules", "model"]
    fallback: bool
    needs_review: bool
    reason: str
    trace: tuple[str, ...]

    def __init__(
        self,
        level: Level,
        care_level: str,
        confidence: float,
        probabilities: tuple[float, ...] | None,
        method: str,
        ab_group: str,
        decided_by: Literal["rules", "model"],
        fallback: bool,
        needs_review: bool,
        reason: str,
        trace: tuple[str, ...],
    ) -> None:
        # All at once: past the guard of a frozen class, field by field, takes twice as long.
        vars(self).update(
            level=level,
            care_level=care_level,
            confidence=confidence,
            probabilities=probabilities,
            method=method,
            ab_group=ab_group,
            decided_by=decided_by,
            fallback=fallback,
            needs_review=needs_review,
            reason=reason,
            trace=trace,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "level": self.level.label,
            "care_level": self.care_level,
            "confidence": self.confidence,
            "probabilities": None if self.probabilities is None else list(self.probabilities),
            "method": self.method,
            "ab_group": self.ab_group,
            "decided_by": self.decided_by,
            "fallback": self.fallback,
            "needs_review": self.needs_review,
            "reason": self.reason,
            "trace": list(self.trace),
        }


def decide(
    rules: RulesAnswer,
    prediction: Prediction | NoPrediction,
    arm: Arm,
    policy: Policy = Policy(),
) -> Decision:
    """Apply the policy in its fixed order (see the design): red flag, arm, fallback, model.

    No step can return less than `rules.floor`; a red flag is `emergency` whatever else is said.
    """
    trace: tuple[str, ...] = (f"rules:{rules.level.label}", f"arm:{arm}")
    if rules.red_flag:
        return _by_rules(rules, "red_flag_override", "excluded", "red_flag", trace)
    if arm == "rules":
        return _by_rules(rules, "rules", "rules", "arm", trace)
    if not isinstance(prediction, Prediction):
        group = "excluded" if arm == "excluded" else "rules_fallback"
        return _by_rules(rules, "rules", group, prediction, trace, fallback=True)

    trace = (*trace, f"model:{prediction.level.label}")
    unsure = prediction.probabilities[prediction.level] < policy.minimum_confidence
    if arm == "excluded":
        return _higher_of(rules, prediction, "ml", "excluded", "excluded", unsure, trace)
    if unsure and not prediction.raised:
        return _higher_of(rules, prediction, "low_confidence", "ml", "low_confidence", True, trace)
    # A recall threshold raised this emergency on purpose: it stands, and a person looks.
    return _guarded(rules, prediction, unsure, trace)


def _by_rules(
    rules: RulesAnswer,
    method: str,
    group: str,
    reason: str,
    trace: tuple[str, ...],
    *,
    fallback: bool = False,
) -> Decision:
    level = Level.EMERGENCY if rules.red_flag else max(rules.level, rules.floor)
    return Decision(
        level,
        _care(rules, level),
        0.0,
        None,
        method,
        group,
        "rules",
        fallback,
        rules.needs_review or reason == "attempts_exhausted",
        reason,
        (*trace, f"{reason}->{level.label}"),
    )


def _higher_of(
    rules: RulesAnswer,
    prediction: Prediction,
    method: str,
    group: str,
    reason: str,
    review: bool,
    trace: tuple[str, ...],
) -> Decision:
    level = max(rules.level, rules.floor, prediction.level)
    by_model = prediction.level == level
    if not by_model and method == "ml":
        method = "rules"
    return _by_model(rules, prediction, level, method, group, reason, by_model, review, trace)


def _guarded(
    rules: RulesAnswer, prediction: Prediction, review: bool, trace: tuple[str, ...]
) -> Decision:
    """The one-way guard: raise freely, lower by one level at most, never below the floor."""
    level = _LEVELS[max(prediction.level, rules.level - GREATEST_LOWERING, rules.floor)]
    held = level != prediction.level
    reason = "guard" if held else "model"
    return _by_model(rules, prediction, level, "ml", "ml", reason, True, review or held, trace)


def _by_model(
    rules: RulesAnswer,
    prediction: Prediction,
    level: Level,
    method: str,
    group: str,
    reason: str,
    by_model: bool,
    review: bool,
    trace: tuple[str, ...],
) -> Decision:
    return Decision(
        level,
        _care(rules, level),
        prediction.probabilities[level],
        prediction.probabilities,
        method,
        group,
        "model" if by_model else "rules",
        False,
        rules.needs_review or review,
        reason,
        (*trace, f"{reason}->{level.label}"),
    )


def _care(rules: RulesAnswer, level: Level) -> str:
    return rules.care_level if level == rules.level else CARE_FOR_LEVEL[level]


def explain(rules: RulesAnswer, prediction: Prediction | None) -> dict[str, Any]:
    """Why, for a person and a program: rule hits as offsets, the model's strongest features,
    what was missing and what was imputed. Holds no text of the patient."""
    return {
        "rules": {
            "level": rules.level.label,
            "floor": rules.floor.label,
            "severity": rules.severity,
            "news2": rules.news2,
            "red_flag": rules.red_flag,
            "hits": [hit.to_json() for hit in rules.hits],
            "reasons": list(rules.reasons),
        },
        "missing": list(rules.missing),
        "model": explain_model(prediction),
    }


def explain_model(prediction: Prediction | None) -> dict[str, Any] | None:
    """The model's part of an explanation; None where it said nothing."""
    if prediction is None:
        return None
    return {
        "level": prediction.level.label,
        "raised_by_threshold": prediction.raised,
        "imputed": list(prediction.imputed),
        "contributions": [
            {"feature": c.feature, "log_odds": six_places(c.log_odds)}
            for c in prediction.contributions
        ],
    }


def six_places(value: float) -> float:
    """As `round(value, 6)`, in half the time.

    A whole number of millionths, divided once, is what `round` gives. It is asked itself where
    that number is 0, which has a sign, and where the product was so near the middle of two that
    its own rounding may have moved it across.
    """
    if -1e3 < value < 1e3:
        millionths = value * 1e6
        whole = round(millionths)
        if whole and -0.499 < millionths - whole < 0.499:
            return whole / 1e6
    return round(value, 6)
