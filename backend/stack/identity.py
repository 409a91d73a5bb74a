"""As whom PostgreSQL runs: it refuses root, and initdb refuses a user without an account entry.

No account is created, no directory of somebody else changed. Three identities:

- an ordinary user runs it as itself;
- root, or a user without an account entry, runs it as uid 1 of a private user namespace;
- root where namespaces are refused (a container) runs it as `nobody`, who then owns the data. If
  a directory above is private, it may pass by the capability to do so, which root hands down.
"""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from backend.stack import launch
from backend.stack.errors import StackError

NOBODY = 65534


class IdentityError(StackError):
    """The database directory belongs to somebody whom we cannot be."""


@dataclass(frozen=True)
class Identity:
    """`prefix` is put before a command, `own_namespace` given to `launch.before_exec`."""

    prefix: tuple[str, ...] = ()
    own_namespace: bool = False
    owner: int | None = None

    def adopt(self, path: Path) -> None:
        """Give a file or directory of ours to this identity."""
        if self.owner is not None:
            os.chown(path, self.owner, self.owner)


def of_database(data: Path) -> Identity:
    """The identity that can run the cluster in `data`, or create it there.

    Raises IdentityError when an existing cluster belongs to another user.
    """
    me = os.geteuid()
    owner = data.stat().st_uid if data.exists() else None
    if me != 0:
        if owner not in (None, me):
            raise IdentityError(f"{data} belongs to uid {owner}: start as that user")
        return Identity(own_namespace=not _has_account(me))
    if owner == NOBODY or (owner is None and not launch.namespaces_allowed()):
        return _nobody(data)
    if owner not in (None, 0):
        raise IdentityError(f"{data} belongs to uid {owner}: start as that user")
    return Identity(own_namespace=True)


def _nobody(data: Path) -> Identity:
    # setpriv sets the death signal itself: changing the user clears the one set before.
    prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    prefix += ["--pdeathsig=INT"]
    above = [*data.absolute().parents, *Path(__file__).resolve().parents]
    if any(not path.stat().st_mode & 0o001 for path in above if path.exists()):
        prefix += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return Identity(prefix=(*prefix, "--"), owner=NOBODY)


def _has_account(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
