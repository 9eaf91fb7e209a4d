"""Restores as data, to be carried out here or in another process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.progress import CancelToken, ProgressFn
from sqlite_recovery_tui.replica.fleet import ReplicaRef
from sqlite_recovery_tui.restore.plan import Plan
from sqlite_recovery_tui.restore.unfinished import Unfinished

if TYPE_CHECKING:
    from sqlite_recovery_tui.restore.run import RestoreOptions, RestoreResult

_AFTER_DEATH = "try again: it goes on from what was fetched, and the next start offers that, too"


@dataclass(frozen=True)
class RestoreTask:
    """Carry a plan out, with objects of the replica `ref`."""

    ref: ReplicaRef
    plan: Plan
    options: RestoreOptions

    @property
    def name(self) -> str:
        return f"restore of {Path(self.plan.database or self.options.output).name}"

    @property
    def after_death(self) -> str:
        return _AFTER_DEATH

    def carry_out(self, progress: ProgressFn, cancel: CancelToken, clock: Clock) -> RestoreResult:
        """Raise what `restore` raises."""
        from sqlite_recovery_tui.restore.run import restore
        from sqlite_recovery_tui.storage.open import open_store

        store = open_store(self.ref.replica, clock=clock)
        try:
            return restore(
                store,
                self.plan,
                self.options,
                age_identities=self.ref.identities,
                progress=progress,
                cancel=cancel,
                clock=clock,
            )
        finally:
            store.close()


@dataclass(frozen=True)
class ResumeTask:
    """Carry an interrupted restore to its end."""

    unfinished: Unfinished
    ref: ReplicaRef

    @property
    def name(self) -> str:
        return f"restore of {self.unfinished.database}"

    @property
    def after_death(self) -> str:
        return _AFTER_DEATH

    def carry_out(self, progress: ProgressFn, cancel: CancelToken, clock: Clock) -> RestoreResult:
        """Raise what `resume` raises."""
        from sqlite_recovery_tui.restore.resume import resume

        return resume(self.unfinished, self.ref, progress=progress, cancel=cancel, clock=clock)
