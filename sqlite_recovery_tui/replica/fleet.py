"""Every database and replica that is in question, and what a scan of each one found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlite_recovery_tui import config
from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.config import DatabaseConfig, ReplicaConfig, Settings
from sqlite_recovery_tui.errors import Cancelled, NotFoundError, RecoverError, UsageError
from sqlite_recovery_tui.progress import CancelToken, ProgressFn, ignore_progress
from sqlite_recovery_tui.storage.open import open_store

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.timeline import Timeline


@dataclass(frozen=True)
class ReplicaRef:
    """A replica and the database it is of; a replica given by its URL alone has none."""

    database: DatabaseConfig | None
    replica: ReplicaConfig

    @property
    def label(self) -> str:
        """What a person calls it: database and replica name, or the URL."""
        return f"{self.database.name} {self.replica.name}" if self.database else self.replica.url

    @property
    def database_name(self) -> str | None:
        return str(self.database.path) if self.database else None

    @property
    def identities(self) -> tuple[str, ...]:
        """The age identities that decrypt it, revealed; never to be printed."""
        return tuple(identity.reveal() for identity in self.replica.age_identities)


@dataclass(frozen=True)
class ReplicaState:
    """What is known of one replica: its timeline, or why there is none."""

    ref: ReplicaRef
    timeline: Timeline | None
    error: RecoverError | None
    as_of: datetime
    complete: bool = True
    """False while the listing still goes on."""


def refs(settings: Settings | None, wanted: str | None, replica_name: str | None = None) -> list[ReplicaRef]:
    """Return the replicas that `wanted` names: a URL, a database's path or name; None: all of them.

    Raises `NotFoundError` for a database or a replica name that the configuration does not have, and
    `UsageError` when a configuration is needed and there is none.
    """
    if wanted is not None and (settings is None or config.is_url(wanted)):
        return [_by_url(settings, wanted, replica_name)]
    if settings is None:
        raise UsageError(
            "no configuration found",
            hint="name one with --config, or give a replica URL such as s3://bucket/path",
        )
    databases = settings.databases if wanted is None else (settings.database(wanted),)
    found = [ReplicaRef(database, replica) for database in databases for replica in database.replicas]
    if replica_name is None:
        return found
    named = [ref for ref in found if ref.replica.name == replica_name]
    if not named:
        known = ", ".join(sorted({ref.replica.name for ref in found})) or "none"
        raise NotFoundError(f"no replica is named {replica_name!r}", hint=f"replicas here: {known}")
    return named


def scan_replica(
    ref: ReplicaRef,
    *,
    clock: Clock = SYSTEM,
    cancel: CancelToken | None = None,
    progress: ProgressFn = ignore_progress,
    on_partial: Callable[[ReplicaState], None] | None = None,
    exact_at: datetime | None = None,
) -> ReplicaState:
    """List one replica; a failure becomes part of the state. Raises `Cancelled` only.

    With `exact_at` what may belong to that moment is dated by its writer (see `replica.dating`), which
    costs requests where a listing tells other times.
    """
    from sqlite_recovery_tui.replica.dating import dated_around
    from sqlite_recovery_tui.replica.scan import scan
    from sqlite_recovery_tui.replica.times import mend_times

    def partial(timeline: Timeline) -> None:
        if on_partial is not None:
            on_partial(ReplicaState(ref, timeline, None, clock.now(), complete=False))

    try:
        store = open_store(ref.replica, clock=clock)
        try:
            timeline = scan(store, progress=progress, cancel=cancel, on_partial=partial, clock=clock)
            if exact_at is None:
                timeline = mend_times(store, timeline, cancel=cancel, progress=progress)
            else:
                timeline = dated_around(store, timeline, exact_at, cancel=cancel, progress=progress)
        finally:
            store.close()
    except Cancelled:
        raise
    except RecoverError as error:
        return ReplicaState(ref, None, error, clock.now())
    return ReplicaState(ref, timeline, None, clock.now())


def _by_url(settings: Settings | None, wanted: str, replica_name: str | None) -> ReplicaRef:
    """Return the replica at a URL, as the configuration knows it where it does: with its credentials."""
    if replica_name is not None:
        raise UsageError("a replica name goes with a configured database, not with a URL")
    replica = config.replica_from_url(wanted)
    for database in settings.databases if settings is not None else ():
        for configured in database.replicas:
            if same_place(configured, replica):
                return ReplicaRef(database, configured)
    return ReplicaRef(None, replica)


def same_place(one: ReplicaConfig, other: ReplicaConfig) -> bool:
    """Tell whether two replicas are the same one, whatever they are called and whoever may read them."""
    return _place(one) == _place(other)


def _place(replica: ReplicaConfig) -> tuple[object, ...]:
    return (replica.type, replica.bucket, replica.path.strip("/"), replica.host, replica.endpoint)
