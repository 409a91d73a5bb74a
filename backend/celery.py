"""The one Celery app: broker, queues, limits, JSON only. It names no task.

Every setting has its reason here; FAULTS were measured with the defaults.
"""

import os
from typing import Any

import structlog
from celery import Celery, signals
from django.conf import settings
from kombu.transport import redis

from backend import counters
from backend.logs import failure

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings")

log = structlog.get_logger()


class Channel(redis.Channel):
    """A message that is no JSON would end the consumer for good; here it is dropped and said."""

    # With its connection gone kombu would write what is in flight, ids and all, into a file.
    do_restore = False
    _kept: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        """Kombu makes one for every command, which takes four times as long as the command; it
        holds nothing but its pool of connections, so one does for as long as that pool."""
        if asynchronous:
            return super()._create_client(asynchronous=True)  # type: ignore[no-untyped-call]
        if self._kept is None or self._kept.connection_pool is not self.pool:
            self._kept = super()._create_client()  # type: ignore[no-untyped-call]
        return self._kept

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]
        except ValueError as error:  # the message is out of the queue already
            _dropped("no_envelope", error)
            return True


class Transport(redis.Transport):
    """Redis, for queues into which anybody who has the password may have written anything."""

    Channel = Channel

    def _deliver(self, message: Any, queue: str) -> None:
        try:
            super()._deliver(message, queue)  # type: ignore[no-untyped-call]
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            _dropped("envelope_unreadable", error)


_drops = 0


def _dropped(reason: str, error: Exception | None = None) -> None:
    global _drops
    _drops += 1
    counters.dropped(reason)
    log.error("message.dropped", reason=reason, count=_drops, **(failure(error) if error else {}))


@signals.task_unknown.connect  # type: ignore[untyped-decorator]
def _drop_unknown(**kwargs: Any) -> None:
    _dropped("unknown_task")


@signals.task_rejected.connect  # type: ignore[untyped-decorator]
def _drop_rejected(**kwargs: Any) -> None:
    _dropped("unreadable")


def _speaks_redis(url: str) -> bool:
    return url.startswith(("redis://", "rediss://"))


app = Celery("triage", broker=settings.REDIS_URL or None)
app.conf.update(
    # A message is a hint: nothing is read back through Redis, and no patient data can lie there.
    task_ignore_result=True,
    result_backend=None,
    accept_content=["json"],
    task_serializer="json",
    event_serializer="json",
    # Late ack bounds what is in flight; correctness rests on the row, not on the message.
    task_acks_late=True,
    # True would run an input that kills its child again and again, without a cap; the row counts
    # its attempts and the keeper rings again.
    task_reject_on_worker_lost=False,
    # One message a child: a busy child hoards nothing that an idle one could do.
    worker_prefetch_multiplier=1,
    # No soft limit: an exception raised around COMMIT leaves it unknown whether it happened.
    task_time_limit=settings.TASK_HARD_LIMIT_SECONDS,
    # The default of 4 s kills replacement children that load a model slowly, for ever.
    worker_proc_alive_timeout=60,
    worker_soft_shutdown_timeout=10,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_hijack_root_logger=False,
    worker_send_task_events=True,
    # What was sent shows in Flower as soon as a worker has it; a second message for each hint would
    # only say so earlier.
    task_send_sent_event=False,
    task_track_started=True,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # A broker that refuses a command (replica, out of memory, ACL) would otherwise be an
    # "unrecoverable error": the worker's main process stops consuming and never ends.
    broker_channel_error_retry=True,
    # Redis by its URL, with our reader of messages.
    broker_transport="backend.celery:Transport" if _speaks_redis(settings.REDIS_URL) else None,
    broker_transport_options={
        # The same in every process that touches the broker: the shortest wins.
        # Messages in flight are counted in the worker, not written back to Redis, which would cost
        # each two transactions: one that dies with its worker is a hint lost, like any other.
        "ack_emulation": False,
        # Without them a half-open connection blocks a consumer silently for ever.
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 5,
    },
    task_default_queue="background",
    # Routed by name: a sender by name does not see a task's decorator.
    task_routes={
        "triage.predict": {"queue": "triage"},
        "triage.*": {"queue": "background"},
        "monitoring.*": {"queue": "background"},
        "review.*": {"queue": "background"},
        "models.*": {"queue": "background"},
        "maintenance.*": {"queue": "background"},
    },
    timezone="UTC",
    enable_utc=True,
    # Celery's Django fixup would close the connection before and after every task: 14 ms of each,
    # for a new one and the plans of its statements. It reads this old name, and only here.
    CELERY_DB_REUSE_MAX=10_000,
)
