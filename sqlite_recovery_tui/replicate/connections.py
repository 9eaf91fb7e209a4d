"""How a live database is held: four SQLite connections, and one descriptor for each of its files.

R and R2 keep the WAL in place in turns, W keeps writers out for moments, C folds the WAL in. The
descriptors are opened once, after the connections, and closed after them: closing one of them earlier would
end SQLite's locks. Nothing is ever written by this process but what SQLite's own checkpoint writes.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal

import apsw

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.errors import RecoverError
from sqlite_recovery_tui.replicate import guard, wal_index
from sqlite_recovery_tui.replicate.fitness import CannotFollow, cannot, refuse_odd
from sqlite_recovery_tui.replicate.wal_index import WalIndex

__all__ = ["CannotFold", "CannotFollow", "Connections"]

FileName = Literal["database", "wal", "index"]
_SUFFIXES: dict[FileName, str] = {"database": "", "wal": "-wal", "index": "-shm"}
_LOOK_AGAIN_SECONDS = 0.0002
_PIN_TRIES, _PIN_PAUSE_SECONDS = 200, 0.001


class CannotFold(RecoverError):
    """The database could not take up its log: the disk is full, or fails; both are as they were."""

    kind = "cannot-fold"


class Connections:
    """The connections and descriptors of one live database, whose links were followed."""

    def __init__(self, database: Path) -> None:
        """Open them; raise `CannotFollow`."""
        self.real = Path(os.path.realpath(database))
        self._named = os.fspath(database)
        self._paths = {name: f"{self.real}{suffix}" for name, suffix in _SUFFIXES.items()}
        self._fds: dict[FileName, int] = {}
        self._ids: dict[FileName, guard.FileId] = {}
        self._connections: list[apsw.Connection] = []
        refuse_odd(self.real)
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        self.reader, self.other_reader, self.writer, self.checkpointer = self._connections

    def _open(self) -> None:
        try:
            self._connections.extend(_connect(self.real) for _ in range(4))
            for name, path in self._paths.items():
                self._fds[name] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                status = os.fstat(self._fds[name])
                self._ids[name] = (status.st_dev, status.st_ino)
        except (apsw.Error, OSError) as error:
            raise cannot(self.real, error) from None
        guard.guard(self._ids["database"], self._ids["index"])

    @property
    def wal_fd(self) -> int:
        return self._fds["wal"]

    @property
    def database_fd(self) -> int:
        return self._fds["database"]

    @property
    def index_id(self) -> guard.FileId:
        return self._ids["index"]

    def index(self) -> tuple[bytes, WalIndex]:
        """Return the wal-index, raw and decoded; raise `OSError`."""
        return wal_index.read(self._fds["index"])

    def index_bytes(self) -> bytes:
        """Return the index as it lies there: the cheapest way to see that nothing happened."""
        return os.pread(self._fds["index"], wal_index.SIZE, 0)

    def wal_bytes(self) -> int:
        """Return the WAL file's size."""
        return os.fstat(self._fds["wal"]).st_size

    def database_state(self) -> tuple[int, int]:
        """Return the database file's size and the time of its last change, in nanoseconds."""
        status = os.fstat(self._fds["database"])
        return status.st_size, status.st_mtime_ns

    def moved(self) -> dict[FileName, bool]:
        """Return the files that are no longer those which were opened; True where another has the name."""
        found: dict[FileName, bool] = {}
        for name, path in self._paths.items():
            try:
                named = self._named if name == "database" else path  # a link may lead elsewhere by now
                status = os.stat(named)  # noqa: PTH116  # three of these with every look
            except OSError:
                found[name] = False
            else:
                if (status.st_dev, status.st_ino) != self._ids[name]:
                    found[name] = True
        return found

    def pin(self) -> None:
        """Begin R's transaction anew, at the last commit."""
        _end(self.reader)
        for _ in range(_PIN_TRIES):
            try:
                return _begin(self.reader)
            except apsw.BusyError:  # somebody recovers or restarts the log at this very moment
                time.sleep(_PIN_PAUSE_SECONDS)
        return _begin(self.reader)

    def pin_other(self) -> None:
        """Begin R2's transaction at the last commit, while R holds."""
        _end(self.other_reader)
        _begin(self.other_reader)

    def unpin(self) -> None:
        """End R's transaction; only while W holds writers off."""
        _end(self.reader)

    def unpin_other(self) -> None:
        """End R2's transaction."""
        _end(self.other_reader)

    def hand_over(self) -> None:
        """Let R2, which holds, be R."""
        _end(self.reader)
        self.reader, self.other_reader = self.other_reader, self.reader

    def hold_writers(self, clock: Clock, seconds: float) -> bool:
        """Become the writer without writing; False when somebody else was for all of `seconds`.

        It asks again at once instead of as SQLite's own waiting does, whose pauses lose against busy writers.
        """
        until = clock.monotonic() + seconds
        while True:
            try:
                self.writer.execute("BEGIN IMMEDIATE")
            except apsw.BusyError:
                if clock.monotonic() >= until:
                    return False
                clock.sleep(_LOOK_AGAIN_SECONDS)
            else:
                return True

    def let_writers(self) -> None:
        """Let writers write again."""
        _end(self.writer)

    def fold(self, mode: int = apsw.SQLITE_CHECKPOINT_PASSIVE) -> tuple[int, int] | None:
        """Copy from the WAL to the database what no reader forbids; return frames there and copied.

        None when somebody else is at it, or a stronger mode is not possible now. Raises `CannotFold`.
        """
        try:
            return self.checkpointer.wal_checkpoint("main", mode)
        except (apsw.BusyError, apsw.LockedError):
            return None
        except (apsw.FullError, apsw.IOError) as error:
            raise CannotFold(
                f"the log could not be folded into {self.real}: {error}",
                object=str(self.real),
                hint="nothing is lost; free space on its file system",
            ) from None

    def close(self) -> None:
        """Close everything; the WAL stays as it is, also when nobody else has the database open."""
        for connection in self._connections:
            with suppress(apsw.Error):
                _end(connection)
            with suppress(apsw.Error):
                connection.close()
        self._connections.clear()
        if "index" in self._ids:
            guard.release(self._ids["database"], self._ids["index"])
        for fd in self._fds.values():
            with suppress(OSError):
                os.close(fd)
        self._fds.clear()
        self._ids.clear()


def _connect(path: Path) -> apsw.Connection:
    connection = apsw.Connection(os.fspath(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.set_busy_timeout(0)
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
        connection.pragma("mmap_size", 0)
        connection.pragma("wal_autocheckpoint", 0)
        _begin(connection)
        _end(connection)
        if connection.readonly("main"):
            raise apsw.ReadOnlyError("it can only be read")
    except BaseException:
        connection.close()
        raise
    return connection


def _begin(connection: apsw.Connection) -> None:
    """Begin reading; the one statement that does so without looking at the schema."""
    connection.execute("BEGIN")
    try:
        connection.execute("PRAGMA schema_version").fetchall()
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _end(connection: apsw.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")
