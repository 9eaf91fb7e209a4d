"""Proof of a whole replica: every object decoded, every chain replayed from snapshot to snapshot.

A snapshot that equals, page for page, the state replayed from the one before it attests the end of every
WAL between them, which nothing else in the v0.3 format does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlite_recovery_tui.domain import RestorePoint
from sqlite_recovery_tui.errors import NotFoundError
from sqlite_recovery_tui.progress import CancelToken, Progress, ProgressFn, ignore_progress
from sqlite_recovery_tui.replica.generations import Generation
from sqlite_recovery_tui.replica.lineage import Lineage
from sqlite_recovery_tui.replica.ltx import LtxLineage
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.verify.ltx_prover import LtxProver
from sqlite_recovery_tui.verify.proof import Fault, LineageProof, ReplicaProof
from sqlite_recovery_tui.verify.prover import Prover

__all__ = ["Fault", "LineageProof", "ReplicaProof", "verify_replica"]


def verify_replica(
    store: Store,
    timeline: Timeline,
    *,
    age_identities: Sequence[str] = (),
    parallelism: int = 8,
    folder: Path | None = None,
    progress: ProgressFn = ignore_progress,
    cancel: CancelToken | None = None,
) -> ReplicaProof:
    """Decode and replay all that `timeline` lists; faults are collected, not raised.

    Needs room for two copies of the database in `folder` (None: the system's temporary directory), for
    three where snapshots disagree.
    Raises `NotFoundError` for an empty replica, `StorageError`, `Cancelled`.
    """
    if not timeline.objects:
        raise NotFoundError(f"no backups found at {store.url}", hint="check the bucket and the path")
    fetcher = Fetcher(store, age_identities, parallelism, cancel or CancelToken())
    meter = _Meter(progress, timeline.objects)
    with tempfile.TemporaryDirectory(prefix="sqlrecover-verify-", dir=folder) as own:
        proofs = tuple(
            _prover(fetcher, lineage, Path(own), meter.count, _next_start(timeline, lineage)).prove()
            for lineage in timeline.lineages
        )
    return ReplicaProof(proofs, fetcher.objects_fetched, fetcher.bytes_fetched, timeline.newest)


@dataclass
class _Meter:
    progress: ProgressFn
    total: int
    done: int = 0

    def count(self, detail: str) -> None:
        self.done += 1
        self.progress(Progress("verifying", self.done, self.total, "objects", detail))


def _prover(
    fetcher: Fetcher,
    lineage: Lineage,
    folder: Path,
    count: Callable[[str], None],
    following: RestorePoint | None,
) -> Prover | LtxProver:
    """Return what proves this kind of lineage."""
    if isinstance(lineage, Generation):
        return Prover(fetcher, lineage, folder, count, following)
    assert isinstance(lineage, LtxLineage)
    return LtxProver(fetcher, lineage, count, following)


def _next_start(timeline: Timeline, lineage: Lineage) -> RestorePoint | None:
    """Return where history begins again behind `lineage`."""
    behind = timeline.lineages[timeline.lineages.index(lineage) + 1 :]
    return next((first for item in behind if (first := item.oldest())), None)
