"""A database that is not there is restored before it is replicated, where that was asked for."""

from __future__ import annotations

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.config import DatabaseConfig
from sqlite_recovery_tui.errors import BucketNotFound, NotFoundError, RecoverError
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.replica.fleet import ReplicaRef, ReplicaState, scan_replica
from sqlite_recovery_tui.restore.choose import Choice, choose, restore_best
from sqlite_recovery_tui.restore.run import RestoreOptions, RestoreResult, restore
from sqlite_recovery_tui.restore.target import Latest
from sqlite_recovery_tui.storage.open import open_store


def restore_missing(database: DatabaseConfig, *, clock: Clock, cancel: CancelToken) -> RestoreResult | None:
    """Restore the latest state to the database's path; None when it is there, or no replica holds anything.

    Raises `RecoverError` when a replica holds something, or cannot be asked, and nothing was restored.
    """
    if database.path.exists():
        return None
    states = [
        scan_replica(ReplicaRef(database, replica), clock=clock, cancel=cancel)
        for replica in database.replicas
    ]
    if all(map(_is_empty, states)):
        return None
    try:
        choice = choose(states, Latest())
    except NotFoundError:
        raise _first_error(states) from None

    def attempt(choice: Choice, stop_early: bool) -> RestoreResult:
        store = open_store(choice.ref.replica, clock=clock)
        options = RestoreOptions(
            database.path, memory_bytes=choice.ref.replica.memory_bytes, to_last_good=stop_early
        )
        try:
            identities = choice.ref.identities
            return restore(store, choice.plan, options, age_identities=identities, cancel=cancel, clock=clock)
        finally:
            store.close()

    result, _ = restore_best(choice, attempt)
    return result


def _is_empty(state: ReplicaState) -> bool:
    if state.timeline is not None:
        return not state.timeline.objects
    return isinstance(state.error, BucketNotFound) and state.ref.replica.type in ("file", "sftp")


def _first_error(states: list[ReplicaState]) -> RecoverError:
    errors = [state.error for state in states if state.error is not None]
    return errors[0] if errors else NotFoundError("the replicas hold no state that could be restored")
