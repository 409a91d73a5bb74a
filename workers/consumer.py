"""The worker's main process: first hand work to a child, then tell whoever watches."""

import time
from typing import Any, Final

from celery.worker import consumer

# How long what happened may wait to be told, to Flower, together with what happens meanwhile.
EVENTS_SECONDS: Final = 0.1


class Consumer(consumer.Consumer):  # type: ignore[misc]
    """Celery's, which would publish that a message is here before it gives it to a child, and each
    event alone: about a millisecond of every answer, and three messages a task."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._tells_at = 0.0
        super().__init__(*arguments, **options)

    def on_send_event_buffered(self) -> None:
        # By the clock and not by a mark: a lost connection takes the timers with it.
        now = time.monotonic()
        if self.hub and now >= self._tells_at:
            self._tells_at = now + EVENTS_SECONDS
            self.hub.call_later(EVENTS_SECONDS, self._flush_events)
