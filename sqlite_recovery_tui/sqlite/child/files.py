"""Where the bytes of a database come from, and the plain case: a file."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import apsw

from sqlite_recovery_tui.sqlite.child.cells import WHOLE_BYTES
from sqlite_recovery_tui.sqlite.connect import open_untrusted
from sqlite_recovery_tui.sqlite.guard import Guard


class DatabaseFile(Protocol):
    """The bytes of one database, which are only read."""

    @property
    def size_bytes(self) -> int: ...

    @property
    def whole_bytes(self) -> int:
        """How large a value may be to be read whole although only its beginning is wanted."""
        ...

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes, fewer at the end of the database."""
        ...

    def connect(self, guard: Guard, cache_bytes: int) -> apsw.Connection:
        """Open the database as hostile input."""
        ...

    def changed(self) -> bool:
        """Tell whether somebody wrote or replaced it since it was opened."""
        ...


class PlainFile:
    """The bytes in `path`: those of `origin`, or a copy of it."""

    whole_bytes = WHOLE_BYTES

    def __init__(self, path: Path, origin: Path) -> None:
        self._path = path
        self._origin = origin
        self._fingerprint = fingerprint(origin)

    @property
    def size_bytes(self) -> int:
        return self._path.stat().st_size

    def read(self, offset: int, size: int) -> bytes:
        with open(self._path, "rb") as file:
            file.seek(offset)
            return file.read(size)

    def connect(self, guard: Guard, cache_bytes: int) -> apsw.Connection:
        return open_untrusted(self._path, guard=guard, cache_bytes=cache_bytes)

    def changed(self) -> bool:
        return fingerprint(self._origin) != self._fingerprint


def fingerprint(path: Path) -> tuple[tuple[int, ...], ...]:
    """Return what changes when a database, its `-wal` or its `-journal` is written or replaced."""
    return tuple(_state(path.with_name(path.name + suffix)) for suffix in ("", "-wal", "-journal"))


def _state(path: Path) -> tuple[int, ...]:
    try:
        state = path.stat()
    except FileNotFoundError:
        return ()
    # An empty -wal or -journal comes and goes without a change of the database.
    return (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns) if state.st_size else ()
