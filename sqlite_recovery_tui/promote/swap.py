"""The new file under the old one's name: one rename, with every application locked out.

The old file is switched to a rollback journal first. That folds its log in, fails while any connection with
a log is open, even an idle one, and makes a process that had only just opened the old file harmless.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import apsw

from sqlite_recovery_tui.durable import fsync_folder
from sqlite_recovery_tui.errors import RecoverError, RefusedError
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.promote import aside, intent
from sqlite_recovery_tui.promote.beside import Beside
from sqlite_recovery_tui.promote.choice import names
from sqlite_recovery_tui.promote.facts import Live, holders_of
from sqlite_recovery_tui.promote.intent import Intent
from sqlite_recovery_tui.promote.online import copy_as_committed
from sqlite_recovery_tui.promote.undo import Draft
from sqlite_recovery_tui.restore.place import open_by
from sqlite_recovery_tui.sqlite.connect import open_to_write


def swap_healthy(live: Live, plan: Intent, draft: Draft, cancel: CancelToken, reason: str) -> Path:
    """Rename the staged file over a database that SQLite can open; return the undo point.

    Raises `RefusedError` while anybody has it open; the database is then what it was.
    """
    with closing(_opened(live)) as gate:
        try:
            _lock_out(gate, live)
            _refuse_idle(live)
            undo = _keep_link(live, draft, cancel, reason)
            replace(plan, phase="changing").write(live.beside)
        except BaseException:
            _set_back(gate, live)
            raise
        _rename(live.beside)
    return undo


def _opened(live: Live) -> apsw.Connection:
    gate = open_to_write(live.beside.real)
    # At its end it must touch nothing by name: the names may be those of the new database by then.
    gate.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    return gate


def _rename(beside: Beside) -> None:
    beside.staged.rename(beside.real)
    fsync_folder(beside.folder)


def _lock_out(gate: apsw.Connection, live: Live) -> None:
    try:
        mode = gate.pragma("journal_mode", "delete")
        if mode != "delete":
            raise apsw.BusyError(f"the journal mode stayed {mode}")
        gate.execute("BEGIN EXCLUSIVE")
    except (apsw.BusyError, apsw.LockedError):
        raise in_use(live) from None
    except apsw.Error as error:
        raise RecoverError(
            f"cannot close the log of {live.beside.real}: {error}", object=str(live.beside.real)
        ) from None


def _refuse_idle(live: Live) -> None:
    """Refuse while a process has the file open without any lock, as idle ones with a rollback journal do."""
    if open_by(live.beside.real):
        raise in_use(live)


def in_use(live: Live) -> RefusedError:
    """Return the error that names who has the database open."""
    real = live.beside.real
    holders = holders_of(real)
    who = names(holders) if holders else "a process that cannot be seen from here"
    hint = f"stop {who} first" if holders else "stop every application that uses it first"
    return RefusedError(
        f"{real} is open in {who}", object=str(real), hint=f"{hint}, or use --mode online if that is possible"
    )


def _set_back(gate: apsw.Connection, live: Live) -> None:
    """Give the old file its log back when nothing came of it."""
    try:
        if gate.in_transaction:
            gate.execute("ROLLBACK")
        if live.is_wal:
            gate.pragma("journal_mode", "wal")
    except apsw.Error:
        pass  # the next opener that wants a log sets it; nothing is lost


def _keep_link(live: Live, draft: Draft, cancel: CancelToken, reason: str) -> Path:
    try:
        draft.add_link(live.beside.real)
    except OSError:  # a file system without hard links
        aside.copy(live.beside.real, draft.database, cancel)
    return draft.commit(reason)


def swap_in_use(live: Live, plan: Intent, draft: Draft, cancel: CancelToken, reason: str) -> Path:
    """Rename the staged file over a database that others have open, and go on using; return the undo point.

    What they write from then on is lost. The undo point has all that was committed until then. From the
    second intent on the way leads forward only: the old log must not be replayed into the new file.
    """
    with closing(_opened(live)) as gate:
        try:
            gate.execute("BEGIN IMMEDIATE" if live.is_wal else "BEGIN EXCLUSIVE")
        except (apsw.BusyError, apsw.LockedError):
            raise in_use(live) from None
        copy_as_committed(live, draft.database, cancel)
        undo = draft.commit(reason)
        replace(plan, phase="finishing").write(live.beside)
        finish(live.beside)
    return undo


def swap_raw(live: Live, plan: Intent, draft: Draft, cancel: CancelToken, reason: str) -> Path:
    """Rename the staged file over a database that cannot be opened, with everybody locked out.

    Returns the undo point, which has the files as they are. From the second intent on the way leads
    forward only.
    """
    undo = keep_raw(live, draft, cancel, reason)
    replace(plan, phase="finishing").write(live.beside)
    finish(live.beside)
    return undo


def keep_raw(live: Live, draft: Draft, cancel: CancelToken, reason: str) -> Path:
    """Keep the database and what lies beside it, byte for byte; return the undo point."""
    for source in (live.beside.real, live.beside.wal, live.beside.journal):
        if source.exists():
            aside.copy(source, draft.database.with_name(source.name), cancel)
    return draft.commit(reason, raw=True, problem=live.problem)


def finish(beside: Beside) -> None:
    """Give the staged file its name, with no old log beside it; also what was left half done."""
    if beside.staged.exists():
        for sidecar in beside.sidecars:
            sidecar.unlink(missing_ok=True)
        fsync_folder(beside.folder)
        _rename(beside)
    intent.remove(beside)


def inject(live: Live, plan: Intent, draft: Draft, cancel: CancelToken, reason: str) -> Path:
    """Give the staged log its name beside a database that cannot be opened; return the undo point.

    One rename decides; the next opener takes the log over. Inode, owner and links of the file stay.
    """
    beside = live.beside
    undo = keep_raw(live, draft, cancel, reason)
    replace(plan, phase="changing").write(beside)
    beside.staged.rename(beside.wal)
    fsync_folder(beside.folder)
    beside.shm.unlink(missing_ok=True)
    beside.journal.unlink(missing_ok=True)
    return undo
