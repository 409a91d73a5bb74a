"""Which ports this start uses: asked for, or the ones of the last start, or free ones."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Mapping

from backend.stack.errors import StackError

NAMES = ("web", "flower", "postgres", "redis")
HOST = "127.0.0.1"

# Below Linux's ephemeral range: an outgoing connection of some other program can never sit on our
# port between two starts.
_LOWEST, _HIGHEST = 20_000, 32_000


class PortTakenError(StackError):
    """A port that was asked for by name is in use or is no port."""


def choose(environ: Mapping[str, str], previous: Mapping[str, int]) -> dict[str, int]:
    """One free loopback port for each of NAMES, all different.

    WEB_PORT, FLOWER_PORT, POSTGRES_PORT and REDIS_PORT decide; otherwise the port of the
    previous start where it is still free, so that bookmarks last; otherwise a random free one.

    Raises PortTakenError naming the variable.
    """
    chosen: dict[str, int] = {}
    for name in NAMES:
        variable = f"{name.upper()}_PORT"
        if wanted := environ.get(variable):
            chosen[name] = _asked_for(variable, wanted, chosen)
    for name in NAMES:
        if name not in chosen:
            before = previous.get(name, 0)
            reusable = before not in chosen.values() and is_free(before)
            chosen[name] = before if reusable else _random_free(chosen)
    return {name: chosen[name] for name in NAMES}


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    if not 0 < port < 65_536:
        return False
    with socket.socket() as probe:
        # As servers do: connections of the last run that are still in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _asked_for(variable: str, wanted: str, chosen: Mapping[str, int]) -> int:
    port = int(wanted) if wanted.isdecimal() else 0
    if port in chosen.values() or not is_free(port):
        raise PortTakenError(f"{variable}={wanted}: this port is in use or not usable")
    return port


def _random_free(chosen: Mapping[str, int]) -> int:
    for _ in range(1_000):
        port = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST)
        if port not in chosen.values() and is_free(port):
            return port
    raise PortTakenError(f"no free port between {_LOWEST} and {_HIGHEST} was found")
