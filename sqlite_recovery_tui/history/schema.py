"""The tables of the ledger, version by version; what one version made, later ones bring up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database

APPLICATION_ID = 0x53515248
"""`SQRH`, in the file's header: this is one of ours."""


def _first(db: Database) -> None:
    columns = {
        "id": int,
        "kind": str,
        "started": str,
        "ended": str,
        "duration": float,
        "user": str,
        "host": str,
        "pid": int,
        "process": str,
        "version": str,
        "database": str,
        "replica": str,
        "url": str,
        "lineage": str,
        "position": str,
        "point_time": str,
        "asked": str,
        "output": str,
        "outcome": str,
        "error": str,
        "hint": str,
        "verdict": str,
        "integrity": str,
        "proof": str,
        "sources": bytes,
        "results": str,
        "command": str,
    }
    acts = db.table("acts")
    acts.create(columns, pk="id", not_null=("kind", "started", "user", "host", "pid"))
    acts.create_index(["started"])
    acts.create_index(["proof", "url"])
    acts.create_index(["output"])


MIGRATIONS: list[Callable[[Database], None]] = [_first]
"""Each leads from the version that is its index to the next one; never changed once released."""


def is_current(connection: sqlite3.Connection) -> bool:
    """Tell whether the tables are those of this version."""
    return version(connection) == len(MIGRATIONS) and application_id(connection) == APPLICATION_ID


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Make what later versions added, in the transaction that `connection` is in."""
    import sqlite_utils  # a tenth of a second, paid once for each version and never by a recovery after that

    db = sqlite_utils.Database(connection, execute_plugins=False, recursive_triggers=False)
    for migrate in MIGRATIONS[version(connection) :]:
        migrate(db)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def version(connection: sqlite3.Connection) -> int:
    """Return which version made the tables; 0: none did."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def application_id(connection: sqlite3.Connection) -> int:
    """Return whose file it says it is."""
    return int(connection.execute("PRAGMA application_id").fetchone()[0])


def is_empty(connection: sqlite3.Connection) -> bool:
    """Tell whether there is nothing in the file yet."""
    return not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
