"""Checks by name, and databases as a careful application leaves them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import apsw

from sqlite_recovery_tui.replica.health import Check


def by_name(checks: Iterable[Check]) -> dict[str, Check]:
    """Return checks by their names, none of which comes twice."""
    listed = list(checks)
    found = {check.name: check for check in listed}
    assert len(found) == len(listed), [check.name for check in listed]
    return found


def bad(checks: Iterable[Check]) -> dict[str, str]:
    """Return the status of each check that is not ok."""
    return {check.name: check.status for check in checks if check.status != "ok"}


def database(path: Path, *statements: str) -> Path:
    """Make a database in WAL mode by a current SQLite, closed again."""
    with closing(apsw.Connection(str(path))) as connection:
        for statement in ("PRAGMA journal_mode=WAL", "CREATE TABLE t(a)", *statements):
            connection.execute(statement).fetchall()
    return path
