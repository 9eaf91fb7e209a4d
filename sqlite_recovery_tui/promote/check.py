"""After a promote: whether production is now, page by page, what was promoted."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import apsw

from sqlite_recovery_tui.errors import RecoverError, VerificationFailed
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.promote import aside
from sqlite_recovery_tui.restore.place import open_by
from sqlite_recovery_tui.sqlite.connect import open_to_write

Verdict = Literal["identical", "sound", "unchecked"]
_BUSY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found; "sound" where others use it, so that its pages stand still for no comparison."""

    verdict: Verdict
    words: str


def check(real: Path, new: Path, cancel: CancelToken) -> Checked:
    """Compare production with the promoted file; raise `VerificationFailed` alone.

    Whatever keeps it from being compared, it is promoted by now, and nobody may be told otherwise.
    """
    try:
        if same_content(real, new, cancel):
            return Checked("identical", "every page is that of the promoted file")
    except (RecoverError, apsw.Error, OSError) as error:
        return Checked("unchecked", f"it is promoted, and was not compared: {error}")
    problem = _quick_check(real)
    if problem is None and open_by(real):
        return Checked(
            "sound",
            "its structure is sound; it is in use, which keeps its pages from being compared",
        )
    if problem is None:
        problem = "it differs from the promoted file, and no application can be seen that wrote to it"
    raise VerificationFailed(
        f"{real} is not what was promoted: {problem}",
        object=str(real),
        hint=f"take it back: sqlrecover undo {real}",
    )


def same_content(real: Path, other: Path, cancel: CancelToken) -> bool:
    """Tell whether the database, all of its log folded in where nobody prevents it, equals another file."""
    with closing(open_to_write(real, busy_seconds=_BUSY_SECONDS)) as connection:
        with suppress(apsw.BusyError, apsw.LockedError):
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()  # the log is looked at now
            # It must not wait: while it waits for readers it keeps every writer out.
            connection.set_busy_timeout(0)
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        connection.set_busy_timeout(round(_BUSY_SECONDS * 1000))
        # A reader of an empty log keeps every checkpoint out of the file: it stands still meanwhile.
        with suppress(apsw.BusyError, apsw.LockedError):
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        wal = Path(f"{real}-wal")
        if wal.exists() and wal.stat().st_size:
            return False
        return aside.differs_at(real, other, cancel) is None


def _quick_check(real: Path) -> str | None:
    """Return what is wrong with the structure of a database."""
    try:
        with closing(open_to_write(real, busy_seconds=_BUSY_SECONDS)) as connection:
            first = str(connection.execute("PRAGMA quick_check(1)").fetchall()[0][0])
    except apsw.Error as error:
        return str(error)
    return None if first == "ok" else first
