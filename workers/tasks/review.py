from celery import shared_task

from backend.triage import review
from backend.triage.queue import SAMPLE_REVIEWS

LIMIT_SECONDS = 300


@shared_task(name=SAMPLE_REVIEWS, time_limit=LIMIT_SECONDS, acks_late=False)
def sample() -> int:
    """Draw the cases that clinicians are asked to judge; ringing it twice draws nothing twice."""
    return review.sample()
