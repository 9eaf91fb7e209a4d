"""What an interrupted promote left behind: found, carried to its end or taken back, and told.

SQLite itself, or one rename, has decided between old and new; here only the traces are put in order.
"""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import apsw

from sqlite_recovery_tui.durable import fsync_folder, unfinished
from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.promote import check, intent, undo
from sqlite_recovery_tui.promote.beside import Beside
from sqlite_recovery_tui.promote.intent import Intent
from sqlite_recovery_tui.promote.swap import finish
from sqlite_recovery_tui.sqlite.connect import open_to_write

State = Literal["old", "new", "whole"]
_WORDS = {
    "old": "the database is what it was before",
    "new": "the database is the promoted one",
    "whole": "the database is whole: all of the old or all of the new state, and written to since",
}


@dataclass(frozen=True, slots=True)
class Recovered:
    """An interrupted promote, and what the database is now."""

    state: State
    started: str
    mode: str
    undo: Path | None

    def __str__(self) -> str:
        return f"a promote of {self.started} was interrupted: {_WORDS[self.state]}"

    def to_json(self) -> dict[str, Any]:
        """Return it as the command line's `--json` contract has it."""
        return {
            "state": self.state,
            "started": self.started,
            "mode": self.mode,
            "undo": str(self.undo) if self.undo else None,
            "message": str(self),
        }


def recover(beside: Beside, cancel: CancelToken) -> Recovered | None:
    """Put in order what an interrupted promote left; None when there was none. The lock is held.

    Raises `RecoverError` for what cannot be put in order.
    """
    found = intent.read(beside)
    undo.sweep(beside)
    if found is None:
        _clear(beside)
        return None
    try:
        state = _settled(beside, found, cancel)
    except (OSError, apsw.Error) as error:
        raise RecoverError(
            f"a promote of {found.started} was interrupted, and cannot be brought to its end: {error}",
            object=str(beside.real),
            hint="look at the permissions and the free space of its folder, then run it again",
        ) from None
    point = beside.folder / found.undo if found.undo else None
    if state == "old" and point is not None and point.is_dir():
        _drop(beside, point)
        point = None
    intent.remove(beside)
    _clear(beside)
    return Recovered(state, found.started, found.mode, point)


def _settled(beside: Beside, found: Intent, cancel: CancelToken) -> State:
    """Find out what the database is, having carried on what has to be."""
    if found.phase == "finishing":
        finish(beside)
        return "new"
    if found.mode == "swap":
        return _after_rename(beside, found)
    if found.mode == "inject":
        return _after_injection(beside, found)
    return _after_transaction(beside, found, cancel)


def _after_rename(beside: Beside, found: Intent) -> State:
    if found.inode and beside.real.exists() and beside.real.stat().st_ino == found.inode:
        fsync_folder(beside.folder)
        return "new"
    _drop_cold_journal(beside)
    if found.was_wal:
        with suppress(apsw.BusyError, apsw.LockedError), closing(open_to_write(beside.real)) as connection:
            connection.pragma("journal_mode", "wal")
    return "old"


def _after_injection(beside: Beside, found: Intent) -> State:
    if found.phase == "preparing" or beside.staged.exists():
        return "old"
    fsync_folder(beside.folder)
    with suppress(apsw.BusyError, apsw.LockedError), closing(open_to_write(beside.real)) as connection:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    return "new"


def _after_transaction(beside: Beside, found: Intent, cancel: CancelToken) -> State:
    if not beside.real.exists() or not beside.real.stat().st_size:
        return "old"
    _drop_cold_journal(beside)
    before = beside.folder / found.undo / beside.real.name if found.undo else None
    if Path(found.source).is_file() and check.same_content(beside.real, Path(found.source), cancel):
        return "new"
    if found.phase == "preparing":
        return "old"
    if before is not None and before.is_file() and check.same_content(beside.real, before, cancel):
        return "old"
    return "whole"


def _drop_cold_journal(beside: Beside) -> None:
    """Remove a journal with nothing to roll back, which a kill before its first sync leaves."""
    if not beside.journal.exists():
        return
    with suppress(apsw.BusyError, apsw.LockedError), closing(open_to_write(beside.real)) as connection:
        connection.execute("BEGIN EXCLUSIVE")  # whatever was to be rolled back is by now
        beside.journal.unlink(missing_ok=True)
        connection.execute("ROLLBACK")


def _clear(beside: Beside) -> None:
    """Remove what was staged and never used."""
    beside.staged.unlink(missing_ok=True)
    unfinished(beside.intent).unlink(missing_ok=True)
    undo.discard(beside)


def _drop(beside: Beside, folder: Path) -> None:
    """Remove the undo point of something that did not happen."""
    point = next((point for point in undo.points(beside) if point.folder == folder), None)
    if point is not None:
        undo.remove(point)
