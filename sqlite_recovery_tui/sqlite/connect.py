"""How SQLite files are opened: untrusted ones behind a guard, production's without leaving a trace."""

from __future__ import annotations

import os
from urllib.parse import quote_from_bytes

import apsw

from sqlite_recovery_tui.sqlite.guard import Guard

_CONFIG = {
    apsw.SQLITE_DBCONFIG_DEFENSIVE: 1,
    apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA: 0,
    apsw.SQLITE_DBCONFIG_WRITABLE_SCHEMA: 0,
    apsw.SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION: 0,
    apsw.SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER: 0,
    apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER: 0,
    apsw.SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE: 0,
    apsw.SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE: 0,
}
# Wide enough for any schema an application would have; LENGTH stays, since a cell may be of any size
# and only its beginning is ever read. VDBE_OP must hold a check of some ten thousand tables.
_LIMITS = {
    apsw.SQLITE_LIMIT_ATTACHED: 0,
    apsw.SQLITE_LIMIT_SQL_LENGTH: 4_000_000,
    apsw.SQLITE_LIMIT_EXPR_DEPTH: 500,
    apsw.SQLITE_LIMIT_COMPOUND_SELECT: 200,
    apsw.SQLITE_LIMIT_VDBE_OP: 50_000_000,
    apsw.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1000,
    apsw.SQLITE_LIMIT_TRIGGER_DEPTH: 10,
    apsw.SQLITE_LIMIT_WORKER_THREADS: 0,
}


def open_untrusted(
    path: str | bytes | os.PathLike[str],
    *,
    guard: Guard | None = None,
    cache_bytes: int = 8 << 20,
) -> apsw.Connection:
    """Open a database read-only as hostile input; nothing is ever written to it or beside it.

    The file must have no live `-wal` or `-journal` beside it and must not change while it is open: it is
    opened as immutable, without locks. Raises `apsw.Error` for a file that cannot be opened or read.
    """
    connection = apsw.Connection(
        immutable_uri(path),
        flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_NOFOLLOW,
    )
    return _guarded(connection, guard, cache_bytes)


def open_untrusted_through(
    vfs: str, *, guard: Guard | None = None, cache_bytes: int = 8 << 20
) -> apsw.Connection:
    """Open the only database that the virtual file system `vfs` has, as `open_untrusted` does."""
    connection = apsw.Connection(
        "file:database?mode=ro&immutable=1",
        flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI,
        vfs=vfs,
    )
    return _guarded(connection, guard, cache_bytes)


def _guarded(connection: apsw.Connection, guard: Guard | None, cache_bytes: int) -> apsw.Connection:
    try:
        for option, value in _CONFIG.items():
            connection.config(option, value)
        for limit, value in _LIMITS.items():
            connection.limit(limit, value)
        for pragma in ("mmap_size=0", "cell_size_check=ON", "query_only=ON", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        # The first statement that reads the schema: a broken one shows here.
        connection.execute(f"PRAGMA cache_size=-{cache_bytes // 1024}")
        connection.authorizer = guard or Guard()
    except BaseException:
        connection.close()
        raise
    return connection


def open_production(
    path: str | os.PathLike[str], *, is_at_rest: bool, busy_seconds: float = 2.0
) -> apsw.Connection:
    """Open a database that others may use, for reading; its log is neither folded in nor removed at the end.

    Where it `is_at_rest` (nothing beside it, nobody has it open), nothing is made beside it either. Raises
    `apsw.Error`, also for a schema that cannot be read.
    """
    if is_at_rest:
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        connection = apsw.Connection(immutable_uri(path), flags=flags)
    else:
        connection = apsw.Connection(os.fspath(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
        connection.set_busy_timeout(int(busy_seconds * 1000))
        connection.pragma("query_only", True)
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def open_to_write(path: str | os.PathLike[str], *, busy_seconds: float = 1.0) -> apsw.Connection:
    """Open a database that is there as its application would, waiting so long for others.

    Raises `apsw.Error` for a file that is not there, or cannot be written.
    """
    connection = apsw.Connection(os.fspath(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(round(busy_seconds * 1000))
    return connection


def immutable_uri(path: str | bytes | os.PathLike[str]) -> str:
    """Return the URI that opens `path`, links resolved, as it lies on disk, whatever bytes its name has."""
    absolute = os.path.realpath(os.fsencode(path))  # bytes: a name may not be valid UTF-8
    return f"file://{quote_from_bytes(absolute)}?mode=ro&immutable=1"
