from celery import shared_task

from backend.triage.queue import RETRAIN
from workers import retraining

# Deciding, and comparing a shadow; the training itself runs in a process of its own.
LIMIT_SECONDS = 600


@shared_task(name=RETRAIN, time_limit=LIMIT_SECONDS, acks_late=False)
def retrain() -> str:
    """Decide once a day whether a new model is wanted, and start its training; ringing it twice
    decides nothing twice."""
    return retraining.daily()
