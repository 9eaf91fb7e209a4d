"""The raw bytes of a database and its log made into one closed file, where SQLite can."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import apsw

from sqlite_recovery_tui.errors import RefusedError
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.promote import aside


def fold(database: Path, folder: Path, cancel: CancelToken) -> Path:
    """Copy a database and what lies beside it to `folder` and fold the log in; return the copy.

    Raises `RefusedError` for what SQLite cannot open.
    """
    for suffix in ("", "-wal", "-journal"):
        source = Path(f"{database}{suffix}")
        if source.exists():
            aside.copy(source, folder / source.name, cancel)
    copied = folder / database.name
    try:
        with closing(apsw.Connection(os.fspath(copied), flags=apsw.SQLITE_OPEN_READWRITE)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except apsw.Error as error:
        raise RefusedError(
            f"{database} holds the bytes of a database that SQLite cannot open: {error}",
            object=str(database),
            hint=f"they are kept in {database.parent}; copy them back by hand if they are wanted",
        ) from None
    return copied
