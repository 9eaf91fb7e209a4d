"""Whether a snapshot is newer than what is laid over it: the result would mix two states.

Asked only where it can happen, which is when the last frames are of the snapshot's own WAL and nothing
among them was stored long enough behind it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlite_recovery_tui.domain import RestorePoint, WalSegment
from sqlite_recovery_tui.errors import DamagedError
from sqlite_recovery_tui.replica.chain import Chain, ChainFault
from sqlite_recovery_tui.replica.generations import WalRoute, snapshot_point
from sqlite_recovery_tui.restore import faults
from sqlite_recovery_tui.restore.detour import Detour
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.restore.mark import SnapshotMark

SHIPPED_AFTER = timedelta(seconds=2)
"""A segment stored this much later than a snapshot carries all that the snapshot can hold: Litestream
ships everything up to the end of its shadow WAL, which it brings up to date every second."""

STEP_BACK_BYTES = 64 << 20
"""An earlier base is used to settle a doubt when it costs no more than this to fetch."""


class TornSnapshot(Detour):
    """The base holds pages that are newer than the target, or may where `certain` is False."""

    def __init__(self, route: WalRoute, behind: RestorePoint | None = None, *, certain: bool = True) -> None:
        """Describe the tear of the base; `behind` is the next point that has all the frames it needs."""
        base = f"snapshot {route.base.index:08x}"
        if route.changes:
            message = (
                f"{base} holds pages newer than the frames stored behind it: "
                "laying those over it would mix two states"
            )
            hint = "another replica may reach further; an earlier time has an earlier snapshot"
        else:
            message = f"{base} was taken in the middle of a checkpoint: by itself it mixes two states"
            hint = "restore a later point"
        error = DamagedError(
            message,
            object=route.base.key,
            last_good=faults.last_snapshot_before(route),
            next_good=behind or snapshot_point(route.base),
            hint=hint,
        )
        doubt = "is" if certain else "may be"
        note = f"{base} {doubt} newer than the frames behind it; an earlier one was used"
        super().__init__({route.base.key: note}, error, certain=certain)


@dataclass
class TearWatch:
    """One build's watch: give `mark` every batch, then ask whether a tear is possible, and judge."""

    route: WalRoute
    fetcher: Fetcher
    settle: bool
    """Whether an earlier base may be tried to settle a doubt."""
    mark: SnapshotMark
    own: Sequence[WalSegment]
    """Segments of the base's WAL up to the first that surely carries all the base can hold."""

    @classmethod
    def of(
        cls, route: WalRoute, fetcher: Fetcher, fd: int, page_size: int, *, settle: bool, to_last_good: bool
    ) -> TearWatch | None:
        """Return a watch over the base in `fd` where its own WAL may be the last that is laid over it."""
        own = _own_segments(route)
        mark = SnapshotMark(fd, page_size, route.base.index, _pages(fd, page_size))
        watch = cls(route, fetcher, settle, mark, own)
        if not page_size or not own:
            return None
        return watch if to_last_good or watch.is_possible(None) else None

    def is_possible(self, fault: ChainFault | None) -> bool:
        """Tell whether the base can hold more than the frames in front of the target and of `fault`."""
        last_index = fault.index if fault is not None else self.route.last_index
        if last_index != self.route.base.index:
            return False
        return not any(
            self._is_behind(change)
            for change in self.route.changes
            if (fault is None or change.position < fault.segment.position)
            and (self.route.until is None or change.position < self.route.changes[-1].position)
        )

    def judge(self, chain: Chain, fault: ChainFault | None) -> tuple[str, ...]:
        """Return what remains in doubt; raise `TornSnapshot` when the base reaches beyond the target, or
        may and that is cheap to avoid."""
        verdict = self.mark.quick_verdict()
        if verdict is None:
            complete = fault is None and self._see_beyond(chain)
            verdict = self.mark.verdict(complete=complete)
        if verdict == "later":
            raise TornSnapshot(self.route, self._next_point())
        if verdict == "fine" or (verdict == "same" and self.route.until is None):
            return ()
        earlier = self.route.around((self.route.base.key,))
        if self.settle and earlier is not None and earlier.fetch_bytes <= STEP_BACK_BYTES:
            raise TornSnapshot(self.route, certain=False)
        base = f"snapshot {self.route.base.index:08x}"
        if not self.route.changes:
            return (
                f"{base} may have been taken in the middle of a checkpoint: pages of it are in later frames",
            )
        return (f"{base} may be newer than the frames behind it: nothing stored later tells",)

    def _see_beyond(self, chain: Chain) -> bool:
        """Show the frames behind the target; return whether they reach as far as the base can."""
        last = self.route.changes[-1].position if self.route.changes else None
        behind = [segment for segment in self.own if last is None or segment.position > last]
        try:
            for batch in chain.read_on(self.fetcher.segments(behind)):
                self.mark.see_beyond(batch)
        except ChainFault:
            return False
        return self._is_behind(self.own[-1])

    def _is_behind(self, segment: WalSegment) -> bool:
        return segment.time > self.route.base.time + SHIPPED_AFTER

    def _next_point(self) -> RestorePoint | None:
        last = self.own[-1]
        if not self._is_behind(last):
            return None
        return RestorePoint(last.position, last.time, last.key)


def _own_segments(route: WalRoute) -> list[WalSegment]:
    own = list(route.run.segments.of_wal(route.base.index))
    for number, segment in enumerate(own):
        if segment.time > route.base.time + SHIPPED_AFTER:
            return own[: number + 1]
    return own


def _pages(fd: int, page_size: int) -> int:
    return os.fstat(fd).st_size // page_size if page_size else 0
