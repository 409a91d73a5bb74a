from celery import shared_task

from backend.triage import retention
from backend.triage.queue import RETENTION

LIMIT_SECONDS = 300


@shared_task(name=RETENTION, time_limit=LIMIT_SECONDS, acks_late=False)
def retain() -> dict[str, int]:
    """Finish what erasures were ordered, then delete what is too old; killed, it goes on later."""
    return {"erased": retention.erase_pending(), "deleted": retention.retain()}
