"""Promise 14: one report a day and model, however often rung; too few labels are said aloud."""

import datetime as dt
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.db import connection

from backend.monitoring import alerts, presence
from backend.triage import labels, lifecycle
from backend.triage.labels import Given
from backend.triage.values import Author, Finished, Submission
from ml.case import parse_case
from ml.decision import decide
from ml.schema import Level
from tests.eventually import eventually
from tests.integration.conftest import SORE_THROAT, Api
from tests.integration.processes import Processes
from tests.integration.test_lifecycle import opinion
from workers import schedule, surveillance

Sql = Callable[..., list[Any]]
DIGEST = "a" * 64
NOON = dt.datetime(2026, 3, 10, 12, tzinfo=dt.UTC)


@pytest.fixture
def key_id(owner_key: str, sql: Sql) -> int:
    return int(sql("SELECT max(id) FROM clients_apikey")[0][0])


@pytest.fixture
def labelled(
    owner_id: int, key_id: int, sql: Sql, settings: Any
) -> Callable[[dt.date, int, int], None]:
    """Makes answers of one model on a day, some of which the clinician agrees with."""
    settings.EXPERIMENT_ML_SHARE = 1.0

    def make(day: dt.date, right: int, wrong: int) -> None:
        cases = [Submission(parse_case(SORE_THROAT))] * (right + wrong)
        ids = [one.id for one in lifecycle.submit(owner_id, cases)]
        token, rows, _ = lifecycle.claim(len(ids))
        done = []
        for row in rows:
            prediction = opinion(Level.SOON)
            decision = decide(row.rules, prediction, row.arm)
            done.append(Finished(row.id, decision, row.rules, prediction, "v1", DIGEST, 1))
        assert lifecycle.finish(token, done).answered == len(ids)
        given = done[0].decision.level
        other = Level.ROUTINE if given != Level.ROUTINE else Level.SOON
        for number, request_id in enumerate(ids):
            level = given if number < right else other
            assert labels.give(owner_id, Author(key_id=key_id), request_id, Given(level))
        at = dt.datetime.combine(day, dt.time(9), dt.UTC)
        sql(
            "UPDATE triage_clinicianlabel SET created_at = %s WHERE created_at > now() - interval"
            " '1 minute'",
            at,
        )
        sql("UPDATE triage_triagerequest SET accepted_at = least(accepted_at, %s)", at)

    return make


def reports_of(sql: Sql) -> list[Any]:
    return sql(
        "SELECT day, state, labels, round(accuracy::numeric, 4)::float8"
        " FROM monitoring_accuracyreport WHERE model_digest = %s ORDER BY day",
        DIGEST,
    )


def test_low_accuracy_is_reported_mailed_and_alarmed_once(
    labelled: Callable[[dt.date, int, int], None], sql: Sql, settings: Any
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    yesterday = NOON.date() - dt.timedelta(days=1)
    labelled(yesterday, 9, 11)
    assert surveillance.check_accuracy(NOON)["reports"] >= 1
    assert reports_of(sql) == [(yesterday, "breach", 20, 0.45)]
    sent = [message for message in mail.outbox if "low_accuracy" in message.subject]
    assert len(sent) == 1
    assert "45.0%" in sent[0].body
    assert sent[0].to == settings.ALERT_EMAILS
    for _ in range(3):
        assert surveillance.check_accuracy(NOON) == {"reports": 0}
    assert len([one for one in mail.outbox if "low_accuracy" in one.subject]) == 1


def test_a_share_under_the_floor_that_chance_may_explain_is_a_warning(
    labelled: Callable[[dt.date, int, int], None], sql: Sql, settings: Any
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    day = NOON.date() - dt.timedelta(days=2)
    labelled(day, 14, 6)
    labelled(day + dt.timedelta(days=1), 16, 4)
    surveillance.check_accuracy(NOON - dt.timedelta(days=1))
    assert reports_of(sql) == [(day, "warning", 20, 0.7)]
    kinds = {one["kind"] for one in alerts.open_alerts()}
    assert "accuracy_warning" in kinds
    assert "low_accuracy" not in kinds
    surveillance.check_accuracy(NOON)
    assert "accuracy_warning" not in {one["kind"] for one in alerts.open_alerts()}


def test_good_accuracy_is_healthy_and_resolves_the_alarm(
    labelled: Callable[[dt.date, int, int], None], sql: Sql, settings: Any
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    day = NOON.date() - dt.timedelta(days=2)
    labelled(day, 10, 10)
    labelled(day + dt.timedelta(days=1), 16, 4)
    surveillance.check_accuracy(NOON)
    states = [row[1] for row in reports_of(sql)]
    assert states == ["breach", "healthy"]
    assert "low_accuracy" not in {one["kind"] for one in alerts.open_alerts()}


def test_too_few_labels_are_said_and_never_pass_as_healthy(
    labelled: Callable[[dt.date, int, int], None], sql: Sql, settings: Any
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    yesterday = NOON.date() - dt.timedelta(days=1)
    labelled(yesterday, 19, 0)
    surveillance.check_accuracy(NOON)
    assert reports_of(sql) == [(yesterday, "insufficient_labels", 19, 1.0)]
    assert "insufficient_labels" in {one["kind"] for one in alerts.open_alerts()}


def test_a_day_without_any_label_is_reported_for_the_serving_model(owner: Api, sql: Sql) -> None:
    owner.post("/api/v1/triage/", SORE_THROAT)
    sql("UPDATE triage_triagerequest SET accepted_at = %s", NOON - dt.timedelta(days=1))
    presence.report("triage", "ready", model_version="v1", model_digest=DIGEST)
    surveillance.check_accuracy(NOON)
    states = [(row[1], row[2]) for row in reports_of(sql)]
    assert states == [("insufficient_labels", 0)]


def test_missed_days_are_caught_up_each_once_with_many_ringers(
    labelled: Callable[[dt.date, int, int], None], sql: Sql, settings: Any
) -> None:
    """Three days without a scheduler, then six at the same moment."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    first = NOON.date() - dt.timedelta(days=3)
    for number in range(3):
        labelled(first + dt.timedelta(days=number), 18, 2)

    def ring() -> None:
        surveillance.check_accuracy(NOON)
        connection.close()

    ringers = [threading.Thread(target=ring) for _ in range(6)]
    for ringer in ringers:
        ringer.start()
    for ringer in ringers:
        ringer.join()
    expected = [(first + dt.timedelta(days=n), "healthy", 20, 0.9) for n in range(3)]
    assert reports_of(sql) == expected


def test_only_the_newest_label_of_a_request_counts(
    labelled: Callable[[dt.date, int, int], None], owner_id: int, key_id: int, sql: Sql
) -> None:
    yesterday = NOON.date() - dt.timedelta(days=1)
    labelled(yesterday, 19, 1)
    request_id, given = sql(
        "SELECT l.request_id, a.level FROM triage_clinicianlabel l JOIN triage_triageanswer a"
        " USING (request_id) WHERE l.level <> a.level"
    )[0]
    labels.give(owner_id, Author(key_id=key_id), request_id, Given(Level(given)))
    at = NOON - dt.timedelta(hours=13)
    sql("UPDATE triage_clinicianlabel SET created_at = %s WHERE created_at > %s", at, NOON)
    surveillance.check_accuracy(NOON)
    assert reports_of(sql) == [(yesterday, "healthy", 20, 1.0)]


def test_answers_of_the_rules_arm_do_not_count_for_the_model(
    labelled: Callable[[dt.date, int, int], None], sql: Sql, settings: Any
) -> None:
    yesterday = NOON.date() - dt.timedelta(days=1)
    labelled(yesterday, 20, 0)
    settings.EXPERIMENT_ML_SHARE = 0.0
    labelled(yesterday, 0, 20)
    surveillance.check_accuracy(NOON)
    assert reports_of(sql) == [(yesterday, "healthy", 20, 1.0)]


def test_beats_timetable_is_made_once_and_keeps_what_was_edited(database: None, sql: Sql) -> None:
    schedule.install()
    before = sql("SELECT name, queue FROM django_celery_beat_periodictask ORDER BY name")
    assert {"Daily accuracy check", "Pulse and waiting mails", "Review queue"} <= {
        name for name, _ in before
    }
    assert {queue for _, queue in before} == {"background"}
    sql("UPDATE django_celery_beat_periodictask SET enabled = false")
    schedule.install()
    after = sql("SELECT name, queue, enabled FROM django_celery_beat_periodictask ORDER BY name")
    assert after == [(name, queue, False) for name, queue in before]


def test_beat_and_the_background_worker_make_the_report(
    processes: Processes, labelled: Callable[[dt.date, int, int], None], sql: Sql
) -> None:
    """Real beat, real broker, real worker, a real mail file; the tick comes every second."""
    yesterday = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    labelled(yesterday, 10, 10)
    schedule.install()
    sql("UPDATE django_celery_beat_intervalschedule SET every = 1")
    sql(
        "UPDATE django_celery_beat_periodictask SET crontab_id = NULL, interval_id ="
        " (SELECT min(id) FROM django_celery_beat_intervalschedule) WHERE name LIKE 'Daily%%'"
    )
    processes.worker("background")
    beat = processes.start("-m", "celery", "-A", "workers.app", "beat", "--loglevel=INFO")
    eventually(lambda: reports_of(sql), 90, what="the report is made")
    assert reports_of(sql) == [(yesterday, "breach", 20, 0.5)]
    mails = Path(processes.environment["STATE_DIR"]) / "mail"

    def mailed() -> bool:  # a file is there before its text is
        return mails.is_dir() and any("low_accuracy" in one.read_text() for one in mails.iterdir())

    eventually(mailed, what="the alarm is mailed")
    assert beat.poll() is None
    pulses = "SELECT count(*) FROM monitoring_workerstate WHERE kind = 'background'"
    eventually(lambda: sql(pulses) == [(1,)], 40, what="the pulse goes round")
