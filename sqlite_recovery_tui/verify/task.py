"""The proof of a replica as data, to be carried out here or in another process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.progress import CancelToken, ProgressFn
from sqlite_recovery_tui.replica.fleet import ReplicaRef
from sqlite_recovery_tui.verify.proof import ReplicaProof


@dataclass(frozen=True)
class ProofTask:
    """List a replica anew and prove all it holds."""

    ref: ReplicaRef

    @property
    def name(self) -> str:
        return f"proof of {self.ref.label}"

    @property
    def after_death(self) -> str:
        return "try again; nothing was written but temporary files"

    def carry_out(self, progress: ProgressFn, cancel: CancelToken, clock: Clock) -> ReplicaProof:
        """Raise what the listing failed with, and what `verify_replica` raises."""
        from sqlite_recovery_tui.replica.fleet import scan_replica
        from sqlite_recovery_tui.storage.open import open_store
        from sqlite_recovery_tui.verify.replica import verify_replica

        state = scan_replica(self.ref, clock=clock, cancel=cancel, progress=progress)
        if state.timeline is None:
            assert state.error is not None
            raise state.error
        store = open_store(self.ref.replica, clock=clock)
        try:
            return verify_replica(
                store,
                state.timeline,
                age_identities=self.ref.identities,
                folder=_roomy(self.ref.replica.scratch_dir),
                progress=progress,
                cancel=cancel,
            )
        finally:
            store.close()


def _roomy(folder: Path) -> Path | None:
    """Return the scratch directory, which is sized for databases; the system's own when it cannot be had."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    return folder
