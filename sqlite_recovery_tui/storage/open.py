"""From a replica's configuration to its store: the only place that knows the kinds of storage."""

from __future__ import annotations

from pathlib import Path

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.retry import Retry


def open_store(replica: ReplicaConfig, *, clock: Clock = SYSTEM) -> Store:
    """Return the store of `replica`. Nothing is read yet: the first operation says what is wrong."""
    if replica.type == "file":
        from sqlite_recovery_tui.storage.files import FileStore

        return FileStore(Path(replica.path), url=replica.url)
    if replica.type == "memory":
        from sqlite_recovery_tui.storage.memory import shared_memory

        return shared_memory("/".join(part for part in (replica.bucket, replica.path) if part))
    if replica.type == "sftp":
        from sqlite_recovery_tui.storage.sftp import sftp_store

        return sftp_store(replica, retry=Retry(clock))
    from sqlite_recovery_tui.storage.objects import ObjectStore
    from sqlite_recovery_tui.storage.sites import site_of

    site = site_of(replica, clock=clock)
    return ObjectStore(
        site, root=replica.path, url=replica.url, retry=Retry(clock), literal=replica.literal_path
    )
