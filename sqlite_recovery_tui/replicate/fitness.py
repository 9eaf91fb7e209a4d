"""Whether a database can be followed as it is now, and in which words it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import apsw

from sqlite_recovery_tui.errors import FormatError, RecoverError
from sqlite_recovery_tui.formats import header as database_header
from sqlite_recovery_tui.replicate import guard

_WAL_VERSION = 2
_WAL_HINT = "let its application set PRAGMA journal_mode=WAL; it is followed from then on"


class CannotFollow(RecoverError):
    """The database cannot be followed as it is now; `why` is the kind of event that it is."""

    kind = "cannot-follow"

    def __init__(
        self,
        why: Literal["missing", "not-wal", "exclusive", "read-only", "unreadable"],
        message: str,
        *,
        hint: str = "",
        object: str = "",
    ) -> None:
        """Say what is in the way."""
        super().__init__(message, hint=hint, object=object)
        self.why = why


def refuse_odd(path: Path) -> None:
    """Raise `CannotFollow` unless a WAL-mode database lies at `path`; nobody here has it open yet."""
    try:
        with path.open("rb", buffering=0) as file:
            head = file.read(database_header.SIZE)
    except guard.OpenedLive:
        raise CannotFollow(
            "unreadable",
            f"{path} is followed by this process already",
            object=str(path),
            hint="name a database once, whatever links lead to it",
        ) from None
    except FileNotFoundError:
        raise CannotFollow(
            "missing",
            f"there is no database {path}",
            object=str(path),
            hint="it is followed as soon as it is there",
        ) from None
    except OSError as error:
        raise cannot(path, error) from None
    if not head:
        raise CannotFollow("not-wal", f"{path} is empty", object=str(path), hint=_WAL_HINT)
    try:
        found = database_header.parse(head)
    except FormatError as error:
        raise CannotFollow("unreadable", f"{path}: {error}", object=str(path)) from None
    if (found.write_version, found.read_version) != (_WAL_VERSION, _WAL_VERSION):
        versions = f"{found.write_version}, {found.read_version}"
        raise CannotFollow(
            "not-wal",
            f"{path} is not in WAL mode (bytes 18 and 19 are {versions})",
            object=str(path),
            hint=_WAL_HINT,
        )


def cannot(path: Path, error: Exception) -> CannotFollow:
    """Say why a database could not be opened."""
    name = str(path)
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return CannotFollow(
            "exclusive",
            f"{path} is held by an application that keeps everybody else out",
            object=name,
            hint="stop using PRAGMA locking_mode=EXCLUSIVE; it is followed as soon as it is let go",
        )
    if isinstance(error, apsw.ReadOnlyError | apsw.CantOpenError | PermissionError):
        return CannotFollow(
            "read-only",
            f"{path} cannot be opened as its application does: {_words(error)}",
            object=name,
            hint="SQLite must be able to write -wal and -shm beside it: run as the same user, not on a "
            "read-only file system",
        )
    return CannotFollow("unreadable", f"{path} cannot be opened: {_words(error)}", object=name)


def _words(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
