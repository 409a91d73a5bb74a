"""Where worker and beat start: `celery -A workers.app worker …`."""

import contextlib
from typing import Any

import structlog
from billiard import pool
from celery import signals
from django.db import Error, close_old_connections

from backend.celery import app
from backend.postgres.base import plan_by_index
from backend.triage.queue import TRIAGE_QUEUE

app.conf.imports = (
    "workers.tasks.triage",
    "workers.tasks.monitoring",
    "workers.tasks.review",
    "workers.tasks.models",
    "workers.tasks.maintenance",
    "workers.tasks.training",
)
app.conf.beat_scheduler = "workers.beat:Scheduler"
app.conf.worker_consumer = "workers.consumer:Consumer"

# Tenths of a second that a child which ends waits for its main process to read its last word. A
# main process that ends forgets a task which no child has acknowledged yet, and then reads nothing
# more: with the default such a child held the worker for half a minute, longer than the grace of
# 20 s. The rows say what was done: nothing is lost with a word that is not read.
pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = 50


@signals.setup_logging.connect
def _keep_our_logging(**kwargs: Any) -> None:
    """Connected so that Celery leaves logging as Django's settings made it."""


@signals.worker_ready.connect
def _show_metrics(**kwargs: Any) -> None:
    from backend.monitoring import exporter  # models: not before Django is set up

    exporter.serve("triage" if _serves_triage() else "background")


def _serves_triage() -> bool:
    return TRIAGE_QUEUE in app.amqp.queues.consume_from


@signals.worker_process_init.connect
def _start_child(**kwargs: Any) -> None:
    # Only children that serve triage hold a model; a background child never needs one.
    if _serves_triage():
        from workers import lookout, model_process

        plan_by_index()
        model_process.start()
        lookout.start()


@signals.task_prerun.connect
def _check_connection(**kwargs: Any) -> None:
    # It is kept from task to task; one that broke or is too old goes, and the task makes another.
    close_old_connections()


@signals.task_prerun.connect
def _name_task(task_id: str, **kwargs: Any) -> None:
    structlog.contextvars.bind_contextvars(task_id=task_id)


@signals.task_postrun.connect
def _forget_task(**kwargs: Any) -> None:
    structlog.contextvars.clear_contextvars()


@signals.worker_shutdown.connect
def _bury_children(**kwargs: Any) -> None:
    # The end in order: what is dead now is not silent. A failure only delays that by an hour.
    from backend.monitoring import presence  # models: not before Django is set up

    with contextlib.suppress(Error):
        presence.bury("triage")


__all__ = ["app"]
