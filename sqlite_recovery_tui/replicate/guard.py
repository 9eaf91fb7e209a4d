"""Live databases of this process are never opened by anything but SQLite: closing them would end its locks.

POSIX locks belong to the process: whoever closes any descriptor of a file ends all locks that SQLite holds
on it, and another program may then take the log away. The rule is enforced where Python opens files.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from threading import Lock
from typing import Any

FileId = tuple[int, int]
"""A file whatever its name: device and inode."""

_guarded: Counter[FileId] = Counter()
_installed = False
_lock = Lock()


class OpenedLive(RuntimeError):
    """Somebody in this process opened a database that it follows; a fault of ours."""


def guard(*files: FileId) -> None:
    """Forbid this process to open these files (not their WAL) from now on."""
    global _installed  # noqa: PLW0603  # an audit hook can never be removed
    with _lock:
        _guarded.update(files)
        if not _installed:
            _installed = True
            sys.addaudithook(_hook)


def release(*files: FileId) -> None:
    """Allow again what `guard` forbade, once SQLite has no connection to them any more."""
    with _lock:
        for file in files:
            _guarded[file] -= 1
            if _guarded[file] <= 0:
                del _guarded[file]


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if not _guarded or event not in ("open", "sqlite3.connect") or isinstance(args[0], int):
        return
    try:
        status = os.stat(args[0])  # noqa: PTH116  # a path of any kind
    except (OSError, TypeError, ValueError):
        return
    if (status.st_dev, status.st_ino) in _guarded:
        raise OpenedLive(f"{args[0]!r} is followed by this process; only SQLite may open it here")
