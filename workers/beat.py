"""Beat's scheduler that lives through a database that is away.

django-celery-beat catches a database's error where it asks whether the timetable changed, not where
it reads the timetable: a restart of PostgreSQL at that moment ends beat with a traceback.
"""

from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, connection
from django_celery_beat.schedulers import DatabaseScheduler

from backend.logs import failure
from workers import schedule

log = structlog.get_logger()


class Scheduler(DatabaseScheduler):  # type: ignore[misc]  # carries no types
    """Keeps the timetable that it knows until the database can be read again."""

    _installed = False

    def setup_schedule(self) -> None:
        """The timetable is in the database only; reading it makes the rows that are missing."""
        assert self.schedule is not None

    def all_as_schedule(self) -> dict[str, Any]:
        try:
            if not self._installed:
                schedule.install()
                self._installed = True
            found: dict[str, Any] = super().all_as_schedule()
            return found
        except (DatabaseError, InterfaceError) as error:
            log.warning("beat.database_unavailable", **failure(error))
            connection.close()
            # As if it had not been read yet: the next tick tries again.
            self._initial_read = True
            return dict(self._schedule or {})
