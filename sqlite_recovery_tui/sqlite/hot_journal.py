"""A rollback journal that a killed writer left: told from a spent one, and rolled back by SQLite itself."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw

from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.sqlite.connect import open_to_write


def journal_of(database: Path) -> Path:
    """Return where SQLite looks for the rollback journal of a database (its name without links)."""
    return Path(f"{database}-journal")


def is_left(database: Path) -> bool:
    """Tell whether a journal lies beside the database that has something in it.

    It is hot, and must be rolled back before anybody reads, unless a writer is at work right now.
    """
    try:
        with journal_of(database).open("rb") as file:
            return file.read(1) not in (b"", b"\0")
    except FileNotFoundError:
        return False


def roll_back(database: Path, *, wait_seconds: float) -> bool:
    """Have SQLite put back what a journal holds; return False when others keep the database in use."""
    try:
        with closing(open_to_write(database, busy_seconds=wait_seconds)) as connection:
            connection.execute("PRAGMA user_version").fetchall()
    except (apsw.BusyError, apsw.LockedError):
        return False
    except apsw.Error as error:
        raise RecoverError(
            f"an update of {database} that was broken off cannot be rolled back: {error}",
            object=str(journal_of(database)),
            hint="remove the copy with everything beside it that has its name, and restore it again",
        ) from None
    return True
