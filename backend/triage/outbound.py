"""One POST to an address that a client chose, and to nothing else.

The name is resolved once; every address it has must be public, and the connection goes to exactly
the address that was checked, so that a name that changes its mind reaches nothing. No redirect is
followed. `WEBHOOK_ALLOWED_NETWORKS` lets addresses of one's own in, and plain http to them.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from contextlib import suppress
from typing import Final
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

CONNECT_SECONDS: Final = 5.0
# However slowly a receiver drips.
TOTAL_SECONDS: Final = 15.0
MOST_URL_CHARACTERS: Final = 500
# Addresses that carry an IPv4 address inside, which is where packets go: NAT64.
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Refused(Exception):
    """Nothing was sent; `code` says why in one word."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def check_url(url: str) -> SplitResult:
    """What can be known of a URL without asking anybody. Raises `Refused`."""
    if len(url) > MOST_URL_CHARACTERS or not url.isascii() or not url.isprintable() or " " in url:
        raise Refused("url")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise Refused("url") from None
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise Refused("url")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise Refused("url")
    with suppress(ValueError):
        _permit(ipaddress.ip_address(parts.hostname), parts.scheme)
    if parts.scheme == "http" and not settings.WEBHOOK_ALLOWED_NETWORKS:
        raise Refused("https_needed")
    return parts


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Send; the status of the answer. Raises `Refused`, and `OSError` or
    `http.client.HTTPException` where nothing came back."""
    parts = check_url(url)
    host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
    connection = _Pinned(host, port, _resolve(host, port, parts.scheme), parts.scheme)
    watch = threading.Timer(TOTAL_SECONDS, connection.cut)
    watch.daemon = True
    watch.start()
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, headers)
        return int(connection.getresponse().status)
    finally:
        watch.cancel()
        connection.close()


class _Pinned(http.client.HTTPConnection):
    """A connection to one checked address, under the name that the certificate must show."""

    def __init__(self, host: str, port: int, address: Address, scheme: str) -> None:
        super().__init__(host, port, timeout=CONNECT_SECONDS)
        self._address = str(address)
        self._tls = ssl.create_default_context() if scheme == "https" else None
        self.default_port = 443 if self._tls else 80

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), CONNECT_SECONDS)
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host)

    def cut(self) -> None:
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


def _resolve(host: str, port: int, scheme: str) -> Address:
    """The address to connect to: the first, where all may be connected to. Raises `Refused`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Refused("unknown_host") from None
    addresses = [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]
    for address in addresses:
        _permit(address, scheme)
    if not addresses:
        raise Refused("unknown_host")
    return addresses[0]


def _permit(address: Address, scheme: str) -> None:
    inner = _inner(address)
    if any(inner in network for network in settings.WEBHOOK_ALLOWED_NETWORKS):
        return
    if scheme != "https":
        raise Refused("https_needed")
    # `is_global` is false for private, loopback, link-local, shared and reserved ranges.
    if not inner.is_global or inner.is_multicast:
        raise Refused("address")


def _inner(address: Address) -> Address:
    """Where packets to this address go in the end."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address
