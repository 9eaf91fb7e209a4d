"""Where the daemon keeps what is on its way, and how it opens the places where that goes."""

from __future__ import annotations

from pathlib import Path

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.config import DatabaseConfig, ReplicaConfig
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.open import open_store


def spool_folder(database: DatabaseConfig) -> Path:
    """Return the folder of a database's spool: in `meta-path`, by default beside the database."""
    own = f".{database.name}-sqlrecover"
    return database.meta_path / own if database.meta_path else database.path.parent / own


def replica_store(replica: ReplicaConfig, database: Path, *, clock: Clock = SYSTEM) -> Store:
    """Return the store of `replica`; files in a folder get mode and owner of `database`."""
    if replica.type != "file":
        return open_store(replica, clock=clock)
    from sqlite_recovery_tui.storage.files import FileStore, Like

    return FileStore(Path(replica.path), url=replica.url, like=lambda: Like.database(database))
