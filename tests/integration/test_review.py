"""The review queue: drawn with known probabilities, handed out once, judged blind where it must."""

import hashlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from backend.triage import labels, lifecycle, review
from backend.triage.labels import Given
from backend.triage.values import Author, Finished, Submission
from ml.case import parse_case
from ml.decision import decide
from ml.prediction import Prediction
from ml.rules.engine import assess
from ml.schema import Level
from tests.integration.conftest import SORE_THROAT
from tests.integration.test_lifecycle import opinion

Sql = Callable[..., list[Any]]
DIGEST = "e" * 64
NOBODY = {"random": 0.0, "risky": 0.0, "low_confidence": 0.0, "disagreement": 0.0, "uncertain": 0.0}


@pytest.fixture(autouse=True)
def in_ml_arm(settings: Any) -> None:
    settings.EXPERIMENT_ML_SHARE = 1.0


@pytest.fixture
def author(owner_key: str, sql: Sql) -> Author:
    return Author(key_id=int(sql("SELECT max(id) FROM clients_apikey")[0][0]))


def answered(owner_id: int, count: int, *opinions: Prediction) -> list[UUID]:
    """Requests that a model answered with these opinions in turn; by default a sure `soon`."""
    given = opinions or (opinion(Level.SOON, 0.96),)
    ids = [
        one.id for one in lifecycle.submit(owner_id, [Submission(parse_case(SORE_THROAT))] * count)
    ]
    while True:
        token, rows, _ = lifecycle.claim(256)
        if not rows:
            return ids
        done = []
        for row in rows:
            prediction = given[ids.index(row.id) % len(given)]
            decision = decide(row.rules, prediction, row.arm)
            done.append(Finished(row.id, decision, row.rules, prediction, "v1", DIGEST, 1))
        lifecycle.finish(token, done)


def test_the_uniform_share_is_the_one_that_anybody_can_recompute(
    owner_id: int, settings: Any, sql: Sql
) -> None:
    settings.REVIEW_SHARES = NOBODY | {"random": 0.3}
    ids = answered(owner_id, 400)
    drawn = review.sample(settle_seconds=0)

    def uniform(request_id: UUID) -> float:
        text = f"{review.salt()}random|{request_id}"
        return int(hashlib.sha256(text.encode()).hexdigest()[:13], 16) / 2**52

    expected = {one for one in ids if uniform(one) < 0.3}
    rows = sql("SELECT request_id, probability, random_share FROM triage_reviewsample")
    assert {row[0] for row in rows} == expected
    assert drawn == len(expected)
    assert 65 <= drawn <= 175, "six standard deviations around 120"
    assert {(round(row[1], 9), row[2]) for row in rows} == {(0.3, True)}


def test_each_answer_is_decided_on_once_however_often_it_is_rung(
    owner_id: int, settings: Any, sql: Sql
) -> None:
    settings.REVIEW_SHARES = NOBODY
    answered(owner_id, 5)
    assert review.sample(settle_seconds=0) == 0
    settings.REVIEW_SHARES = NOBODY | {"random": 1.0}
    assert review.sample(settle_seconds=0) == 0, "decided under the shares of its own time"
    [later] = answered(owner_id, 1)
    assert review.sample() == 0, "a young answer is left until its logs are there"
    assert review.sample(settle_seconds=0) == 1
    assert sql("SELECT request_id FROM triage_reviewsample") == [(later,)]


def test_the_strata_are_what_they_say(owner_id: int, settings: Any, sql: Sql) -> None:
    # Whole shares: whoever belongs to a stratum is drawn.
    settings.REVIEW_SHARES = dict.fromkeys(NOBODY, 1.0) | {"random": 0.0}
    said = assess(parse_case(SORE_THROAT)).level
    assert said == Level.ROUTINE
    agreeing = Prediction(said, (0.94, 0.03, 0.02, 0.01))
    risky = Prediction(said, (0.90, 0.02, 0.02, 0.06))
    unsure = Prediction(said, (0.50, 0.30, 0.18, 0.02))
    other = Prediction(Level.SOON, (0.05, 0.93, 0.01, 0.01))
    ids = answered(owner_id, 4, agreeing, risky, unsure, other)
    assert review.sample(settle_seconds=0) == 3
    found = sql("SELECT request_id, stratum, probability FROM triage_reviewsample")
    names = ("risky", "low_confidence", "disagreement")
    assert set(found) == {(one, name, 1.0) for one, name in zip(ids[1:], names, strict=True)}


def test_uncertain_answers_and_both_ways_of_being_drawn(
    owner_id: int, settings: Any, sql: Sql
) -> None:
    settings.REVIEW_SHARES = NOBODY | {"random": 0.2, "uncertain": 0.5}
    close = Prediction(Level.SOON, (0.0, 0.60, 0.40, 0.0))
    near = Prediction(Level.SOON, (0.26, 0.62, 0.12, 0.0))
    tie = Prediction(Level.SOON, (0.01, 0.5, 0.49, 0.0))
    ids = answered(owner_id, 300, close, near, tie)
    review.sample(settle_seconds=0)
    rows = sql("SELECT request_id, stratum, probability FROM triage_reviewsample")
    by_stratum = {name: [r for r in rows if r[1] == name] for name in ("uncertain", "random")}
    assert {ids.index(r[0]) % 3 for r in by_stratum["uncertain"]} == {2}
    assert {round(r[2], 9) for r in by_stratum["uncertain"]} == {0.6}
    assert {round(r[2], 9) for r in by_stratum["random"]} == {0.2}
    assert 30 <= len(by_stratum["uncertain"]) <= 90


def test_the_internal_client_is_never_sampled(settings: Any, database: None, sql: Sql) -> None:
    from backend.clients.keys import create_client

    settings.REVIEW_SHARES = NOBODY | {"random": 1.0}
    answered(create_client("canary"), 2)
    assert review.sample(settle_seconds=0) == 0


def queue_of(owner_id: int, settings: Any, count: int, random: float = 1.0) -> list[UUID]:
    settings.REVIEW_SHARES = NOBODY | {"random": random}
    ids = answered(owner_id, count)
    assert review.sample(settle_seconds=0) == count
    return ids


def test_two_clinicians_never_get_the_same_case(
    owner_id: int, author: Author, settings: Any, sql: Sql
) -> None:
    queue_of(owner_id, settings, 3)
    other = Author(key_id=author.key_id, reviewer="ward 3")
    first = review.next_case([owner_id], author)
    second = review.next_case([owner_id], other)
    assert first is not None
    assert second is not None
    assert first.request_id != second.request_id
    again = review.next_case([owner_id], author)
    assert again is not None
    assert again.request_id == first.request_id, "asking again shows the same"
    sql("UPDATE triage_reviewsample SET leased_until = now() - interval '1 second'")
    assert len(review.next_cases([owner_id], other, 10)) == 3, "a lease ends"
    assert review.next_cases([owner_id], author, 10) == []


def test_a_case_brings_what_is_needed_and_its_read_is_audited(
    owner_id: int, author: Author, settings: Any, sql: Sql
) -> None:
    queue_of(owner_id, settings, 1)
    case = review.next_case([owner_id], author)
    assert case is not None
    assert case.blind
    assert case.case.symptoms_data.chief_complaint == "sore throat for two days, can eat and drink"
    assert case.case.patient_id is None
    assert review.next_case([owner_id + 1], author) is None, "another client's queue"
    read = sql(
        "SELECT actor, client_id, subject FROM clients_auditevent WHERE action = 'review.case_read'"
    )
    assert read == [(author.actor, owner_id, str(case.request_id))]


def test_a_label_ends_the_case_and_says_whether_it_was_blind(
    owner_id: int, author: Author, settings: Any, sql: Sql
) -> None:
    ids = queue_of(owner_id, settings, 3)
    case = review.next_case([owner_id], author)
    assert case is not None
    others = [one for one in ids if one != case.request_id]
    stored = labels.give(owner_id, author, case.request_id, Given(Level.URGENT, 0.8, "other", "x"))
    assert stored is not None
    assert stored.blind
    again = labels.give(owner_id, author, case.request_id, Given(Level.SOON))
    assert again is not None
    assert not again.blind, "the answer was shown with the first label"
    volunteered = labels.give(owner_id, author, others[0], Given(Level.SOON))
    assert volunteered is not None
    assert not volunteered.blind, "it did not come out of the queue"
    left = review.next_cases([owner_id], author, 10)
    assert [one.request_id for one in left] == [others[1]]
    assert labels.newest(ids)[case.request_id].level == Level.SOON
    assert sql("SELECT count(*) FROM triage_clinicianlabel") == [(3,)], "all are kept"


def test_a_label_that_came_before_the_draw_ends_the_case_too(
    owner_id: int, author: Author, settings: Any
) -> None:
    settings.REVIEW_SHARES = NOBODY | {"random": 1.0}
    [early] = answered(owner_id, 1)
    labels.give(owner_id, author, early, Given(Level.SOON))
    assert review.sample(settle_seconds=0) == 1
    assert review.next_case([owner_id], author) is None


def test_a_skipped_case_rests_for_a_day(
    owner_id: int, author: Author, settings: Any, sql: Sql
) -> None:
    [row] = queue_of(owner_id, settings, 1)
    assert not review.skip([owner_id], author, row), "not on this author's screen"
    assert review.next_case([owner_id], author)
    assert review.skip([owner_id], author, row)
    assert review.next_case([owner_id], author) is None
    sql("UPDATE triage_reviewsample SET leased_until = leased_until - interval '24 hours'")
    assert review.next_case([owner_id], author)


def test_a_case_that_does_not_open_blocks_nobody(
    owner_id: int, author: Author, settings: Any, sql: Sql
) -> None:
    ids = queue_of(owner_id, settings, 2)
    broken = ids[0]
    sql("UPDATE triage_triagepayload SET sealed = sealed || '\\x00' WHERE request_id = %s", broken)
    assert [one.request_id for one in review.next_cases([owner_id], author, 5)] == [ids[1]]
    assert sql("SELECT skips FROM triage_reviewsample WHERE request_id = %s", broken) == [(1,)]


def test_only_samples_have_a_known_probability(owner_id: int, settings: Any, sql: Sql) -> None:
    settings.REVIEW_SHARES = NOBODY | {"random": 0.5}
    answered(owner_id, 40)
    drawn = review.sample(settle_seconds=0)
    assert 0 < drawn < 40
    found = sql("SELECT probability, random_share FROM triage_reviewsample")
    assert found == [(0.5, True)] * drawn
