"""What replicas lie in a bucket or below a folder, and which of them the configuration knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlite_recovery_tui import config
from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.config import ReplicaConfig, Settings
from sqlite_recovery_tui.errors import RecoverError, UsageError
from sqlite_recovery_tui.progress import CancelToken, ProgressFn, ignore_progress
from sqlite_recovery_tui.replica.discover import Found, discover
from sqlite_recovery_tui.replica.fleet import ReplicaRef, same_place
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.storage.open import open_store


@dataclass(frozen=True)
class Sighting:
    """A replica that was found, and what the configuration knows of it."""

    ref: ReplicaRef
    timeline: Timeline
    complete: bool
    database_exists: bool = False
    """Whether the database that the configuration names for it is on this host."""

    @property
    def url(self) -> str:
        return self.ref.replica.url

    @property
    def known_as(self) -> str:
        """What the configuration calls it, and whether its database is gone from here; empty: nothing."""
        if self.ref.database is None:
            return ""
        gone = "" if self.database_exists else ", not on this host"
        return f"{self.ref.label}{gone}"

    def to_json(self) -> dict[str, Any]:
        """Return what the command line prints of it."""
        replica, database = self.ref.replica, self.ref.database
        return {
            "url": replica.url,
            "type": replica.type,
            "bucket": replica.bucket or None,
            "path": replica.path,
            "region": replica.region,
            "endpoint": replica.endpoint,
            "database": self.ref.database_name,
            "replica": replica.name if database is not None else None,
            "configured": database is not None,
            "database_exists": self.database_exists if database is not None else None,
            "timeline": self.timeline.to_json(),
        }


@dataclass(frozen=True)
class Browsed:
    """Everything that was found below a place, in the order of the folders."""

    place: ReplicaConfig
    sightings: tuple[Sighting, ...]
    objects: int
    """How many objects were listed on the way."""
    errors: tuple[RecoverError, ...]
    cut_short: bool


def browse(
    settings: Settings | None,
    where: str,
    *,
    on_found: Callable[[Sighting], None] | None = None,
    progress: ProgressFn = ignore_progress,
    cancel: CancelToken | None = None,
    clock: Clock = SYSTEM,
) -> Browsed:
    """Find every replica below `where`, a URL of any kind of storage or a directory.

    `on_found` is called when a replica is seen and again when all of it is listed, maybe from another
    thread. Raises `UsageError`, `StorageError`, `Cancelled`.
    """
    place = place_at(settings, where)
    sightings: dict[str, Sighting] = {}

    def take(found: Found) -> None:
        before = sightings.get(found.folder)
        ref = before.ref if before is not None else _ref(settings, place, found.folder)
        exists = before.database_exists if before is not None else _exists(ref)
        sightings[found.folder] = Sighting(ref, found.timeline, found.complete, exists)
        if on_found is not None:
            on_found(sightings[found.folder])

    store = open_store(place, clock=clock)
    try:
        result = discover(store, on_found=take, progress=progress, cancel=cancel)
    finally:
        store.close()
    ordered = tuple(sightings[found.folder] for found in result.found)
    return Browsed(place, ordered, result.objects, result.errors, result.cut_short)


def place_at(settings: Settings | None, where: str) -> ReplicaConfig:
    """Return the place to look through, with the credentials of a replica that is configured there.

    A bucket that the configuration has at another endpoint than the provider's own need not name that.
    Raises `UsageError`.
    """
    place = config.replica_from_url(where)
    if place.type == "memory":
        raise UsageError("memory:// cannot be looked through")
    configured = [replica for replica in _configured(settings) if replica.type == place.type]
    same = [replica for replica in configured if _site(replica) == _site(place)]
    if not same and place.bucket and not place.endpoint:
        same = [replica for replica in configured if replica.bucket == place.bucket]
    return replace(same[0], name=place.name, path=place.path, literal_path=None) if same else place


def known_places(settings: Settings | None) -> list[str]:
    """Return the URLs of the buckets and folders that configured replicas lie in, each once."""
    found: dict[str, None] = {}
    for replica in _configured(settings):
        if replica.type != "memory":
            parent = replica.path.rstrip("/").rpartition("/")[0]
            found[replace(replica, path="" if replica.bucket else parent or "/").url] = None
    return list(found)


def _ref(settings: Settings | None, place: ReplicaConfig, folder: str) -> ReplicaRef:
    """Return the replica in a folder below `place`, as the configuration knows it where it does."""
    inside = folder.rstrip("/")
    replica = replace(place, path="/".join(part for part in (place.path.rstrip("/"), inside) if part))
    for database in settings.databases if settings is not None else ():
        for configured in database.replicas:
            if same_place(configured, replica):
                return ReplicaRef(database, configured)
    return ReplicaRef(None, replica)


def _exists(ref: ReplicaRef) -> bool:
    try:
        return ref.database is not None and ref.database.path.exists()
    except (OSError, ValueError):
        return False


def _configured(settings: Settings | None) -> Iterator[ReplicaConfig]:
    for database in settings.databases if settings is not None else ():
        yield from database.replicas


def _site(replica: ReplicaConfig) -> tuple[object, ...]:
    return (replica.bucket, replica.host, replica.port, replica.user, replica.endpoint, replica.account_name)
