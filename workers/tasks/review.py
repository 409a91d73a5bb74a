from celery import shared_task

from backend.triage import review
from backend.triage.queue import REPLAY, SAMPLE_REVIEWS
from workers import replays

LIMIT_SECONDS = 300


@shared_task(name=SAMPLE_REVIEWS, time_limit=LIMIT_SECONDS, acks_late=False)
def sample() -> int:
    """Draw the cases that clinicians are asked to judge; ringing it twice draws nothing twice."""
    return review.sample()


@shared_task(name=REPLAY, time_limit=LIMIT_SECONDS, acks_late=False)
def replay() -> int:
    """Make the answers again that somebody asked for; what is done is not done twice."""
    return replays.run_waiting()
