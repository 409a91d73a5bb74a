from celery import shared_task

from backend.triage.queue import MODEL_ORDERS
from workers import orders

LIMIT_SECONDS = 300


@shared_task(name=MODEL_ORDERS, time_limit=LIMIT_SECONDS, acks_late=False)
def carry_out() -> int:
    """Do what people ordered in the console; ringing it twice does nothing twice."""
    return orders.carry_out()
