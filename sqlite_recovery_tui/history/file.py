"""The ledger's file: made private, opened for a moment, put out of the way when it is broken, never deleted.

A rollback journal rather than a WAL: home directories lie on network drives, where a WAL cannot work, and
the system's SQLite may be one that loses commits when two processes start a WAL anew (before 3.51.3).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.history import schema

BUSY_SECONDS = 2.0
"""How long another process may keep us waiting; a recovery does not wait for its own record."""

_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class HistoryError(RecoverError):
    """The ledger cannot be read or written; whatever it was to keep went on without it."""

    kind = "history"


class BrokenLedger(HistoryError):
    """The file is not a database, or a damaged one; `inode` tells it from one that took its place."""

    def __init__(self, path: Path, why: str, inode: int) -> None:
        """Say what is wrong with `path`."""
        super().__init__(f"the history {path} is damaged: {why}", object=str(path))
        self.inode = inode


@contextlib.contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the ledger, make or update its tables, and write in one transaction; raise `HistoryError`."""
    _make(path)
    with _opened(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            if not schema.is_current(connection):
                _refuse_others(connection, path)
                schema.bring_up_to_date(connection)
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection | None]:
    """Open the ledger to read it; None when there is none yet. Raises `HistoryError`."""
    if not path.exists():
        yield None
        return
    with _opened(path) as connection:
        current = schema.is_current(connection)
        if not current and schema.is_empty(connection):
            yield None
            return
        if current:
            connection.execute("PRAGMA query_only = 1")
            yield connection
            return
        _refuse_others(connection, path)
    with writing(path) as connection:
        yield connection


def set_aside(path: Path, broken: BrokenLedger, *, now: datetime | None = None) -> Path | None:
    """Rename a broken ledger, and what lies beside it; return its new name, None if somebody else did it.

    Raises `HistoryError` when it cannot be renamed.
    """
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    kept = path.with_name(f"{path.name}.broken-{moment:%Y%m%dT%H%M%S%fZ}")
    try:
        with _alone(path.parent):
            if path.stat().st_ino != broken.inode:
                return None
            with contextlib.suppress(FileNotFoundError):
                path.with_name(f"{path.name}-journal").rename(f"{kept}-journal")
            path.rename(kept)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HistoryError(
            f"{broken.message}, and cannot be set aside: {error.strerror}", object=str(path)
        ) from None
    return kept


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time into a directory."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


def _make(path: Path) -> None:
    """Make an empty file that only its owner can read, unless there is one."""
    try:
        if not path.parent.exists():
            _make_folder(path.parent)
        # SQLite gives its journal the mode of the file. Once there is a file it is not opened here: closing
        # it would drop the locks that a connection of this process holds.
        if not path.exists():
            with contextlib.suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        elif path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except OSError as error:
        raise _cannot("be written", path, error.strerror or str(error)) from None


def _make_folder(folder: Path) -> None:
    """Make the state directory below a home directory that exists; a home is not ours to make."""
    home = os.environ.get("HOME")
    if home and folder.is_relative_to(home) and not Path(home).is_dir():
        raise FileNotFoundError(2, f"there is no home directory {home}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file that exists, and put SQLite's failures into our words."""
    inode = 0
    try:
        inode = path.stat().st_ino
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS, isolation_level=None
        )
        try:
            connection.execute("PRAGMA trusted_schema = 0")
            yield connection
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        if (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _BROKEN:
            raise BrokenLedger(path, str(error), inode) from None
        raise _cannot("be used", path, str(error)) from None
    except sqlite3.Error as error:
        raise _cannot("be used", path, str(error)) from None
    except OSError as error:
        raise _cannot("be used", path, error.strerror or str(error)) from None


def _refuse_others(connection: sqlite3.Connection, path: Path) -> None:
    """Raise `HistoryError` for a file that is not ours, or of a later version."""
    ours = schema.application_id(connection) == schema.APPLICATION_ID
    if not ours and not schema.is_empty(connection):
        raise HistoryError(
            f"{path} is not a history of sqlrecover, and is left alone",
            object=str(path),
            hint="move it away, or set XDG_STATE_HOME to another directory",
        )
    if ours and schema.version(connection) > len(schema.MIGRATIONS):
        raise HistoryError(
            f"the history {path} was written by a later version of sqlrecover, and is left alone",
            object=str(path),
            hint="use that version, or set XDG_STATE_HOME to another directory",
        )


def _cannot(what: str, path: Path, why: str) -> HistoryError:
    return HistoryError(
        f"the history {path} cannot {what}: {why}",
        object=str(path),
        hint="acts are carried out all the same, but not recorded",
    )
