"""A connection as an application in production should have it, whose WAL somebody replicates.

Imports nothing but the standard library until apsw is asked for. Each setting is read back: what SQLite,
the file or the file system does not grant is an error here and not a surprise later.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar
from urllib.parse import quote_from_bytes

from sqlite_recovery_tui.errors import RefusedError
from sqlite_recovery_tui.sqlite import filesystem

if TYPE_CHECKING:
    import apsw

Synchronous = Literal["OFF", "NORMAL", "FULL", "EXTRA"]
_LEVELS = ("OFF", "NORMAL", "FULL", "EXTRA")


@dataclass(frozen=True, slots=True)
class Settings:
    """What every connection of an application is told; the defaults suit a server with one database."""

    synchronous: Synchronous = "NORMAL"
    """NORMAL: a crash of the process loses nothing; a power cut may lose the last commits and breaks nothing.
    Choose FULL where a commit that was answered must survive a power cut; each then waits for the disk."""

    cache_size: int = -65536
    """Pages kept in memory for each connection; negative: KiB. Choose less with hundreds of connections."""

    foreign_keys: bool = True
    """Off only for imports that check at their end (`PRAGMA foreign_key_check`)."""

    busy_timeout_ms: int = 5000
    """How long a writer waits for another one. Longer than the longest transaction of any other writer."""

    mmap_size: int = 268435456
    """Bytes read through memory mapping. Choose 0 with an SQLite before 3.51.3 and several writers (a reset
    of the WAL may be missed), and on file systems where somebody could shrink the file: that ends the
    process with a bus error instead of a message."""


PRODUCTION = Settings()


class _Connection(Protocol):
    """What both libraries have in common."""

    def execute(self, sql: str, /) -> Any: ...

    def close(self) -> Any: ...


C = TypeVar("C", bound=_Connection)


def connect(
    path: str | os.PathLike[str], *, settings: Settings = PRODUCTION, read_only: bool = False, **options: Any
) -> sqlite3.Connection:
    """Open a database by the standard library, in WAL mode; `options` are those of `sqlite3.connect`.

    A transaction that writes begins with BEGIN IMMEDIATE, so that it waits for other writers at its
    beginning and never fails in its middle. A reader cannot write. Raises `RefusedError`.
    """
    if not read_only:
        _refuse_network(os.fspath(path))  # before anything is made there
    options.setdefault("isolation_level", "IMMEDIATE")
    options.setdefault("timeout", settings.busy_timeout_ms / 1000)
    try:
        connection: sqlite3.Connection = sqlite3.connect(_uri(path, read_only), uri=True, **options)
    except sqlite3.Error as error:
        raise _refused(path, str(error)) from None
    return _configured(connection, settings, read_only, path)


def connect_apsw(
    path: str | os.PathLike[str], *, settings: Settings = PRODUCTION, read_only: bool = False
) -> apsw.Connection:
    """Open a database by apsw, which brings a current SQLite along; raise `RefusedError`.

    Begin what writes with BEGIN IMMEDIATE, or by `writing`.
    """
    import apsw

    if not read_only:
        _refuse_network(os.fspath(path))  # before anything is made there
    flags = apsw.SQLITE_OPEN_URI | (
        apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    )
    try:
        connection = apsw.Connection(_uri(path, read_only), flags=flags)
    except apsw.Error as error:
        raise _refused(path, str(error)) from None
    return _configured(connection, settings, read_only, path)


def configure(
    connection: _Connection,
    *,
    settings: Settings = PRODUCTION,
    read_only: bool = False,
    path: str | os.PathLike[str] = "",
) -> None:
    """Set up a connection that somebody else opened, a framework for one, outside any transaction.

    Raises `RefusedError` for a setting that does not hold, naming `path`.
    """
    name = os.fspath(path) or _main_file(connection) or "the database"
    try:
        # First: all that follows may have to wait for another process.
        _value(connection, f"PRAGMA busy_timeout = {int(settings.busy_timeout_ms)}")
        if not read_only:
            _refuse_network(name)
        _set_wal(connection, name, read_only=read_only)
        _set(connection, name, "synchronous", _LEVELS.index(settings.synchronous))
        _set(connection, name, "cache_size", int(settings.cache_size))
        _set(connection, name, "foreign_keys", int(settings.foreign_keys))
        _set(connection, name, "query_only", int(read_only))
        _set_mapping(connection, name, int(settings.mmap_size))
    except (RefusedError, MemoryError):
        raise
    except Exception as error:  # each library has its own
        raise _refused(name, str(error)) from None


@contextmanager
def writing(connection: _Connection) -> Iterator[None]:
    """Run a block as one transaction that writes: committed at its end, rolled back when it raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if is_in_transaction(connection):
            connection.execute("ROLLBACK")
        raise


def is_in_transaction(connection: Any) -> bool:
    """Tell whether a connection of either library has a transaction open."""
    return bool(connection.in_transaction)


def _configured(connection: C, settings: Settings, read_only: bool, path: str | os.PathLike[str]) -> C:
    try:
        configure(connection, settings=settings, read_only=read_only, path=path)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_wal(connection: _Connection, name: str, *, read_only: bool) -> None:
    # Asked for only where it is not so: to switch takes a lock that no other connection may be in the way of.
    mode = str(_value(connection, "PRAGMA journal_mode")).lower()
    if mode == "wal":
        return
    if read_only:
        raise RefusedError(
            f"{name} is not in WAL mode, but in mode {mode}: readers would hold up its writer",
            object=name,
            hint="open it once for writing, or run: PRAGMA journal_mode = WAL",
        )
    mode = str(_value(connection, "PRAGMA journal_mode = WAL")).lower()
    if mode != "wal":
        raise RefusedError(
            f"{name} cannot be in WAL mode: it stays in mode {mode}",
            object=name,
            hint="a WAL needs a file on a local disk: not in memory, not on a network drive, not read-only",
        )


def _set(connection: _Connection, name: str, pragma: str, value: int) -> None:
    connection.execute(f"PRAGMA {pragma} = {value}")
    held = _value(connection, f"PRAGMA {pragma}")
    if held != value:
        raise RefusedError(
            f"{name}: PRAGMA {pragma} = {value} does not hold, it is {held}",
            object=name,
            hint="set connections up outside any transaction",
        )


def _set_mapping(connection: _Connection, name: str, size: int) -> None:
    held = _value(connection, f"PRAGMA mmap_size = {size}")
    if held is None:  # SQLite was built without memory mapping: nothing is mapped
        return
    if held > size:
        raise RefusedError(f"{name}: PRAGMA mmap_size = {size} does not hold, it is {held}", object=name)


def _refuse_network(name: str) -> None:
    found = filesystem.kind(name)
    if filesystem.is_network(found):
        raise RefusedError(
            f"{name} lies on a network file system ({found}), where a WAL does not work",
            object=name,
            hint="keep the database on a local disk, and replicate it: sqlrecover replicate",
        )


def _value(connection: _Connection, sql: str) -> Any:
    rows = list(connection.execute(sql))
    return rows[0][0] if rows else None


def _main_file(connection: _Connection) -> str:
    return next((str(row[2] or "") for row in connection.execute("PRAGMA database_list")), "")


def _uri(path: str | os.PathLike[str], read_only: bool) -> str:
    name = os.fsencode(path)
    if name == b":memory:":
        raise _refused(path, "what is only in memory cannot be replicated")
    absolute = name if name.startswith(b"/") else os.fsencode(Path.cwd()) + b"/" + name
    return f"file://{quote_from_bytes(absolute)}?mode={'ro' if read_only else 'rwc'}"


def _refused(path: str | os.PathLike[str], why: str) -> RefusedError:
    name = os.fspath(path)
    return RefusedError(
        f"{name} cannot be opened for an application: {why}",
        object=name,
        hint="look at it: sqlrecover check, or at who has it open and as whom",
    )
