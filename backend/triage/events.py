"""The events of a request, read: for streams, in the order in which they happened."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from ml.schema import LEVELS

_SELECT = """
SELECT request_id, sequence, kind, level, at FROM triage_event
WHERE request_id = ANY(%s) ORDER BY request_id, sequence"""


@dataclass(frozen=True, slots=True)
class Event:
    """One step: `accepted` 1; `answered` or `cancelled` 2; `amended` 3. Nothing clinical but the
    level that was answered."""

    request_id: UUID
    sequence: int
    kind: str
    level: str | None
    at: datetime

    def to_json(self) -> dict[str, Any]:
        shown = {"id": self.sequence, "type": self.kind, "request": str(self.request_id)}
        at = self.at.isoformat().replace("+00:00", "Z")
        return shown | {"at": at} | ({"level": self.level} if self.level else {})

    def to_stream(self) -> str:
        """As the HTML standard's event stream writes it."""
        data = json.dumps(self.to_json(), separators=(",", ":"))
        return f"id: {self.sequence}\nevent: {self.kind}\ndata: {data}\n\n"


def of(ids: Iterable[UUID]) -> dict[UUID, list[Event]]:
    """All events of these requests; one statement. Unscoped: the callers were let in by a scoped
    read."""
    found: dict[UUID, list[Event]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_SELECT, [list(ids)])
        for request_id, sequence, kind, level, at in cursor.fetchall():
            name = None if level is None else LEVELS[level]
            found.setdefault(request_id, []).append(Event(request_id, sequence, kind, name, at))
    return found


def stream(events: Iterable[Event], after: int) -> str:
    """Those that come after the event with this id."""
    return "".join(event.to_stream() for event in events if event.sequence > after)
