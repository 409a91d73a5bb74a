"""One web process: gunicorn starts it, watches it and ends it; uvicorn serves in it.

gunicorn's own ASGI worker reads HTTP in Python. Here a parser in C does (`backend.wire`), and what
surrounds it is uvicorn's. Nothing is taken from a caller's word: no forwarded header is believed,
and no connection becomes anything else than HTTP.
"""

import asyncio
import gc
import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import Any, Final

import uvicorn
import uvloop
from gunicorn.workers.base import Worker

_TICK_SECONDS: Final = 1
# Less than the master grants: what is cut off at last is still told so.
_BEFORE_THE_END_SECONDS: Final = 1
# Objects that hold others, about those of a large batch.
_COLLECT_AFTER: Final = 50_000
# How long a thread that computes keeps the interpreter from others who wait for it: the loop, the
# lanes and the doorbell take turns. With Python's 5 ms a caller in a hundred waits for several.
_SWITCH_SECONDS: Final = 0.001


class Server(uvicorn.Server):
    """uvicorn's, which on SIGTERM takes no new callers and answers those it has."""

    def __init__(self, config: uvicorn.Config, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(config)
        self._loop = loop
        self._told_to_end = asyncio.Event()

    def end(self, *, at_once: bool = False) -> None:
        """`at_once`: nobody is waited for. May be called by a signal."""
        self.should_exit = True
        self.force_exit = self.force_exit or at_once
        self._loop.call_soon_threadsafe(self._told_to_end.set)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self.end()

    async def startup(self, sockets: Any = None) -> None:
        """As uvicorn's, with doors of ours."""
        from backend.doorkeeper import Door

        await super().startup(sockets=[])
        if self.should_exit:  # told so while the application was starting
            return
        self.servers: list[Any] = [Door(self._loop, one, self._connection) for one in sockets]

    def _connection(self) -> asyncio.Protocol:
        protocol: Any = self.config.http_protocol_class
        connection: asyncio.Protocol = protocol(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return connection

    async def main_loop(self) -> None:
        """As uvicorn's, but it looks once a second and not ten times: an idle process sleeps."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told_to_end.wait(), _TICK_SECONDS)

    async def shutdown(self, sockets: Any = None) -> None:
        """First tell those who wait what is known: the server would wait for their waiting."""
        from backend.triage.waiting import room

        room.close()
        await super().shutdown(sockets)


class WebProcess(Worker):  # type: ignore[misc]  # gunicorn carries no types
    """gunicorn's worker around uvicorn's server."""

    _server: Server | None = None

    def init_signals(self) -> None:
        """uvicorn takes SIGTERM and SIGINT while it serves, and raises them again when it has
        ended: by then, as before it begins, they do nothing but set `alive`."""
        for one in self.SIGNALS:
            signal.signal(one, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, self.handle_exit)
        signal.signal(signal.SIGINT, self.handle_exit)
        signal.signal(signal.SIGABRT, self.handle_abort)
        signal.signal(signal.SIGUSR1, self.handle_usr1)
        signal.siginterrupt(signal.SIGUSR1, False)

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """At once: nobody is waited for."""
        if self._server is not None:
            self._server.end(at_once=True)

    def run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        # After the fork, because it reads Django's settings.
        from backend import doorkeeper, wire

        loop = asyncio.get_running_loop()
        limits = wire.Limits(
            target=self.cfg.limit_request_line,
            fields=self.cfg.limit_request_fields,
            field=self.cfg.limit_request_field_size,
        )
        keeper = doorkeeper.Doorkeeper(loop, doorkeeper.room_for_connections())
        config = uvicorn.Config(
            self.wsgi,
            http=wire.protocol(keeper, limits),
            ws="none",
            interface="asgi3",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=self.cfg.backlog,
            timeout_keep_alive=self.cfg.keepalive,
            timeout_notify=_TICK_SECONDS,
            callback_notify=self._still_here,
            timeout_graceful_shutdown=max(1, self.cfg.graceful_timeout - _BEFORE_THE_END_SECONDS),
        )
        self._server = Server(config, loop)
        loop.add_signal_handler(signal.SIGQUIT, self.handle_quit, signal.SIGQUIT, None)
        keeper.sweep()
        # What is loaded by now stays: to look through it for garbage again and again would cost a
        # call a tenth of its time.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_COLLECT_AFTER, 10, 10)
        sys.setswitchinterval(_SWITCH_SECONDS)
        if self.alive:  # nobody has told it to end while it was loading
            await self._server.serve([one.sock for one in self.sockets])

    async def _still_here(self) -> None:
        self.notify()
        if self._server is not None and self.ppid != os.getppid():  # nobody is left to end it
            self._server.end()
