"""The new content into the live file as one SQLite transaction: readers see the old state, or the new one.

SQLite's backup takes the writer's lock with its first step and commits with its last. In between, with
the lock held, the undo point is made: it has every commit that was ever acknowledged.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import apsw

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.errors import RecoverError, RefusedError
from sqlite_recovery_tui.progress import CancelToken, Progress, ProgressFn
from sqlite_recovery_tui.promote import aside
from sqlite_recovery_tui.promote.choice import names
from sqlite_recovery_tui.promote.facts import Incoming, Live, holders_of
from sqlite_recovery_tui.sqlite.connect import immutable_uri

STEP_PAGES = 2_000
_LOOK_AGAIN_SECONDS = 0.002
_FULL_DISK = (apsw.FullError, apsw.IOError)


@dataclass
class OnlinePut:
    """Puts `new` into the database `live`."""

    new: Incoming
    live: Live
    wait_seconds: float
    """How long to wait for the writer's lock."""
    progress: ProgressFn
    cancel: CancelToken
    clock: Clock

    def run(self, before_change: Callable[[], None]) -> None:
        """Carry it out; `before_change` is called with the writer's lock held, before the first page.

        Raises `RefusedError` while the database is busy for too long, `RecoverError`, `Cancelled`; the
        database is then what it was.
        """
        real = self.live.beside.real
        try:
            with closing(self._source()) as source, closing(self._target(real)) as target:
                self._put(source, target, before_change)
                if not self.live.exists and self.new.is_wal:
                    with suppress(apsw.Error):  # the content is there by now; its application sets the mode
                        target.pragma("journal_mode", "wal")
        except _FULL_DISK as error:
            raise RecoverError(
                f"{real} could not be written and is what it was: {error}",
                object=str(real),
                hint="free space on its file system; the log grows by the size of the new database",
            ) from None
        except apsw.Error as error:
            raise RecoverError(
                f"{real} could not be written and is what it was: {error}", object=str(real)
            ) from None

    def _source(self) -> apsw.Connection:
        return apsw.Connection(
            immutable_uri(self.new.path), flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        )

    def _target(self, real: Path) -> apsw.Connection:
        create = 0 if self.live.exists else apsw.SQLITE_OPEN_CREATE
        target = apsw.Connection(os.fspath(real), flags=apsw.SQLITE_OPEN_READWRITE | create)
        target.set_busy_timeout(0)
        target.pragma("synchronous", "extra")
        target.pragma("wal_autocheckpoint", 0)
        return target

    def _put(
        self, source: apsw.Connection, target: apsw.Connection, before_change: Callable[[], None]
    ) -> None:
        with target.backup("main", source, "main") as backup:
            self._take_lock(backup)
            before_change()
            while not backup.done:
                self.cancel.check()
                backup.step(STEP_PAGES)
                done = (backup.page_count - backup.remaining) * self.new.page_size
                self.progress(Progress("writing", done, self.new.size, "bytes"))

    def _take_lock(self, backup: apsw.Backup) -> None:
        """Become the writer, which no reader prevents where there is a write-ahead log."""
        until = self.clock.monotonic() + self.wait_seconds
        while True:
            self.cancel.check()
            try:
                backup.step(0)
            except (apsw.BusyError, apsw.LockedError):
                if self.clock.monotonic() >= until:
                    raise self._busy() from None
                self.progress(Progress("waiting for the writer's lock", 0, None, "bytes"))
                self.clock.sleep(_LOOK_AGAIN_SECONDS)
            else:
                return

    def _busy(self) -> RefusedError:
        real = self.live.beside.real
        holders = holders_of(real)
        who = f" It is open in {names(holders)}." if holders else ""
        return RefusedError(
            f"{real} stayed busy for {self.wait_seconds:g} s.{who}",
            object=str(real),
            hint="end the transaction that holds it, or wait longer with --timeout",
        )


def copy_as_committed(live: Live, target: Path, cancel: CancelToken) -> None:
    """Copy a database whose writer's lock this process holds, with all that is committed; durably.

    With a write-ahead log a second connection still reads; without one nobody does, and the file itself
    has it all. Raises `RecoverError`, `Cancelled`.
    """
    if not live.is_wal:
        aside.copy(live.beside.real, target, cancel)
        return
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    with (
        closing(apsw.Connection(os.fspath(live.beside.real), flags=apsw.SQLITE_OPEN_READONLY)) as source,
        closing(apsw.Connection(os.fspath(target), flags=apsw.SQLITE_OPEN_READWRITE)) as copied,
    ):
        copied.pragma("journal_mode", "off")
        copied.pragma("synchronous", "off")
        with copied.backup("main", source, "main") as backup:
            while not backup.done:
                cancel.check()
                backup.step(STEP_PAGES)
    fd = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
