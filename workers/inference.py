"""Claim, predict, decide, record: where rows meet the model.

One drain serves whatever is due, for about a second, then rings again: batches form by
themselves under load and cost no waiting when idle.
"""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db import Error, connection

from backend import counters
from backend.logs import failure
from backend.monitoring import alerts
from backend.triage import lifecycle
from backend.triage.values import Claim, Claimed, FinishCounts, Finished, Opinion
from ml.bundle import Bundle
from ml.case import TriageCase
from ml.decision import NoPrediction, Policy, decide
from ml.prediction import Prediction
from ml.rules.answer import RulesAnswer
from workers.model_process import process

log = structlog.get_logger()

# A shadow that needs longer for a batch would cost patients their time: it is set aside.
SHADOW_SECONDS: Final = 0.5
_FINISH_TRIES: Final = 3
_FINISH_PAUSE_SECONDS: Final = 0.2


class DrainFailed(Exception):
    """A drain ended early. Its text is an error's type only: Flower and logs show it."""


class Bell:
    """Whether hints reach this child: while one is served, and for a moment after."""

    def __init__(self) -> None:
        self._serving = 0
        self._heard_at = -math.inf

    @contextmanager
    def rung(self) -> Iterator[None]:
        self._serving += 1
        try:
            yield
        finally:
            self._serving -= 1
            self._heard_at = time.monotonic()

    def heard_within(self, seconds: float) -> bool:
        return self._serving > 0 or time.monotonic() - self._heard_at < seconds


bell = Bell()


@dataclass
class Drained:
    """Rows of one drain: claimed, newly answered, of those by fallback, written by nobody."""

    claimed: int = 0
    answered: int = 0
    fallback: int = 0
    stale: int = 0

    def add(self, claimed: int, counts: FinishCounts) -> None:
        self.claimed += claimed
        self.answered += counts.answered
        self.fallback += counts.fallback
        self.stale += counts.stale


def drain() -> dict[str, int]:
    """Serve due rows for at most `DRAIN_SECONDS`. Raises `DrainFailed`; leases then run out and
    the rows are claimed again."""
    drained = Drained()
    try:
        _drain(drained)
    except Exception as error:
        counters.drain_failed()
        log.error("drain.failed", claimed=drained.claimed, **failure(error))
        connection.close()
        raise DrainFailed(type(error).__name__) from None
    return vars(drained)


def _drain(drained: Drained) -> None:
    """Claim until nothing is due: what comes meanwhile needs no hint of its own."""
    until = time.monotonic() + settings.DRAIN_SECONDS
    rung, may_be_lost = False, True
    while True:
        fresh = lifecycle.claim(settings.BATCH_ROWS)
        is_backlog = len(fresh.rows) == settings.BATCH_ROWS
        if is_backlog and not rung:
            # There is more than one batch: wake the other children at once.
            rung = bool(lifecycle.ring_for_due())
        _serve(drained, fresh)
        again = None
        # In a backlog a claim does not say whether a row was lost: once a drain it is looked for,
        # and on from each that is found.
        if fresh.lost or (is_backlog and may_be_lost):
            # One at a time: whatever killed its worker can harm only itself.
            again = lifecycle.claim_lost()
            _serve(drained, again, again=True)
            may_be_lost = bool(again.rows)
        if not fresh.rows and not (again and again.rows):
            return
        if time.monotonic() >= until:
            lifecycle.ring_for_due()
            return


def _serve(drained: Drained, claim: Claim, *, again: bool = False) -> None:
    """One batch from its claim to its commit."""
    token, claimed = claim.token, claim.rows
    if not claimed:
        return
    finished = _decide_all(claimed)
    # Whatever cost a row its first worker may have been the shadow: later attempts go without.
    if not again:
        finished = _with_shadow(claimed, finished)
    started = time.perf_counter()
    counts = _finish(token, finished)
    counters.stage("commit", time.perf_counter() - started)
    drained.add(len(claimed), counts)
    log.info(
        "batch.finished",
        batch_id=str(token),
        claimed=len(claimed),
        answered=counts.answered,
        fallback=counts.fallback,
        request_ids=[str(row.id) for row in claimed],
    )
    _alarm(claimed, counts)


def _alarm(claimed: Sequence[Claimed], counts: FinishCounts) -> None:
    """What an operator must know of this batch; a patient's answer never waits for it."""
    if counts.amended:
        text = "A model's late opinion raised an answer that the rules had given; see review."
        alerts.raise_alert("amended", "triage", text)
    if any(row.case is None for row in claimed):
        text = "A stored payload does not open with the keys at hand; the rules answered."
        alerts.raise_alert("payload_unreadable", "triage", text)
    if any("rules_failed" in row.rules.reasons for row in claimed):
        text = "The rules raised an error; those requests were answered urgent, for review."
        alerts.raise_alert("rules_failed", "triage", text)


def _decide_all(claimed: Sequence[Claimed]) -> list[Finished]:
    served = process.current  # one model for the whole batch, whatever is promoted meanwhile
    started = time.perf_counter()
    opinions = _predict(served, claimed)
    seconds = time.perf_counter() - started
    counters.stage("predict", seconds)
    each_us = int(seconds * 1e6 / len(claimed))
    policy = served.policy if served else Policy()
    return [
        Finished(
            id=row.id,
            decision=decide(row.rules, opinion, row.arm, policy),
            rules=row.rules,
            prediction=opinion if isinstance(opinion, Prediction) else None,
            model_version=served.version if served else "",
            model_digest=served.digest if served else "",
            latency_us=each_us,
        )
        for row, opinion in zip(claimed, opinions, strict=True)
    ]


def _predict(served: Bundle | None, claimed: Sequence[Claimed]) -> list[Prediction | NoPrediction]:
    """One opinion a row, in order. One bad row costs the others nothing."""
    if served is None:
        return ["no_model"] * len(claimed)
    readable = [(row.case, row.rules) for row in claimed if row.case is not None]
    try:
        found = iter(served.predictor.predict_many(readable))
        return [next(found) if row.case is not None else "prediction_failed" for row in claimed]
    except Exception as error:
        log.error("predict.batch_failed", count=len(claimed), **failure(error))
    return [_predict_one(served, row) for row in claimed]


def _predict_one(served: Bundle, row: Claimed) -> Prediction | NoPrediction:
    if row.case is None:
        return "prediction_failed"
    try:
        return served.predictor.predict_many([(row.case, row.rules)])[0]
    except Exception as error:
        log.error("predict.row_failed", request_id=str(row.id), **failure(error))
        return "prediction_failed"


def _with_shadow(claimed: Sequence[Claimed], finished: list[Finished]) -> list[Finished]:
    """Beside each decision what the shadow model says of the row. Nothing that the shadow does
    changes a decision; a row that it fails on is simply not logged for it."""
    shadow, served = process.shadow, process.current
    readable = [
        (place, row.case, row.rules) for place, row in enumerate(claimed) if row.case is not None
    ]
    if shadow is None or not readable or (served and served.digest == shadow.digest):
        return finished
    started = time.perf_counter()
    said = _shadow_opinions(shadow, [(case, rules) for _, case, rules in readable], started)
    seconds = time.perf_counter() - started
    counters.stage("shadow", seconds)
    if seconds > SHADOW_SECONDS:
        process.complain_of_shadow(shadow.digest, "too_slow", stop=True)
    elif None in said:
        process.complain_of_shadow(shadow.digest, "prediction_failed", stop=False)
    each_us = int(seconds * 1e6 / len(readable))
    beside = list(finished)
    for (place, _, _), prediction in zip(readable, said, strict=True):
        if prediction is not None:
            opinion = Opinion(shadow.version, shadow.digest, prediction, each_us)
            beside[place] = replace(finished[place], unserved=(opinion,))
    return beside


def _shadow_opinions(
    shadow: Bundle, rows: list[tuple[TriageCase, RulesAnswer]], started: float
) -> list[Prediction | None]:
    """The shadow's predictions in order; None where it raised, or ran out of time."""
    try:
        whole = shadow.predictor.predict_many(rows, explain=False)
        if len(whole) == len(rows) and all(map(_is_sound, whole)):
            return list(whole)
    except Exception as error:
        log.error("shadow.batch_failed", count=len(rows), **failure(error))
    found: list[Prediction | None] = []
    for row in rows:
        late = time.perf_counter() - started > SHADOW_SECONDS
        found.append(None if late else _shadow_opinion(shadow, row))
    return found


def _shadow_opinion(shadow: Bundle, row: tuple[TriageCase, RulesAnswer]) -> Prediction | None:
    try:
        found = shadow.predictor.predict_many([row], explain=False)[0]
    except Exception:  # logged once, for its batch
        return None
    return found if _is_sound(found) else None


def _is_sound(prediction: Prediction) -> bool:
    """A number that JSON cannot carry would fail the statement of the whole batch."""
    return all(math.isfinite(share) for share in prediction.probabilities)


def _finish(token: UUID, finished: Sequence[Finished]) -> FinishCounts:
    """Commit, and once more where the connection broke: whether the first try was committed is
    unknown then, and the token makes a second one harmless."""
    for remaining in reversed(range(_FINISH_TRIES)):
        try:
            counts = lifecycle.finish(token, finished)
        except Error as error:
            if not remaining:
                raise
            log.warning("finish.retried", **failure(error))
            connection.close()
            time.sleep(_FINISH_PAUSE_SECONDS)
        else:
            if counts.stale:
                log.warning("finish.stale", stale=counts.stale)
            return counts
    raise AssertionError("unreachable")
