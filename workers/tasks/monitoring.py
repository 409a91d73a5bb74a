from celery import shared_task

from backend.triage.queue import CHECK_ACCURACY, CHECK_DRIFT, PULSE, WATCH_TRIAL
from workers import surveillance, trial

BACKGROUND_LIMIT_SECONDS = 300


@shared_task(name=CHECK_ACCURACY, time_limit=BACKGROUND_LIMIT_SECONDS, acks_late=False)
def check_accuracy() -> dict[str, int]:
    """Make every daily report that is missing; ringing it twice changes nothing."""
    return surveillance.check_accuracy()


@shared_task(name=CHECK_DRIFT, time_limit=BACKGROUND_LIMIT_SECONDS, acks_late=False)
def check_drift() -> dict[str, int]:
    """Make every daily drift report that is missing; ringing it twice changes nothing."""
    return surveillance.check_drift()


@shared_task(name=PULSE, time_limit=BACKGROUND_LIMIT_SECONDS, acks_late=False)
def pulse() -> None:
    """Beat, broker and background worker are alive; alarms that wait are mailed."""
    surveillance.pulse()


@shared_task(name=WATCH_TRIAL, time_limit=BACKGROUND_LIMIT_SECONDS, acks_late=False)
def watch_trial() -> str:
    """Look at the running trial; a guardrail that sounds ends it."""
    return str(trial.watch().get("outcome", "none"))
