"""A replica as a follower's source: whichever format lies there, and whatever it goes on in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.errors import DamagedError
from sqlite_recovery_tui.progress import CancelToken, ProgressFn, ignore_progress
from sqlite_recovery_tui.replica.route import Route
from sqlite_recovery_tui.restore.changes import Step
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.restore.following.base import lineage_of, newest_base
from sqlite_recovery_tui.restore.following.look import Look
from sqlite_recovery_tui.restore.following.ltx import LtxSteps
from sqlite_recovery_tui.restore.following.room import Room
from sqlite_recovery_tui.restore.following.unfinished import Unfinished
from sqlite_recovery_tui.restore.following.wal import WalSteps
from sqlite_recovery_tui.restore.live import faults
from sqlite_recovery_tui.restore.live.mark import LTX, Mark
from sqlite_recovery_tui.restore.plan import Plan
from sqlite_recovery_tui.restore.run import RestoreOptions, RestoreResult, restore
from sqlite_recovery_tui.storage.base import Store

STEP_BYTES = 64 << 20
"""Page images that one step holds in memory."""


@dataclass
class ReplicaSource:
    """Leads a copy on through the replica in `store`; not for several threads at once."""

    store: Store
    url: str
    """Where the replica is, as the copy's mark has it."""
    copy: Path
    """Beside it is room for what does not fit into memory."""
    identities: Sequence[str] = field(default=(), repr=False)
    """Age identities that decrypt the replica."""
    database: str | None = None
    replica: str = ""
    parallelism: int = 8
    memory_bytes: int = 128 << 20
    """For a restore; a step takes `step_bytes`."""
    step_bytes: int = STEP_BYTES
    progress: ProgressFn = ignore_progress
    """Told of restores alone."""
    cancel: CancelToken = field(default_factory=CancelToken)
    clock: Clock = SYSTEM

    def __post_init__(self) -> None:
        self._look = Look(self.store, self.clock, self.cancel)
        self._unfinished = Unfinished()
        self._failed: tuple[Route, DamagedError] | None = None
        self._begin()

    def poll(self, since: Mark) -> Step | None:
        """Return what leads on from `since`, up to a commit; None when nothing newer is stored."""
        steps = self._ltx if since.lineage == LTX else self._wal
        try:
            return steps.poll(since)
        except DamagedError:
            self._look.forget()
            raise
        except OSError as error:
            raise faults.local_failure(error, self.copy) from None

    def rebase(self, since: Mark, into: Path) -> Mark:
        """Restore the newest state to `into`, and return its mark."""
        timeline = self._look.full()
        self._look.forget()  # what is seen here is for the copy that comes of it
        plan = newest_base(
            timeline,
            since,
            self._unfinished.is_spoilt,
            database=self.database,
            replica=self.replica,
            url=self.url,
        )
        mark = mark_of(self._restored(plan, into))
        self._begin()
        return mark

    def _restored(self, plan: Plan, into: Path) -> RestoreResult:
        """Carry a plan out, unless it is the one that failed before: its objects do not change."""
        if self._failed is not None and self._failed[0] == plan.route:
            raise self._failed[1]
        options = RestoreOptions(into, parallelism=self.parallelism, memory_bytes=self.memory_bytes)
        try:
            return restore(
                self.store,
                plan,
                options,
                age_identities=self.identities,
                progress=self.progress,
                cancel=self.cancel,
                clock=self.clock,
            )
        except DamagedError as error:
            self._failed = plan.route, error
            raise

    def _begin(self) -> None:
        """Forget what was read, for a copy that does not go on from there."""
        fetcher = Fetcher(self.store, self.identities, self.parallelism, self.cancel)
        room = Room(self.copy.absolute().parent, self.step_bytes)
        self._look.forget()
        self._ltx = LtxSteps(self._look, fetcher, room, self._unfinished, self.clock)
        self._wal = WalSteps(self._look, fetcher, room, self._unfinished, self.clock)


def mark_of(result: RestoreResult) -> Mark:
    """Return where a copy stands that is made of a finished restore."""
    return Mark(result.position, result.time, lineage_of(result.position), result.plan.base.key)
