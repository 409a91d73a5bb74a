"""A TCP relay between a process and a store that can swallow packets: a half-open connection.

`swallow()` leaves every present connection open and silent for ever, as a vanished machine or a
dropping firewall does; connections made later pass.
"""

import contextlib
import selectors
import socket
import threading
from typing import Any, Self

from backend.stack.ports import HOST


class Proxy:
    def __init__(self, port: int, listen: int = 0) -> None:
        self._target = port
        self._listener = socket.create_server((HOST, listen))
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._peers: dict[socket.socket, socket.socket] = {}
        self._silent: list[socket.socket] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._relay, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(5)
        for one in [self._listener, *self._peers, *self._silent]:
            one.close()
        self._selector.close()

    def swallow(self) -> int:
        """From now on nothing passes through the present connections; how many there are."""
        with self._lock:
            count = len(self._peers) // 2
            for one in list(self._peers):
                self._selector.unregister(one)
                self._silent.append(one)
            self._peers.clear()
            return count

    def _relay(self) -> None:
        while not self._stop.is_set():
            for key, _ in self._selector.select(timeout=0.05):
                with self._lock:
                    self._serve(key.fileobj)

    def _serve(self, ready: Any) -> None:
        if ready is self._listener:
            client, _ = self._listener.accept()
            try:
                server = socket.create_connection((HOST, self._target), timeout=2)
            except OSError:
                client.close()
                return
            for one, peer in ((client, server), (server, client)):
                self._peers[one] = peer
                self._selector.register(one, selectors.EVENT_READ)
            return
        if ready not in self._peers:
            return  # swallowed between select and here
        try:
            data = ready.recv(65_536)
            if data:
                self._peers[ready].sendall(data)
                return
        except OSError:
            pass
        self._close(ready)

    def _close(self, one: socket.socket) -> None:
        peer = self._peers.pop(one)
        self._peers.pop(peer, None)
        for end in (one, peer):
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(end)
            end.close()
