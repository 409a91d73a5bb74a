"""What happens in a child between fork and exec: who it is, and what kills it."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
# Loaded before any fork: the child must not import.
_LIBC = ctypes.CDLL(None, use_errno=True)


def before_exec(death_signal: signal.Signals, own_namespace: bool) -> Callable[[], None]:
    """A `preexec_fn`: the kernel sends `death_signal` to the child when we die, however we die.

    The death signal follows the thread that forks, so children are started from the main thread
    only. `own_namespace` makes the child uid 1 of a private user namespace, where it is an
    ordinary user and its files still belong to whoever starts it. Linux only; elsewhere the child
    is started plainly.
    """
    parent = os.getpid()

    def run() -> None:
        if own_namespace:
            user, group = os.geteuid(), os.getegid()
            if _LIBC.unshare(_CLONE_NEWUSER):
                raise OSError(ctypes.get_errno(), "unshare")
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"1 {user} 1")
            Path("/proc/self/gid_map").write_text(f"1 {group} 1")
        if sys.platform == "linux":
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal))
            if os.getppid() != parent:  # it died before we asked to be told
                os._exit(1)

    return run


def namespaces_allowed() -> bool:
    """Whether a private user namespace can be made; default Docker containers refuse."""
    try:
        return (
            subprocess.run(
                ["true"], preexec_fn=before_exec(signal.SIGTERM, own_namespace=True), check=False
            ).returncode
            == 0
        )
    except subprocess.SubprocessError:
        return False
