"""The trial's tests: by hand, against published values, and over a thousand simulated trials."""

from dataclasses import dataclass
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from ml.errors import InvalidCase
from ml.experiment import (
    Pairs,
    PhaseSeen,
    Seen,
    exact_mcnemar,
    gain_interval,
    look,
    next_share,
    one_sided,
    ratio_alpha,
    two_sided,
)
from ml.plan import Plan, Terms, draw_digest, parse_terms

TERMS = Terms()
PLAN = Plan(
    model_version="m1",
    model_digest="a" * 64,
    rules_version="1.1.0",
    minimum_confidence=0.6,
    draw_digest=draw_digest("s", "p"),
)


# --- The statistics ------------------------------------------------------------------------------


def test_exact_mcnemar_against_published_values() -> None:
    # Sign-test table of Siegel, Nonparametric Statistics 1956, table D: P(X <= 2 | 12) = 0.019.
    assert exact_mcnemar(2, 10) == pytest.approx(2 * 0.019287109375)
    assert exact_mcnemar(10, 2) == exact_mcnemar(2, 10)
    assert exact_mcnemar(0, 0) == 1.0
    assert exact_mcnemar(3, 3) == 1.0


def test_e_values_are_the_integrals_that_they_stand_for() -> None:
    ratio = quad(lambda p: (p / 0.3) ** 4 * ((1 - p) / 0.7) ** 5, 0, 1)[0]
    assert float(np.exp(two_sided(4, 9, 0.3))) == pytest.approx(ratio)
    above = quad(lambda p: (p / 0.3) ** 4 * ((1 - p) / 0.7) ** 5, 0.3, 1)[0] / 0.7
    assert float(np.exp(one_sided(4, 9, 0.3))) == pytest.approx(above)


def test_an_e_value_starts_at_one_and_its_mean_never_rises_under_the_null() -> None:
    """The supermartingale itself, exactly: the expectation over the next observation."""
    for null in (0.05, 0.5):
        assert float(one_sided(0, 0, null)) == pytest.approx(0, abs=1e-12)
        for n in range(12):
            for k in range(n + 1):
                now = np.exp(one_sided(k, n, null))
                for truth in (null, null / 2):
                    hit, miss = np.exp(one_sided([k + 1, k], n + 1, null))
                    assert truth * hit + (1 - truth) * miss <= now * (1 + 1e-9)
                hit, miss = np.exp(two_sided([k + 1, k], n + 1, null))
                now = np.exp(two_sided(k, n, null))
                assert null * hit + (1 - null) * miss == pytest.approx(now)


def test_strong_evidence_for_the_null_is_no_evidence_against_it() -> None:
    """Naive logarithms of underflown tails give astronomically large e-values here."""
    assert float(np.exp(one_sided(100_000, 1_000_000, 0.5))) == 0
    assert float(one_sided(400_000, 1_000_000, 0.5)) < 0


def test_a_share_of_all_or_none_is_contradicted_by_one_patient() -> None:
    assert float(two_sided(10, 10, 1.0)) == 0
    assert float(two_sided(9, 10, 1.0)) == inf
    assert float(two_sided(1, 10, 0.0)) == inf


@given(st.integers(0, 80), st.integers(0, 80), st.integers(0, 300))
def test_the_interval_holds_the_point_and_mirrors(b: int, c: int, same: int) -> None:
    n = b + c + same
    low, high = gain_interval(b, c, n)
    assert -1 <= low <= high <= 1
    if n:
        assert low <= (b - c) / n <= high
    other_low, other_high = gain_interval(c, b, n)
    assert (other_low, other_high) == pytest.approx((-high, -low), abs=1e-6)


def test_the_interval_covers_the_truth_at_every_look_together() -> None:
    """300 trials of 1,500 pairs, looked at every 50: at most 5 % ever exclude the true gain."""
    chance, truth = np.random.default_rng(1), (0.13, 0.08, 0.79)
    missed = 0
    for _ in range(300):
        counts = chance.multinomial(50, truth, size=30).cumsum(axis=0)
        for b, c, same in counts[[0, 3, 9, 29]]:
            low, high = gain_interval(int(b), int(c), int(b + c + same))
            if not low <= truth[0] - truth[1] <= high:
                missed += 1
                break
    assert missed <= 0.05 * 300


# --- One look ------------------------------------------------------------------------------------


def seen(
    pairs: Pairs, *, share: float = 0.05, ml: int = 50, rules: int = 950, fell: int = 0
) -> Seen:
    return Seen(pairs, (PhaseSeen(1, share, ml, rules, pairs.n, 7.0),), ml, fell)


def test_a_gain_is_found_and_allows_the_ramp() -> None:
    found = look(TERMS, seen(Pairs(500, 400, 350, 90, 40, 20, 20)))
    assert (found.outcome, found.reasons) == ("better", ())
    assert found.gain == pytest.approx(0.1)
    assert found.gain_low > 0
    assert (found.next_share, found.ramp_blocked_by) == (0.25, ())


def test_under_triage_by_the_model_alone_rolls_back_even_where_it_is_more_accurate() -> None:
    found = look(TERMS, seen(Pairs(500, 400, 350, 90, 40, 40, 10)))
    assert (found.outcome, found.reasons) == ("roll_back", ("under_triage",))
    assert "guardrail" in found.ramp_blocked_by
    # The same numbers the other way round are no reason.
    assert look(TERMS, seen(Pairs(500, 400, 350, 90, 40, 10, 40))).outcome == "better"


def test_too_many_fallbacks_roll_back_and_few_do_not() -> None:
    assert look(TERMS, seen(Pairs(), ml=200, rules=3_800, fell=40)).reasons == ("fallback",)
    assert look(TERMS, seen(Pairs(), ml=200, rules=3_800, fell=8)).reasons == ()


def test_arms_of_the_wrong_size_block_the_ramp_and_do_not_roll_back() -> None:
    found = look(TERMS, seen(Pairs(500, 400, 350, 90, 40, 20, 20), ml=120, rules=880))
    assert found.ramp_blocked_by == ("sample_ratio",)
    assert found.outcome == "better"


def test_a_phase_too_short_or_with_few_labels_blocks_the_ramp() -> None:
    short = Seen(Pairs(10, 8, 8), (PhaseSeen(1, 0.05, 5, 95, 10, 0.5),), 5, 0)
    assert look(TERMS, short).ramp_blocked_by == ("too_few_pairs", "too_short")
    last = Seen(Pairs(100, 80, 80), (PhaseSeen(4, 1.0, 500, 0, 100, 9),), 500, 0)
    assert look(TERMS, last).ramp_blocked_by == ("last_phase",)
    assert look(TERMS, last).next_share is None


def test_the_default_false_alarms_add_up_to_five_percent() -> None:
    t = TERMS
    both = t.accuracy_alpha + t.under_triage_alpha + t.ratio_alpha + t.fallback_alpha
    assert both == pytest.approx(0.05)
    assert ratio_alpha(t) * len(t.shares) == pytest.approx(t.ratio_alpha)
    assert [next_share(t, one) for one in (0.0, *t.shares)] == [0.05, 0.25, 0.5, 1.0, None]


# --- The plan ------------------------------------------------------------------------------------


def test_any_change_of_a_plan_changes_its_hash() -> None:
    assert Plan(**PLAN.model_dump()).digest() == PLAN.digest()
    assert Plan.model_validate_json(PLAN.model_dump_json()).digest() == PLAN.digest()
    changes = {
        "shares": (0.05, 0.25, 0.5),
        "under_triage_alpha": 0.016,
        "model_digest": "b" * 64,
        "draw_digest": draw_digest("s", "q"),
        "labels": "all",
    }
    for name, value in changes.items():
        assert PLAN.model_copy(update={name: value}).digest() != PLAN.digest(), name


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "plan"),
        ({"shares": []}, "plan.shares"),
        ({"shares": [0.5, 0.5]}, "shares"),
        ({"shares": [0.5, 0.2]}, "shares"),
        ({"shares": [0.5, 1.5]}, "plan.shares"),
        ({"shares": "all"}, "plan.shares"),
        ({"minimum_days": -1}, "plan.minimum_days"),
        ({"minimum_pairs": 1.5}, "plan.minimum_pairs"),
        ({"under_triage_alpha": 0.5}, "plan.under_triage_alpha"),
        ({"labels": "some"}, "plan.labels"),
        ({"secret": 1}, "plan: unknown field"),
    ],
)
def test_a_bad_plan_is_refused_by_field(body: object, field: str) -> None:
    with pytest.raises(InvalidCase) as caught:
        parse_terms(body)
    assert [one.field.removeprefix("plan.") for one in caught.value.errors] == [
        field.removeprefix("plan.")
    ]
    assert "secret" not in str(caught.value)


def test_an_empty_plan_takes_the_defaults() -> None:
    assert parse_terms({}) == TERMS
    assert parse_terms({"shares": [0.1, 1], "minimum_days": 1}).shares == (0.1, 1.0)


# --- A thousand trials ---------------------------------------------------------------------------

DAYS, LABELS_A_DAY, PATIENTS_A_DAY = 90, 40, 400
# How often only the model, only the rules are right; only the model, only the rules under-triage.
EQUAL = (0.10, 0.10, 0.05, 0.05)


@dataclass(frozen=True)
class World:
    """What is true of the two predictors, and of fallbacks and assignment."""

    right: tuple[float, float] = EQUAL[:2]
    under: tuple[float, float] = EQUAL[2:]
    fallbacks: float = 0.01
    drawn_share: float = 0.25


@dataclass(frozen=True)
class Simulated:
    """Day of the first alarm of each kind and trial; 0 where none came."""

    better: np.ndarray
    worse: np.ndarray
    under: np.ndarray
    fallback: np.ndarray
    ratio: np.ndarray

    def any(self) -> float:
        """Share of the trials in which anything sounded."""
        found = (self.better, self.worse, self.under, self.fallback, self.ratio)
        return float(np.any([one > 0 for one in found], axis=0).mean())


def simulate(world: World, runs: int, seed: int, share: float = 0.25) -> Simulated:
    """Trials of 90 days with a look every day, through the functions that a real look calls."""
    chance = np.random.default_rng(seed)

    def each_day(n: int, p: tuple[float, ...]) -> np.ndarray:
        kept = (*p, 1 - sum(p))
        return chance.multinomial(n, kept, size=(runs, DAYS)).cumsum(axis=1)

    def first(log_e: np.ndarray, alpha: float) -> np.ndarray:
        sounds = log_e >= np.log(1 / alpha)
        return np.where(sounds.any(axis=1), sounds.argmax(axis=1) + 1, 0)

    right, under = each_day(LABELS_A_DAY, world.right), each_day(LABELS_A_DAY, world.under)
    differ = right[..., 0] + right[..., 1]
    accuracy = first(two_sided(right[..., 0], differ, 0.5), TERMS.accuracy_alpha)
    ahead = np.take_along_axis(right, np.maximum(accuracy - 1, 0)[:, None, None], 1)[:, 0]
    is_better = ahead[:, 0] > ahead[:, 1]
    harm = one_sided(under[..., 0], under[..., 0] + under[..., 1], 0.5)
    patients = PATIENTS_A_DAY * np.arange(1, DAYS + 1)
    drawn = each_day(PATIENTS_A_DAY, (world.drawn_share,))[..., 0]
    fell = chance.binomial(int(PATIENTS_A_DAY * share), world.fallbacks, (runs, DAYS)).cumsum(1)
    fallback = one_sided(fell, int(PATIENTS_A_DAY * share) * np.arange(1, DAYS + 1), 0.05)
    return Simulated(
        better=np.where(is_better, accuracy, 0),
        worse=np.where(is_better, 0, accuracy),
        under=first(harm, TERMS.under_triage_alpha),
        fallback=first(fallback, TERMS.fallback_alpha),
        ratio=first(two_sided(drawn, patients, share), ratio_alpha(TERMS)),
    )


def taken(days: np.ndarray) -> str:
    """Trials in which it sounded, and the labelled patients that it took."""
    found = days[days > 0] * LABELS_A_DAY
    if not len(found):
        return f"{0:6.1%}"
    middle, most = np.percentile(found, [50, 90])
    return f"{len(found) / len(days):6.1%}, labelled patients {middle:.0f} (90 %: {most:.0f})"


WORLDS = {
    "A/A": World(),
    "gain of 5 points": World(right=(0.125, 0.075)),
    "gain of 10 points": World(right=(0.15, 0.05)),
    "under-triage +3 points": World(under=(0.065, 0.035)),
    "under-triage +6 points": World(under=(0.08, 0.02)),
    "loss of 5 points": World(right=(0.075, 0.125)),
    "10 % fallbacks": World(fallbacks=0.10),
    "arms 27:73 for 25:75": World(drawn_share=0.27),
}


def test_a_thousand_trials_with_daily_looks(capsys: pytest.CaptureFixture[str]) -> None:
    """A/A false alarms of any kind under 5 %; a planted gain and a planted harm are found."""
    found = {name: simulate(world, 1_000, seed=2026) for name, world in WORLDS.items()}
    with capsys.disabled():
        for name, one in found.items():
            kinds = ("better", "worse", "under", "fallback", "ratio")
            print(f"\n  {name}: any alarm {one.any():.1%}")
            print("\n".join(f"    {kind:9} {taken(getattr(one, kind))}" for kind in kinds))
    assert found["A/A"].any() < 0.05
    assert (found["gain of 5 points"].better > 0).mean() > 0.95
    assert (found["gain of 5 points"].worse > 0).mean() < 0.01
    assert (found["under-triage +3 points"].under > 0).mean() > 0.95
    assert (found["loss of 5 points"].worse > 0).mean() > 0.95
    assert (found["10 % fallbacks"].fallback > 0).mean() > 0.99
    assert (found["arms 27:73 for 25:75"].ratio > 0).mean() > 0.95


def test_fixed_sample_tests_would_cry_wolf_under_the_same_looks() -> None:
    """Why not McNemar's p every day: peeking at it, at 5 %, is wrong in far more trials."""
    chance = np.random.default_rng(3)
    counts = chance.multinomial(LABELS_A_DAY, (0.1, 0.1, 0.8), (1_000, DAYS)).cumsum(axis=1)
    b, c = counts[..., 0], counts[..., 1]
    z = np.abs(b - c) / np.sqrt(np.maximum(b + c, 1))
    assert (z > 1.96).any(axis=1).mean() > 0.25


def test_the_simulation_is_what_a_look_says() -> None:
    """The same path, day by day through `look`, sounds on the same day."""
    world = WORLDS["under-triage +6 points"]
    days = simulate(world, 1, seed=5).under
    chance = np.random.default_rng(5)
    kept = [(*one, 1 - sum(one)) for one in (world.right, world.under)]
    right, under = (
        chance.multinomial(LABELS_A_DAY, p, size=(1, DAYS)).cumsum(axis=1)[0] for p in kept
    )
    for day in range(1, DAYS + 1):
        pairs = Pairs(
            n=LABELS_A_DAY * day,
            model_right_only=int(right[day - 1, 0]),
            rules_right_only=int(right[day - 1, 1]),
            model_under_only=int(under[day - 1, 0]),
            rules_under_only=int(under[day - 1, 1]),
        )
        if look(TERMS, seen(pairs)).outcome == "roll_back":
            break
    assert day == days[0]
