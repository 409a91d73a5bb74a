"""A fair trial of the model against the rules: tests that stay valid however often one looks.

Both predictors see every case, so a labelled patient is a pair: right or wrong by each. Only the
pairs on which they differ speak, as in McNemar's test. The sequential tests are e-processes:
averages of likelihood ratios over all alternatives, with a uniform weight. Under the null an
e-process reaches 1/alpha with probability at most alpha, at any time and any number of looks
(Ville 1939; Robbins, Ann Math Stat 1970;41:1397; the mixture SPRT of Johari et al., Oper Res
2022;70:1806; Ramdas et al., Stat Sci 2023;38:576). They depend on counts only, so nothing must be
kept between two looks, and the order in which labels arrive does not matter.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import betaincc, betaln, gammaln, xlogy
from scipy.stats import binomtest

from ml.plan import Terms

Floats = npt.NDArray[np.float64]
Counts = npt.ArrayLike
Outcome = Literal["continue", "better", "worse", "roll_back"]

INTERVAL: Final = 0.95


@dataclass(frozen=True, slots=True)
class Pairs:
    """Labelled patients, one pair each. `*_only` counts those on whom just one of the two was
    right, or just one was under-triaged (answered below the clinician's level)."""

    n: int = 0
    model_right: int = 0
    rules_right: int = 0
    model_right_only: int = 0
    rules_right_only: int = 0
    model_under_only: int = 0
    rules_under_only: int = 0


@dataclass(frozen=True, slots=True)
class PhaseSeen:
    """One phase: patients who entered the trial in it, by arm; the phase's labelled patients."""

    number: int
    ml_share: float
    ml_patients: int
    rules_patients: int
    pairs: int
    days: float


@dataclass(frozen=True, slots=True)
class Seen:
    """All that a look at the trial is made of; `phases` are in order, the last is running."""

    pairs: Pairs
    phases: tuple[PhaseSeen, ...]
    ml_answers: int
    ml_fallbacks: int


@dataclass(frozen=True, slots=True)
class Test:
    """One sequential test: it sounds when its e-value reaches `threshold`, and then stays."""

    e_value: float
    threshold: float

    @property
    def sounds(self) -> bool:
        return self.e_value >= self.threshold


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one look says. `gain` is the model's accuracy minus that of the rules; its interval
    covers the truth at all looks together with 95 %. `mcnemar_p` may be read once, at the end."""

    outcome: Outcome
    reasons: tuple[str, ...]
    gain: float | None
    gain_low: float
    gain_high: float
    mcnemar_p: float
    mcnemar_under_triage_p: float
    accuracy: Test
    under_triage: Test
    fallback: Test
    ratio: tuple[Test, ...]
    next_share: float | None
    ramp_blocked_by: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON knows no infinity: an e-value is cut at 1e300."""
        found = asdict(self)
        for test in (found["accuracy"], found["under_triage"], found["fallback"], *found["ratio"]):
            test["e_value"] = min(test["e_value"], 1e300)
            test["sounds"] = test["e_value"] >= test["threshold"]
        return found


def exact_mcnemar(first_only: int, second_only: int) -> float:
    """Two-sided exact p of McNemar's test (Psychometrika 1947;12:153): the discordant pairs
    against a fair coin. 1.0 without any. Valid for one look."""
    n = first_only + second_only
    return float(binomtest(first_only, n, 0.5).pvalue) if n else 1.0


def two_sided(hits: Counts, n: Counts, null: float) -> Floats:
    """Log e-value against a probability of exactly `null`: the mixture over all probabilities
    with a uniform weight, which is B(hits+1, misses+1) over the null's likelihood. With `null`
    the planned share it is the sequential sample-ratio test of Lindon and Malek (NeurIPS 2022).
    Elementwise; `null` 0 or 1 gives infinity at the first count that contradicts it."""
    k, total = np.asarray(hits, float), np.asarray(n, float)
    if null in (0.0, 1.0):
        against = k if null == 0.0 else total - k
        return np.where(against > 0, np.inf, 0.0)
    return np.asarray(betaln(k + 1, total - k + 1) - _log_likelihood(k, total, null))


def one_sided(hits: Counts, n: Counts, null: float) -> Floats:
    """Log e-value against every probability of at most `null` (0 < null < 1): the mixture over
    the larger ones. Each of its parts is a supermartingale under the whole null. Elementwise."""
    k, total = np.asarray(hits, float), np.asarray(n, float)
    with np.errstate(divide="ignore"):  # no weight at all above the null: an e-value of 0
        above = np.log(betaincc(k + 1, total - k + 1, null))
    mixture = betaln(k + 1, total - k + 1) + above - np.log1p(-null)
    return np.asarray(mixture - _log_likelihood(k, total, null))


def _log_likelihood(hits: Floats, n: Floats, probability: float) -> Floats:
    return np.asarray(xlogy(hits, probability) + (n - hits) * np.log1p(-probability))


def gain_interval(
    first_only: int, second_only: int, n: int, confidence: float = INTERVAL
) -> tuple[float, float]:
    """Confidence sequence for P(first only) − P(second only): covers the truth at every look at
    once. The differences whose best fitting multinomial is not refuted by the Dirichlet(1,1,1)
    mixture (Robbins 1970); the fit under a given difference is Tango's (Stat Med 1998;17:891)."""
    if not n:
        return (-1.0, 1.0)
    b, c, same = first_only, second_only, n - first_only - second_only
    counts = np.array([b, c, same], float)
    mixture = float(gammaln(3) - gammaln(n + 3) + gammaln(counts + 1).sum())
    least = mixture + float(np.log(1 - confidence))

    def over(difference: float) -> float:
        return _best_fit(b, c, same, difference) - least

    point, edge = (b - c) / n, 1 - 1e-12
    low = -1.0 if over(-edge) > 0 else float(brentq(over, -edge, point))
    high = 1.0 if over(edge) > 0 else float(brentq(over, point, edge))
    return low, high


def _best_fit(b: int, c: int, same: int, difference: float) -> float:
    """The largest log-likelihood of the three counts whose first two shares differ so."""
    n = b + c + same
    linear = -b - c + (2 * n - b + c) * difference
    root = np.sqrt(max(linear**2 + 8 * n * c * difference * (1 - difference), 0.0))
    second = max((root - linear) / (4 * n), 0.0, -difference)
    second = min(second, (1 - difference) / 2)
    shares = np.array([second + difference, second, 1 - 2 * second - difference])
    return float(xlogy([b, c, same], np.maximum(shares, 1e-300)).sum())


def ratio_alpha(terms: Terms) -> float:
    """Each phase's part of the sample-ratio test's alpha."""
    return terms.ratio_alpha / len(terms.shares)


def look(terms: Terms, seen: Seen) -> Verdict:
    """One look at the trial. Nothing is remembered between looks, so one may look at any time.

    Rolls back on under-triage that the model alone commits, and on fallbacks above the limit. A
    mismatch of the arms' sizes blocks the ramp: it means that assignment or logging is broken.
    """
    pairs = seen.pairs
    discordant = pairs.model_right_only + pairs.rules_right_only
    accuracy = _test(two_sided(pairs.model_right_only, discordant, 0.5), terms.accuracy_alpha)
    under = pairs.model_under_only + pairs.rules_under_only
    harm = _test(one_sided(pairs.model_under_only, under, 0.5), terms.under_triage_alpha)
    fallback = _test(
        one_sided(seen.ml_fallbacks, seen.ml_answers, terms.fallback_limit), terms.fallback_alpha
    )
    ratio = tuple(
        _test(two_sided(p.ml_patients, p.ml_patients + p.rules_patients, p.ml_share), alpha)
        for p, alpha in ((phase, ratio_alpha(terms)) for phase in seen.phases)
    )
    reasons = [
        name
        for name, sounds in (("under_triage", harm.sounds), ("fallback", fallback.sounds))
        if sounds
    ]
    better = pairs.model_right_only > pairs.rules_right_only
    outcome: Outcome = "continue"
    if reasons:
        outcome = "roll_back"
    elif accuracy.sounds:
        outcome = "better" if better else "worse"
    low, high = gain_interval(pairs.model_right_only, pairs.rules_right_only, pairs.n)
    following = next_share(terms, seen.phases[-1].ml_share) if seen.phases else None
    return Verdict(
        outcome=outcome,
        reasons=tuple(reasons),
        gain=(pairs.model_right_only - pairs.rules_right_only) / pairs.n if pairs.n else None,
        gain_low=low,
        gain_high=high,
        mcnemar_p=exact_mcnemar(pairs.model_right_only, pairs.rules_right_only),
        mcnemar_under_triage_p=exact_mcnemar(pairs.model_under_only, pairs.rules_under_only),
        accuracy=accuracy,
        under_triage=harm,
        fallback=fallback,
        ratio=ratio,
        next_share=following,
        ramp_blocked_by=_blocks(terms, seen.phases, outcome, ratio, following),
    )


def next_share(terms: Terms, share: float) -> float | None:
    """The share of the phase after one of `share`; None after the last."""
    return next((one for one in terms.shares if one > share), None)


def _blocks(
    terms: Terms,
    phases: Sequence[PhaseSeen],
    outcome: Outcome,
    ratio: Sequence[Test],
    following: float | None,
) -> tuple[str, ...]:
    running = phases[-1] if phases else None
    found = {
        "last_phase": following is None,
        "guardrail": outcome == "roll_back",
        "accuracy_worse": outcome == "worse",
        "sample_ratio": any(test.sounds for test in ratio),
        "too_few_pairs": running is None or running.pairs < terms.minimum_pairs,
        "too_short": running is None or running.days < terms.minimum_days,
    }
    return tuple(name for name, blocked in found.items() if blocked)


def _test(log_e: Floats, alpha: float) -> Test:
    with np.errstate(over="ignore"):
        return Test(float(np.exp(log_e)), 1 / alpha)
