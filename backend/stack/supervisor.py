"""Starts the services in order, keeps them alive, stops them in the reverse order.

One thread and one loop: signals only set a flag, children write their own logs, and the death
signal of every child is tied to this very thread.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

from backend.stack.errors import StackError
from backend.stack.logfile import LogFile
from backend.stack.process import Process
from backend.stack.services import Service, Stage

# A process that lived this long was healthy: its next death counts as the first again.
HEALTHY_SECONDS = 60.0
LOUD_FAILURES = 3
STORE_FAILURES = 5
_FIRST_DELAY, _LONGEST_DELAY = 0.25, 30.0
_TICK = 0.05
_ONE_STOP_SECONDS = 0.5
# After a service spoke on the terminal: a fault that repeats itself must not fill the screen.
_SILENCE_SECONDS = 30.0
_LINES_AT_ONCE = 3


class StartError(StackError):
    """An essential service failed; the message says which and shows the end of its log."""


class Watched:
    """One service, the process that now runs it, and its failures in a row."""

    def __init__(self, service: Service, logs: Path) -> None:
        self.service = service
        self.log = LogFile(logs / f"{service.name}.log")
        self.process: Process | None = None
        self.failures = 0
        self.wanted = False
        self.start_at = 0.0
        self.checked = not service.unless
        self.finished = False
        self.may_speak_at = 0.0

    @property
    def is_ready(self) -> bool:
        return self.finished or (self.process is not None and self.process.is_ready())

    def died(self, now: float, age: float) -> float:
        """Count a death; return the seconds to wait before the next start."""
        self.failures = 1 if age >= HEALTHY_SECONDS else self.failures + 1
        delay = min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** (self.failures - 1))
        self.start_at = now + delay
        return delay


class Supervisor:
    """Runs a table of services until it is asked to stop.

    `say(name, text)` prints; `environment` is given to every child.
    """

    def __init__(
        self,
        table: Sequence[Service],
        environment: Mapping[str, str],
        root: Path,
        logs: Path,
        say: Callable[[str, str], None],
    ) -> None:
        self._environment = environment
        self._root = root
        self._say = say
        self._watched = [Watched(service, logs) for service in table]
        self._stop_signals = 0
        self._last_signal = 0.0

    @property
    def stopping(self) -> bool:
        return self._stop_signals > 0

    def listen_for_signals(self) -> None:
        """SIGINT, SIGTERM and a closed terminal ask for the end; a second one hurries it."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # `nohup` means: survive the terminal.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._asked_to_stop)

    def start(self, stages: Sequence[Stage] = tuple(Stage)) -> None:
        """Start stage by stage; returns when all are ready, or early when asked to stop.

        A service that is not essential and not ready in time is reported and tried further.
        Raises StartError when an essential one fails.
        """
        for stage in stages:
            waiting = [watched for watched in self._watched if watched.service.stage is stage]
            for watched in waiting:
                watched.wanted = True
            began = time.monotonic()
            while waiting and not self.stopping:
                self._tick()
                waiting = [one for one in waiting if not self._arrived(one, began)]

    def watch(self) -> None:
        """Keep everything running until asked to stop. Raises StartError for a lost store."""
        while not self.stopping:
            self._tick()

    def run_beside(self, service: Service, output: LogFile) -> int | None:
        """Run one more program to its end while watching; returns its exit status.

        None when it was killed: asked to stop meanwhile, or longer than its `start_timeout`.
        """
        process = Process(service, output, self._environment, self._root)
        while process.exit_code() is None:
            if self.stopping or process.age > service.start_timeout:
                process.kill()
                return None
            self._tick()
        return process.exit_code()

    def stop(self) -> None:
        """Stop in the reverse order of the start. A second signal ends all but stores at once."""
        for watched in reversed(self._watched):
            process = watched.process
            watched.process = None
            if process is None or process.exit_code() is not None:
                continue
            began = time.monotonic()
            process.ask_to_stop()
            while process.exit_code() is None:
                hurried = self._stop_signals > 1 and watched.service.stage is not Stage.STORES
                if hurried or time.monotonic() - began > watched.service.grace:
                    self._say(watched.service.name, "did not stop in time: killed")
                    process.kill()
                time.sleep(0.02)
            self._say(watched.service.name, f"stopped ({process.exit_code()})")

    def _asked_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        # One stop can arrive twice: whoever signals a group also reaches make, which passes it on.
        now = time.monotonic()
        if now - self._last_signal > _ONE_STOP_SECONDS:
            self._stop_signals += 1
        self._last_signal = now

    def _tick(self) -> None:
        now = time.monotonic()
        for watched in self._watched:
            if watched.wanted and not watched.finished:
                self._look_after(watched, now)
        time.sleep(_TICK)

    def _look_after(self, watched: Watched, now: float) -> None:
        service, process = watched.service, watched.process
        if process is None:
            if now >= watched.start_at:
                argv = service.argv if watched.checked else service.unless
                watched.process = Process(service, watched.log, self._environment, self._root, argv)
            return
        # The status first: what a process wrote before it died is then read completely.
        code = process.exit_code()
        self._repeat_loud_lines(watched, process, now)
        if code is None:
            return
        watched.process = None
        if service.once:
            self._once_ended(watched, code)
        else:
            self._died(watched, code, now, process.age)

    def _once_ended(self, watched: Watched, code: int) -> None:
        name = watched.service.name
        if not watched.checked and code != 0:
            watched.checked = True
            self._say(name, "not there yet: making it, this can take a while")
            return
        watched.finished = True
        if code != 0 and watched.service.essential:
            raise self._given_up(watched, f"failed ({code})")
        if code != 0:
            watched.failures = 1
            self._say(name, self._epitaph(watched, f"failed ({code}); going on without it"))

    def _died(self, watched: Watched, code: int, now: float, age: float) -> None:
        delay = watched.died(now, age)
        text = f"ended ({code}), starting again in {delay:.1f} s"
        if code > 0:  # by itself, so it has probably said why
            text += "".join(f": {line[:150]}" for line in watched.log.last_lines(1))
        if watched.service.stage is Stage.STORES and watched.failures >= STORE_FAILURES:
            raise self._given_up(watched, "cannot be kept running")
        if watched.failures >= LOUD_FAILURES:
            text = self._epitaph(watched, f"KEEPS FAILING, {watched.failures} times now; {text}")
        self._say(watched.service.name, text)

    def _arrived(self, watched: Watched, began: float) -> bool:
        if watched.is_ready:
            failed = watched.service.once and watched.failures > 0
            if (watched.service.ready or watched.service.once) and not failed:
                self._say(watched.service.name, f"ready after {time.monotonic() - began:.1f} s")
            return True
        if time.monotonic() - began < watched.service.start_timeout:
            return False
        if watched.service.essential:
            raise self._given_up(watched, "is not ready in time")
        self._say(watched.service.name, self._epitaph(watched, "is not ready yet; going on"))
        return True

    def _repeat_loud_lines(self, watched: Watched, process: Process, now: float) -> None:
        loud = process.read_log()
        if not loud or watched.service.quiet or now < watched.may_speak_at:
            return
        watched.may_speak_at = now + _SILENCE_SECONDS
        for line in loud[:_LINES_AT_ONCE]:
            self._say(watched.service.name, line[:200])
        if len(loud) > _LINES_AT_ONCE:
            more = len(loud) - _LINES_AT_ONCE
            self._say(watched.service.name, f"… {more} more in {watched.log.path}")

    def _given_up(self, watched: Watched, what: str) -> StartError:
        return StartError(f"{watched.service.name} {self._epitaph(watched, what)}")

    def _epitaph(self, watched: Watched, what: str) -> str:
        last = [f"  | {line[:200]}" for line in watched.log.last_lines(8)]
        return "\n".join([what, *last, f"  see {watched.log.path}"])
