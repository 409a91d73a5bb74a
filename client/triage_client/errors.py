"""What can go wrong, as the caller must treat it."""

from typing import Any


class Problem(Exception):
    """The service refused: an RFC 9457 problem document. Sending the same again changes nothing,
    unless `status` is 429 or 503."""

    def __init__(self, status: int, document: dict[str, Any]) -> None:
        super().__init__(f"{status} {document.get('title', '')}: {document.get('detail', '')}")
        self.status = status
        self.document = document

    @property
    def fields(self) -> dict[str, str]:
        """What was expected of each refused field."""
        return {one["field"]: one["message"] for one in self.document.get("errors") or []}


class Unreachable(Exception):
    """No answer after every attempt. Whether the request was accepted is unknown: send it again
    with the same idempotency key."""


class Unanswered(Exception):
    """The request is stored, and was not answered within the time that was given."""
