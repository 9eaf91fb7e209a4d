"""Retention at one replica: asked seldom, never of an idle one, never by a clock that jumped."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlite_recovery_tui.clock import Clock
from sqlite_recovery_tui.domain import Position
from sqlite_recovery_tui.errors import StorageError
from sqlite_recovery_tui.formats import generations as names
from sqlite_recovery_tui.formats import sidecars
from sqlite_recovery_tui.replicate.counted import Counted
from sqlite_recovery_tui.replicate.retention import Removal, RetentionPlan, decide

CHECK_INTERVAL = timedelta(hours=1)
JUMP_SECONDS = 600.0
_BATCH = 1000


class Pruner:
    """Removes what a replica no longer needs."""

    def __init__(
        self,
        store: Counted,
        clock: Clock,
        *,
        retention: timedelta,
        interval: timedelta | None = None,
        proven: Callable[[], Sequence[Position]] = tuple,
    ) -> None:
        """Keep `retention` of history, and the newest state that was `proven`; look every `interval`."""
        self._proven = proven
        self._store, self._clock, self._retention = store, clock, retention
        self._interval = min(interval or CHECK_INTERVAL, retention).total_seconds()
        self._begun = clock.now(), clock.monotonic()
        self._next = clock.monotonic() + self._interval
        self._next_at: datetime | None = None
        self.news = True
        """Whether anything was put there since the last look."""
        self.last: RetentionPlan | None = None
        self.error: StorageError | None = None
        """Why the last look did not do all it should have; shipping goes on all the same."""
        self.removed = 0
        """How many objects were removed since the beginning."""

    def is_due(self) -> bool:
        """Tell whether there may be something to remove; asks nobody."""
        if self._retention <= timedelta(0) or self._clock.monotonic() < self._next:
            return False
        return self.news or (self._next_at is not None and self._clock.now() >= self._next_at)

    @property
    def seconds(self) -> float | None:
        """Seconds until it may be due without news; None when it will not."""
        if self._retention <= timedelta(0) or (not self.news and self._next_at is None):
            return None
        wait = self._next - self._clock.monotonic()
        if not self.news and self._next_at is not None:
            wait = max(wait, (self._next_at - self._clock.now()).total_seconds())
        return max(0.0, wait)

    def plan(self, present: str) -> RetentionPlan:
        """Return what would go now; raise `StorageError`. Nothing is removed."""
        if why := self._clock_trouble():
            return RetentionPlan(withheld=why)
        objects = [*self._store.list(names.ROOT), *self._store.list(sidecars.ROOT)]
        now = self._clock.now()
        proven = self._proven()
        return decide(objects, now=now, retention=self._retention, present=present, proven=proven)

    def run(self, present: str) -> None:
        """Remove what is no longer needed; what fails is noted in `error`, and tried another time."""
        self._next = self._clock.monotonic() + self._interval
        try:
            self.last = self.plan(present)
            self._next_at = self.last.next_at
            self.news = False
            self._remove(self.last.removals)
            if self.last.stale:
                self._store.delete(self.last.stale)
        except StorageError as error:
            self.error = error
            self.news = True
        else:
            self.error = None

    def _remove(self, removals: Sequence[Removal]) -> None:
        for removal in removals:
            if removal.noted:
                self._store.put(removal.noted, _note(self._clock.now()))
            for step in removal.steps:
                for at in range(0, len(step), _BATCH):
                    self._store.delete(step[at : at + _BATCH])
                    self.removed += len(step[at : at + _BATCH])

    def _clock_trouble(self) -> str:
        """Say how far the wall clock was set since the beginning; empty while that is little."""
        begun, at = self._begun
        moved = (self._clock.now() - begun).total_seconds() - (self._clock.monotonic() - at)
        if abs(moved) < JUMP_SECONDS:
            return ""
        self._begun = self._clock.now(), self._clock.monotonic()
        return f"the clock was set by {moved:+.0f} s: nothing is removed this time"


def _note(now: datetime) -> bytes:
    """Return what a note says beside its name, which is all that counts."""
    why = "retention removed what lay between the newest proven state and what is kept by its age"
    return json.dumps({"version": 1, "time": now.isoformat(), "why": why}).encode() + b"\n"
