"""Django's PostgreSQL backend with bounds that hold when the server itself stands still.

`statement_timeout` runs in the server: a server that is stopped, or a machine that vanished, never
lets it fire, and the caller would hang for ever. Here the client gives up by itself, closes the
connection (its state is unknown) and raises `OperationalError`, which the API answers with 503.
The database's setting is `CLIENT_SECONDS`; without it nothing is bounded.
"""

import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Self

from django.db import connection, connections, transaction
from django.db.backends.postgresql import base
from psycopg import Connection, Cursor, OperationalError
from psycopg.pq import TransactionStatus

# A connection that was idle is asked first whether it lives; together with a new connection's own
# time-out (2 s) that stays under the 3 s in which a caller is told.
_HEALTH_SECONDS: Final = 0.7
# One that was used so lately is not asked, which would be a round trip for every request: it is
# only looked at whether the server has closed it or said something. A server that stands still
# since then is met by the next statement, which is bounded as well.
_FRESH_SECONDS: Final = 1.0


class _Planned(Cursor[Any]):
    """Has each statement planned once a connection instead of at each execution."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        return super().execute(query, params, **{"prepare": True} | options)


class DatabaseWrapper(base.DatabaseWrapper):
    _used_at = float("-inf")

    def get_connection_params(self) -> dict[str, Any]:
        found: dict[str, Any] = super().get_connection_params()
        self._client_seconds: float | None = found.pop("client_seconds", None)
        # None, Django's default, would forbid prepared statements; cursors of the ORM make none.
        found["prepare_threshold"] = 5
        return found

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        if self._client_seconds is not None:
            _bound(connection, lambda: self._client_seconds, self._was_used)
        return connection

    def planned_cursor(self) -> Any:
        """A cursor for the few statements that every request or batch runs: to plan one of them
        takes PostgreSQL longer than to run it. Parameters travel apart from the text."""
        self.close_if_health_check_failed()
        self.ensure_connection()
        with self.wrap_database_errors:
            cursor = _Planned(self.connection)
        return self._prepare_cursor(cursor)  # type: ignore[attr-defined]

    def _was_used(self) -> None:
        self._used_at = time.monotonic()

    def is_usable(self) -> bool:
        lately = time.monotonic() - self._used_at < _FRESH_SECONDS
        if lately and not self.errors_occurred and _is_quiet(self.connection):
            return True
        before, self._client_seconds = self._client_seconds, _HEALTH_SECONDS
        try:
            return bool(super().is_usable())
        finally:
            self._client_seconds = before


@contextmanager
def unhurried(seconds: float) -> Iterator[None]:
    """A transaction whose statements may take so long: for checks that no patient waits for."""
    bounded: Any = connection
    connection.ensure_connection()  # a new one would bring its own bound with it
    before = getattr(bounded, "_client_seconds", None)
    bounded._client_seconds = None if before is None else seconds + 1
    try:
        # The commit is inside: it checks what was deferred, and may take as long as the rest.
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, TRUE)", [f"{seconds:g}s"])
            yield
    finally:
        bounded._client_seconds = before


def plan_by_index() -> None:
    """Connections that this process makes from now on find rows by an index, in its order.

    Plans are kept, also one that was made of an almost empty table. There it costs least to read
    and sort all of it; done again and again while the table grows, until the next ANALYZE, it costs
    more with each row. For workers' children, which claim and finish and read no whole days.
    """
    by_index = " -c enable_seqscan=off -c enable_bitmapscan=off"
    connections.settings["default"]["OPTIONS"]["options"] += by_index


def _is_quiet(connection: Connection[Any]) -> bool:
    """Whether the server has neither closed the connection nor sent what nobody asked for."""
    if connection.closed or connection.info.transaction_status is not TransactionStatus.IDLE:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)


def _bound(
    connection: Connection[Any], seconds: Callable[[], float | None], used: Callable[[], None]
) -> None:
    """Every wait of this connection ends after `seconds()`, with the connection closed; `used` is
    told of each that the server answered."""
    wait = connection.wait

    def bounded(generator: Any, *arguments: Any, **options: Any) -> Any:
        limit = seconds()
        started = time.monotonic()
        try:
            answer = wait(generator, *arguments, **{"timeout": limit} | options)
        except OperationalError:
            if limit is not None and time.monotonic() - started >= limit:
                connection.pgconn.finish()
            raise
        used()
        return answer

    connection.wait = bounded  # type: ignore[method-assign, assignment]


def planned_cursor() -> Any:
    """`DatabaseWrapper.planned_cursor` of this thread's connection."""
    ours: Any = connection
    return ours.planned_cursor()
