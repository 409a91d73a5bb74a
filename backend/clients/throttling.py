"""Where the limits stand in the way of a request: per client, and per address for wrong keys."""

import hashlib
import ipaddress
import threading
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.http import HttpRequest
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from backend.clients.keys import Caller
from backend.clients.limits import limiter

if TYPE_CHECKING:
    from rest_framework.views import APIView

_MOST_KNOWN: Final = 1_000


class ClientThrottle(BaseThrottle):
    """Every call with a key counts for the key's client, whatever process takes it."""

    _wait: float | None = None

    def allow_request(self, request: Request, view: "APIView") -> bool:
        if not isinstance(request.user, Caller):
            return True
        limiter.start()
        per_minute = request.user.requests_per_minute or settings.CLIENT_REQUESTS_PER_MINUTE
        self._wait = limiter.take(f"client:{request.user.client_id}", per_minute)
        return self._wait == 0

    def wait(self) -> float | None:
        return self._wait


class KeyGuard:
    """Wrong keys are limited per address. A key that was right here before passes all the same:
    nobody who shares an address with an attacker is locked out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[bytes, None] = {}

    def check(self, request: HttpRequest, key: bytes) -> None:
        """Before a key is looked up. Raises `Throttled` (429) for an address that guesses."""
        wait = limiter.spent(_subject(request))
        if wait and hashlib.sha256(key).digest() not in self._known:
            raise Throttled(wait)

    def right(self, key: bytes) -> None:
        """A key was right: from now on it passes whatever its address does."""
        digest = hashlib.sha256(key).digest()
        if digest in self._known:
            return
        with self._lock:
            while len(self._known) >= _MOST_KNOWN:
                del self._known[next(iter(self._known))]
            self._known[digest] = None

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
