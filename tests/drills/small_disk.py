"""A small file system that only this process and its children see: a disk that can be filled."""

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_NEW_MOUNTS: Final = 0x00020000  # CLONE_NEWNS
_PRIVATE: Final = (1 << 18) | 0x4000  # MS_PRIVATE, MS_REC
_DETACH: Final = 2  # MNT_DETACH
_BLOCK: Final = b"\0" * 65_536


@contextlib.contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[None]:
    """A tmpfs at `place`, in a mount namespace of our own. Raises `PermissionError` where mounting
    is not allowed (not root, or a container without that right)."""
    libc = ctypes.CDLL(None, use_errno=True)

    def call(result: int, what: str) -> None:
        if result:
            raise PermissionError(ctypes.get_errno(), f"{what}: not permitted here")

    call(libc.unshare(_NEW_MOUNTS), "a mount namespace")
    call(libc.mount(b"none", b"/", None, _PRIVATE, None), "private mounts")
    place.mkdir(parents=True, exist_ok=True)
    options = f"size={megabytes}m".encode()
    call(libc.mount(b"tmpfs", os.fsencode(place), b"tmpfs", 0, options), "a tmpfs")
    try:
        yield
    finally:
        libc.umount2(os.fsencode(place), _DETACH)


def fill(ballast: Path) -> int:
    """Write until nothing more fits; how many bytes did."""
    written = 0
    with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while count := file.write(_BLOCK):
            written += count
    return written
