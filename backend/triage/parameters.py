"""What a request says beside its body: who calls, ids, headers, query parameters.

Everything is taken exactly or refused by name; a preference (RFC 7240) alone is never an error.
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.http import Http404
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from backend.clients.keys import Caller

_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_WAIT = re.compile(r'wait\s*=\s*"?(\d{1,6})"?')


@dataclass(frozen=True, slots=True)
class Preferences:
    """`Prefer`: how long to wait for the answer (seconds, capped), and whether 202 is preferred."""

    wait: int
    respond_async: bool

    def applied(self) -> str:
        """For `Preference-Applied`; empty where nothing was preferred."""
        named = ["respond-async"] if self.respond_async else []
        return ", ".join([*named, *([f"wait={self.wait}"] if self.wait else [])])


def caller_of(request: Request) -> Caller:
    caller = request.user
    assert isinstance(caller, Caller)  # the permission classes have checked it
    return caller


def parse_id(text: str) -> UUID:
    """Malformed is the same 404 as absent."""
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None


def idempotency_key(key: str | None) -> str | None:
    """The header as it was sent, if it was. Raises `ParseError`."""
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        raise ParseError("Idempotency-Key: expected 1 to 200 visible ASCII characters.")
    return key


def preferences(header: str) -> Preferences:
    """What a `Prefer` header asks for; empty: nothing."""
    wait, respond_async = 0, False
    for one in re.split(r"[,;]", header):
        if found := _WAIT.fullmatch(one.strip()):
            wait = min(int(found.group(1)), settings.MAX_WAIT_SECONDS)
        respond_async = respond_async or one.strip().lower() == "respond-async"
    return Preferences(wait, respond_async)


def query_wait(request: Request) -> int:
    wait = seconds(request.query_params.get("wait", "0"))
    if wait is None:
        raise ParseError(f"wait: expected whole seconds, 0 to {settings.MAX_WAIT_SECONDS}.")
    return wait


def seconds(text: str) -> int | None:
    """How long a read may wait; None where the text is no such number."""
    if _is_digits(text) and int(text) <= settings.MAX_WAIT_SECONDS:
        return int(text)
    return None


def only(request: Request, known: Iterable[str]) -> dict[str, str]:
    """The query parameters, each given once. One that nobody reads is refused: a misspelt filter
    must not show everything."""
    known = sorted(known)
    for name in request.query_params:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f"did you mean {near[0]}?" if near else f"expected {', '.join(known)}."
            raise ParseError(f"A query parameter is unknown: {meant}")
        if len(request.query_params.getlist(name)) > 1:
            raise ParseError(f"{name}: expected once.")
    return {name: str(text) for name, text in request.query_params.items()}


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9
