"""Where the limits stand in the way of a request: per client, and per address for wrong keys."""

import hashlib
import ipaddress
import threading
import time
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.http import HttpRequest
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from backend.clients.keys import Caller, find_caller
from backend.clients.limits import limiter

if TYPE_CHECKING:
    from rest_framework.views import APIView

_MOST_KNOWN: Final = 1_000
BELIEVED_SECONDS: Final = 1.0


class ClientThrottle(BaseThrottle):
    """Every call with a key counts for the key's client, whatever process takes it."""

    _wait: float | None = None

    def allow_request(self, request: Request, view: "APIView") -> bool:
        if not isinstance(request.user, Caller):
            return True
        self._wait = counted(request.user)
        return self._wait == 0

    def wait(self) -> float | None:
        return self._wait


def counted(caller: Caller) -> float:
    """One more call of this client: 0.0 when it may pass, else seconds until one may."""
    limiter.start()
    per_minute = caller.requests_per_minute or settings.CLIENT_REQUESTS_PER_MINUTE
    return limiter.take(f"client:{caller.client_id}", per_minute)


class KeyGuard:
    """Wrong keys are limited per address. A key that was right here before passes all the same:
    nobody who shares an address with an attacker is locked out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Who a key belonged to when it was last right, and when that was.
        self._known: dict[bytes, tuple[Caller, float]] = {}

    def check(self, request: HttpRequest, key: bytes) -> None:
        """Before a key is looked up. Raises `Throttled` (429) for an address that guesses."""
        wait = limiter.spent(_subject(request))
        if wait and hashlib.sha256(key).digest() not in self._known:
            raise Throttled(wait)

    def right(self, key: bytes, caller: Caller) -> None:
        """A key was right: from now on it passes whatever its address does."""
        digest = hashlib.sha256(key).digest()
        with self._lock:
            self._known.pop(digest, None)
            while len(self._known) >= _MOST_KNOWN:
                del self._known[next(iter(self._known))]
            self._known[digest] = caller, time.monotonic()

    def lately(self, key: bytes) -> Caller | None:
        """Whose key this is, if it was right here before. What was seen within the last second is
        believed, so a key that is revoked or changed may pass for that long; an older one is
        looked up again."""
        found = self._known.get(hashlib.sha256(key).digest())
        if found is None or time.monotonic() - found[1] < BELIEVED_SECONDS:
            return found and found[0]
        caller = find_caller(key.decode("latin-1"))
        if caller is not None:
            self.right(key, caller)
        return caller

    def wrong(self, request: HttpRequest) -> None:
        """A key was wrong. Raises `Throttled` when that was once too often."""
        limiter.start()
        wait = limiter.take(_subject(request), settings.WRONG_KEYS_PER_MINUTE, burst_seconds=60)
        if wait:
            raise Throttled(wait)


guard = KeyGuard()


def _subject(request: HttpRequest) -> str:
    return f"address:{address(request)}"


def address(request: HttpRequest) -> str:
    """Where a request comes from. `X-Forwarded-For` is believed only as far as our own proxies
    (`TRUSTED_PROXIES`) wrote it; an IPv6 caller is its /64, which it may choose from freely."""
    found = request.META.get("REMOTE_ADDR", "")
    if settings.TRUSTED_PROXIES:
        hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(hops) >= settings.TRUSTED_PROXIES:
            found = hops[-settings.TRUSTED_PROXIES].strip()
    try:
        parsed = ipaddress.ip_address(found)
    except ValueError:
        return "unknown"
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, 64), strict=False).network_address)
    return str(parsed)
