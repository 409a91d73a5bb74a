"""Beat's timetable, kept in the database (UTC) where an operator may change it.

Missing rows are made when beat starts; rows that exist stay as they were edited. The daily checks
are rung every hour: each makes the reports that are missing, so a day is never skipped by a beat
that was down, and two beats make nothing twice.
"""

from typing import Any, Final

from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from backend.triage.queue import (
    CHECK_ACCURACY,
    CHECK_DRIFT,
    MODEL_ORDERS,
    PULSE,
    REPLAY,
    RETENTION,
    RETRAIN,
    SAMPLE_REVIEWS,
    WATCH_TRIAL,
)

PULSE_SECONDS: Final = 20
TRIAL_SECONDS: Final = 300
QUEUE: Final = "background"


def install() -> None:
    """Make the rows that are missing."""
    hourly, _ = CrontabSchedule.objects.get_or_create(minute="7", hour="*", timezone="UTC")
    often, _ = IntervalSchedule.objects.get_or_create(
        every=PULSE_SECONDS, period=IntervalSchedule.SECONDS
    )
    trial, _ = IntervalSchedule.objects.get_or_create(
        every=TRIAL_SECONDS, period=IntervalSchedule.SECONDS
    )
    # An entry expires before its next run: a broker that was away is not flooded with old ones.
    _entry(CHECK_ACCURACY, "Daily accuracy check", crontab=hourly, expire_seconds=3_000)
    _entry(CHECK_DRIFT, "Daily drift check", crontab=hourly, expire_seconds=3_000)
    _entry(PULSE, "Pulse and waiting mails", interval=often, expire_seconds=PULSE_SECONDS - 2)
    _entry(RETENTION, "Retention and erasures", crontab=hourly, expire_seconds=3_000)
    _entry(REPLAY, "Replays", interval=often, expire_seconds=PULSE_SECONDS - 2)
    _entry(MODEL_ORDERS, "Orders for models", interval=often, expire_seconds=PULSE_SECONDS - 2)
    _entry(RETRAIN, "Should we retrain", crontab=hourly, expire_seconds=3_000)
    _entry(SAMPLE_REVIEWS, "Review queue", interval=often, expire_seconds=PULSE_SECONDS - 2)
    _entry(WATCH_TRIAL, "Look at the trial", interval=trial, expire_seconds=TRIAL_SECONDS - 20)


def _entry(task: str, name: str, **options: Any) -> None:
    PeriodicTask.objects.get_or_create(
        name=name, defaults={"task": task, "queue": QUEUE, **options}
    )
