"""Finding a database by what an operator types: a path in any spelling, or a base name."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from sqlite_recovery_tui.config.directories import covers, database_at
from sqlite_recovery_tui.config.models import DatabaseConfig, DirectoryConfig
from sqlite_recovery_tui.config.paths import absolute, strip_sqlite_prefix
from sqlite_recovery_tui.errors import NotFoundError, UsageError

_LISTED = 5


def find_database(
    databases: Sequence[DatabaseConfig], wanted: str, directories: Sequence[DirectoryConfig] = ()
) -> DatabaseConfig:
    """Return the database that `wanted` names; raise NotFoundError, or UsageError when several fit."""
    for fits in (_by_path, _by_link, _by_name):
        found = [database for database in databases if fits(database, wanted)]
        if len(found) == 1:
            return found[0]
        if found:
            paths = ", ".join(str(database.path) for database in found)
            raise UsageError(f'"{wanted}" fits more than one database: {paths}', hint="write the path")
    for directory in directories:
        for path in (_absolute(wanted), directory.path / wanted):
            if covers(directory, path):
                return database_at(directory, path)
    raise NotFoundError(f'no database "{wanted}" in the configuration', hint=_hint(databases, wanted))


def _by_path(database: DatabaseConfig, wanted: str) -> bool:
    return wanted == database.written or _absolute(wanted) == database.path


def _by_link(database: DatabaseConfig, wanted: str) -> bool:
    with contextlib.suppress(ValueError):  # not a path at all
        return os.path.realpath(_absolute(wanted)) == os.path.realpath(database.path)
    return False


def _by_name(database: DatabaseConfig, wanted: str) -> bool:
    return wanted == database.name


def _absolute(wanted: str) -> Path:
    return absolute(strip_sqlite_prefix(wanted.replace("\0", "")))


def _hint(databases: Sequence[DatabaseConfig], wanted: str) -> str:
    from difflib import get_close_matches

    names = list(dict.fromkeys(database.name for database in databases))
    if not names:
        return "the configuration names no database; a replica URL works without one"
    if near := get_close_matches(Path(wanted).name, names, n=1):
        return f"did you mean {near[0]}?"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"known databases: {', '.join(names[:_LISTED])}{more}"
