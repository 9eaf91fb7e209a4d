"""What can keep a live copy from being brought up to date, as the operator should read it."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from sqlite_recovery_tui.errors import RecoverError, RefusedError
from sqlite_recovery_tui.restore import place
from sqlite_recovery_tui.words import span


class CopyBusy(RefusedError):
    """Others use the copy for longer than an update waits; trying again can help."""

    kind = "copy-busy"


class CopyChanged(RefusedError):
    """The copy is not what the last update left: nothing is written over it."""

    kind = "copy-changed"


def busy(path: Path, what: str, waited: float) -> CopyBusy:
    """Say that somebody kept us from the copy, and who may be it."""
    holders = ", ".join(f"{name} (pid {pid})" for pid, name in place.open_by(path))
    return CopyBusy(
        f"{path.name} {what} for more than {span(waited)}"
        + (f"; it is open in {holders}" if holders else ""),
        object=str(path),
        hint="end the long transaction on the copy; the update is tried again",
    )


def changed(path: Path, what: str) -> CopyChanged:
    """Say that the copy is not ours alone any more."""
    return CopyChanged(
        f"{path} {what} since the last update; nothing was written to it",
        object=str(path),
        hint="follow into another file with -o, or restore anew over it with -force",
    )


def local_failure(error: OSError, path: Path) -> RecoverError:
    """Say what this machine's file system refused."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        free = shutil.disk_usage(path.parent).free
        return place.NoSpaceError(
            f"no space left in {path.parent} while {path.name} was updated ({free:,} bytes available)",
            object=str(path.parent),
            hint="free space; the copy holds its last state, and the update is tried again",
        )
    if error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL):
        return RecoverError(
            f"the file system of {path} has no locks", object=str(path), hint="choose -o on another one"
        )
    return RecoverError(f"cannot update {path}: {os.strerror(error.errno or 0)}", object=str(path))
