"""What there is before a promote: the file that comes, the database that is there, and who has it open."""

from __future__ import annotations

import hashlib
import stat
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import apsw

from sqlite_recovery_tui.errors import FormatError, NotFoundError, RefusedError
from sqlite_recovery_tui.formats import header
from sqlite_recovery_tui.promote.beside import Beside
from sqlite_recovery_tui.replicate.told import daemon_of
from sqlite_recovery_tui.restore.place import is_at_rest, open_by
from sqlite_recovery_tui.restore.travelling.note import refuse_moving
from sqlite_recovery_tui.sqlite.connect import open_production, open_untrusted

State = Literal["missing", "empty", "healthy", "locked", "unreadable"]
_READ_BYTES = 4 << 20
_VERSIONS = 18
"""Where page 1 says how the database is journalled: two bytes, 2 for a write-ahead log (file format, 1.3)."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has the database open."""

    pid: int
    name: str
    is_daemon: bool = False
    """Whether it is our own daemon, which is told of a promote and carries on by itself."""

    def __str__(self) -> str:
        name = "the replication daemon" if self.is_daemon else self.name
        return f"{name} (pid {self.pid})"


@dataclass(frozen=True, slots=True)
class Incoming:
    """The file that is to take production's place; closed, without a log beside it."""

    path: Path
    size: int
    page_size: int
    pages: int
    encoding: str
    is_wal: bool
    sha256: str


@dataclass(frozen=True, slots=True)
class Live:
    """Production's database as it is now."""

    beside: Beside
    state: State
    problem: str = ""
    """Why it cannot be opened, in words; empty for a database that can."""
    size: int = 0
    page_size: int = 0
    pages: int = 0
    encoding: str = ""
    is_wal: bool = False
    links: int = 1
    left: tuple[Path, ...] = ()
    """Logs with content beside a database that has none: SQLite would delete them."""
    holders: tuple[Holder, ...] = ()

    @property
    def applications(self) -> tuple[Holder, ...]:
        """Who has it open and would have to be stopped for an exchange of files."""
        return tuple(holder for holder in self.holders if not holder.is_daemon)

    @property
    def daemon(self) -> Holder | None:
        """Our daemon, when it has it open."""
        return next((holder for holder in self.holders if holder.is_daemon), None)

    @property
    def exists(self) -> bool:
        return self.state not in ("missing", "empty")

    def to_json(self) -> dict[str, Any]:
        """Return the facts as the command line's `--json` contract has them."""
        return {
            "path": str(self.beside.named),
            "file": str(self.beside.real),
            "state": self.state,
            "problem": self.problem or None,
            "size": self.size,
            "page_size": self.page_size or None,
            "pages": self.pages or None,
            "encoding": self.encoding or None,
            "journal": ("wal" if self.is_wal else "rollback") if self.state == "healthy" else None,
            "links": self.links,
            "open_in": [{"pid": holder.pid, "name": holder.name} for holder in self.applications],
            "daemon": {"pid": self.daemon.pid, "name": self.daemon.name} if self.daemon else None,
        }


def incoming(path: Path) -> Incoming:
    """Read what the new file says of itself, and its sha256.

    Raises `NotFoundError`, and `RefusedError` for what is no closed SQLite database.
    """
    refuse_moving(path)
    try:
        status = path.stat()
    except FileNotFoundError:
        raise NotFoundError(f"there is no {path}", object=str(path), hint="restore it first") from None
    if not stat.S_ISREG(status.st_mode):
        raise RefusedError(f"{path} is not a regular file", object=str(path))
    for suffix in ("-wal", "-journal"):
        beside = Path(f"{path}{suffix}")
        if beside.exists() and beside.stat().st_size:
            raise RefusedError(
                f"{beside} holds changes that are not in {path.name} itself",
                object=str(beside),
                hint="restore it again, or let SQLite close it cleanly first",
            )
    if open_by(path, for_writing=True):
        raise RefusedError(
            f"{path} is open for writing in another process",
            object=str(path),
            hint="close it there first",
        )
    return _described(path, status.st_size)


def _described(path: Path, size: int) -> Incoming:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        first = file.read(header.SIZE)
        digest.update(first)
        while data := file.read(_READ_BYTES):
            digest.update(data)
    try:
        parsed = header.parse(first)
        connection = open_untrusted(path)
        try:
            encoding = str(connection.pragma("encoding"))
        finally:
            connection.close()
    except (FormatError, apsw.Error) as error:
        raise RefusedError(
            f"{path} is no SQLite database that could be promoted: {error}",
            object=str(path),
            hint="check it with `sqlrecover verify`",
        ) from None
    pages, rest = divmod(size, parsed.page_size)
    if rest or not pages:
        raise RefusedError(f"{path} is not a whole number of pages", object=str(path))
    is_wal = first[_VERSIONS : _VERSIONS + 2] == b"\2\2"
    return Incoming(path, size, parsed.page_size, pages, encoding, is_wal, digest.hexdigest())


def look(path: Path, socket: Path | None = None) -> Live:
    """Look at production's database, without changing it; raise `RefusedError` for what is no file.

    `socket` is where the configuration has the daemon listen.
    """
    beside = Beside(path)
    try:
        status = beside.real.lstat()
    except FileNotFoundError:
        return Live(beside, "missing", links=0, left=_left(beside))
    except OSError as error:
        raise RefusedError(f"cannot see {path}: {error.strerror}", object=str(path)) from None
    if not stat.S_ISREG(status.st_mode):
        raise RefusedError(f"{beside.real} is not a regular file", object=str(beside.real))
    common: dict[str, Any] = {"size": status.st_size, "links": status.st_nlink}
    common["holders"] = holders_of(beside.real, socket)
    if not status.st_size:
        return Live(beside, "empty", left=_left(beside), **common)
    try:
        with reading(beside.real) as connection:
            return Live(
                beside,
                "healthy",
                page_size=int(connection.pragma("page_size")),
                pages=int(connection.pragma("page_count")),
                encoding=str(connection.pragma("encoding")),
                is_wal=connection.read("main", 0, _VERSIONS, 2)[1] == b"\2\2",
                **common,
            )
    except (apsw.BusyError, apsw.LockedError) as error:
        return Live(beside, "locked", str(error), **common)
    except apsw.Error as error:
        return Live(beside, "unreadable", str(error), **common)


def holders_of(real: Path, socket: Path | None = None) -> tuple[Holder, ...]:
    """Return who can be seen to have a database open; our daemon is known by its answer."""
    found = open_by(real)
    daemon = daemon_of(real, socket) if found else None
    return tuple(Holder(pid, name, is_daemon=pid == daemon) for pid, name in found)


def _left(beside: Beside) -> tuple[Path, ...]:
    logs = (beside.wal, beside.journal)
    return tuple(log for log in logs if log.is_file() and log.stat().st_size)


def reading(real: Path) -> closing[apsw.Connection]:
    """Open production's database for reading until a block ends; raise `apsw.Error`."""
    return closing(open_production(real, is_at_rest=is_at_rest(real)))
