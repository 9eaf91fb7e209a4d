"""Database files as commands look into them: found by path or name, untrusted, never written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_recovery_tui.cli.session import Session
from sqlite_recovery_tui.errors import ConfigError, NotFoundError, StatementError, UsageError

if TYPE_CHECKING:
    from sqlite_recovery_tui.sqlite.inspector import Inspector


def database_file(session: Session, target: str) -> Path:
    """Return the file at the path `target`, or the database of that name; raises `NotFoundError`."""
    path = Path(target)
    found = path if path.exists() else configured(session, target)
    if found is not None:
        return found
    raise NotFoundError(
        f"there is no file {target}",
        object=target,
        hint="name a database file; `sqlrecover scratch` lists the restored ones",
    )


def configured(session: Session, name: str) -> Path | None:
    """Return the path of the database that the configuration calls `name`; None when it knows none.

    Raises `ConfigError` for a configuration that was named; another one is left alone when it is broken.
    """
    passed_over = (NotFoundError,) if session.common.config is not None else (NotFoundError, ConfigError)
    with suppress(*passed_over):
        if session.settings is not None:
            return session.settings.database(name).path
    return None


@contextmanager
def looking_into(session: Session, target: str) -> Iterator[Inspector]:
    """Open a database file for reading until the block ends."""
    from sqlite_recovery_tui.sqlite.inspector import Inspector

    with Inspector(database_file(session, target)) as inspector:
        yield inspector


@contextmanager
def marking(sql: str) -> Iterator[None]:
    """Say of an error in `sql` where in it that is."""
    try:
        yield
    except StatementError as error:
        if error.offset is None:
            raise
        from sqlite_recovery_tui.sqlite.statement import place

        where = place(sql, error.offset)
        raise StatementError(error.message, object=error.object, hint=where, offset=error.offset) from None


def time_limit(seconds: float) -> float | None:
    """Return a `-seconds` option as a limit, 0 being none; raise `UsageError` for a negative one."""
    if seconds < 0:
        raise UsageError("-seconds cannot be negative", hint="0 sets no limit")
    return seconds or None
