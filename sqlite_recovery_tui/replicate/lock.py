"""One daemon to a database on one host: a locked file that names the process that has it."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from sqlite_recovery_tui.errors import RefusedError


class DaemonLock:
    """The lock in a database's spool folder; held until `release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        """Take it; raise `RefusedError` that names the process that has it, OSError."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._fd = os.open(path, flags, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = holder_of(path)
            os.close(self._fd)
            raise RefusedError(
                f"process {holder or 'unknown'} replicates this database already",
                object=str(path.parent),
                hint=f"stop it first: kill {holder}" if holder else "stop it first",
            ) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let go of it; the file stays, a lock on a removed file would keep nobody off."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def holder_of(path: Path) -> int | None:
    """Return the process that wrote itself into a lock file; it may have ended since."""
    with suppress(OSError, ValueError):
        return int(path.read_text())
    return None
