"""Keep a live copy up to date with a replica, say how far behind it is, and give up rather than lie.

Knows no format. What fails is tried again, each time after a longer wait; where nothing succeeds for
longer than agreed, the last failure is raised: a copy that goes stale never does so silently.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlite_recovery_tui.clock import SYSTEM, Clock
from sqlite_recovery_tui.domain import Place
from sqlite_recovery_tui.errors import Cancelled, RecoverError, RefusedError, UsageError
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.restore.changes import CannotAdvance, ChangeSource, Step, is_newer
from sqlite_recovery_tui.restore.live.copy import LiveCopy
from sqlite_recovery_tui.restore.live.create import staging_path
from sqlite_recovery_tui.restore.live.faults import CopyBusy
from sqlite_recovery_tui.restore.live.mark import Mark
from sqlite_recovery_tui.words import rfc3339, span

MAX_LAG_SECONDS = 300.0
_LONGEST_WAIT = 30.0
_SURE_OF_HOLE = 2
"""Polls in a row that find the same hole: a listing may be older than the objects it lacks."""


@dataclass(frozen=True, slots=True)
class FollowState:
    """How a copy stands to its replica right now."""

    position: Place
    time: datetime
    """When the newest object that the copy holds was stored."""
    lag_seconds: float
    """The copy holds everything that the replica held this long ago, and perhaps more.

    What the replica itself is behind its database cannot be seen from here.
    """
    last_poll: datetime | None
    """When the replica was last asked with success; None before the first time."""
    behind: Place | None = None
    """A newer state that is known and not in the copy yet."""
    updates: int = 0
    """How often the copy was changed since this process began to follow."""
    problems: tuple[str, ...] = ()
    """What keeps the copy from being up to date, and what was noted on the last step."""

    def to_json(self) -> dict[str, Any]:
        """Return the state as one line of `restore -f --json`."""
        return {
            "position": self.position.to_json(),
            "time": rfc3339(self.time, fraction=True),
            "lag_seconds": round(self.lag_seconds, 3),
            "last_poll": rfc3339(self.last_poll, fraction=True) if self.last_poll else None,
            "behind": self.behind.to_json() if self.behind else None,
            "updates": self.updates,
            "problems": list(self.problems),
        }


OnState = Callable[[FollowState], None]


def ignore_state(_: FollowState) -> None:
    """Tell nobody."""


def follow(
    source: ChangeSource,
    copy: LiveCopy,
    *,
    stop: CancelToken,
    interval: float = 1.0,
    max_lag: float = MAX_LAG_SECONDS,
    clock: Clock = SYSTEM,
    on_state: OnState = ignore_state,
) -> FollowState:
    """Bring `copy` up to date every `interval` seconds until `stop`; return the last state.

    Raises the failure that kept it from succeeding for more than `max_lag` seconds; `CopyChanged` and
    what else no waiting can mend at once.
    """
    follower = _Follower(
        source, copy, interval=interval, max_lag=max_lag, stop=stop, clock=clock, on_state=on_state
    )
    return follower.run()


@dataclass(frozen=True)
class _Base:
    """A whole restore that waits to be taken over."""

    file: Path
    mark: Mark

    @property
    def place(self) -> Place:
        """Where it leads."""
        return self.mark.place

    @property
    def time(self) -> datetime:
        """When the newest object in it was stored."""
        return self.mark.time


class _Follower:
    """One run of `follow`."""

    def __init__(
        self,
        source: ChangeSource,
        copy: LiveCopy,
        *,
        interval: float,
        max_lag: float,
        stop: CancelToken,
        clock: Clock,
        on_state: OnState,
    ) -> None:
        self._source = source
        self._copy = copy
        self._interval = interval
        self._max_lag = max_lag
        self._stop = stop
        self._clock = clock
        self._on_state = on_state
        self._current_at = self._moment(copy.mark.time)
        """When, on the monotonic clock, the copy is known to have held all that the replica did."""
        self._success_at = self._asked_at = clock.monotonic()
        self._last_poll: datetime | None = None
        self._waiting: Step | _Base | None = None
        self._failures = 0
        self._holes = 0
        self._updates = 0
        self._problems: tuple[str, ...] = ()

    def run(self) -> FollowState:
        try:
            while not self._stop.cancelled:
                wait = self._turn()
                self._on_state(self._state())
                self._stop.wait(wait)
        except Cancelled:
            pass
        finally:
            if isinstance(self._waiting, _Base):
                self._waiting.file.unlink(missing_ok=True)
        return self._state()

    def _turn(self) -> float:
        """Do what is next; return how long to wait until the turn after it, in seconds."""
        try:
            if self._waiting is None:
                self._waiting = self._ask()
            if self._waiting is None:
                self._copy.verify()
                wait = self._interval
            else:
                wait = self._take(self._waiting)
        except RecoverError as error:
            return self._failed(error)
        self._success_at = self._clock.monotonic()
        self._failures = 0
        return wait

    def _ask(self) -> Step | _Base | None:
        """Return the way forward; None when the copy holds everything."""
        self._asked_at = self._clock.monotonic()
        try:
            step = self._source.poll(self._copy.mark)
            if step is not None:
                self._check_fits(step)
        except CannotAdvance as hole:
            self._holes += 1
            if self._holes < _SURE_OF_HOLE:
                raise
            return self._begin_anew(hole)
        self._holes = 0
        self._last_poll = self._clock.now()
        if step is None:
            self._current_at = self._asked_at
            self._problems = ()
        return step

    def _check_fits(self, step: Step) -> None:
        """Raise `CannotAdvance` for a step that cannot be laid over the copy."""
        if step.images.shape[1] != self._copy.page_size:
            raise CannotAdvance(f"the database has pages of {step.images.shape[1]} bytes now")
        missing = step.first_missing(self._copy.pages)
        if missing is not None:
            raise CannotAdvance(
                f"{step.place} grows the database to {step.size_pages} pages, and page {missing} is nowhere"
            )

    def _begin_anew(self, hole: CannotAdvance) -> _Base:
        """Restore a newer base beside the copy."""
        self._problems = (f"{hole.message}; restoring a newer base beside the copy",)
        self._on_state(self._state())
        since = self._copy.mark
        try:
            file = staging_path(self._copy.path)
            mark = self._source.rebase(since, file)
        except CannotAdvance as error:
            error.message = f"{hole.message}; {error.message}"
            raise
        if not is_newer(mark, since):
            file.unlink(missing_ok=True)
            raise CannotAdvance(
                f"{hole.message}; the newest base, {mark.place.label}, is not newer than the copy",
                object=hole.object,
                last_good=hole.last_good,
                next_good=hole.next_good,
            )
        self._last_poll = self._clock.now()
        return _Base(file, mark)

    def _take(self, found: Step | _Base) -> float:
        """Bring the copy forward; ask again at once where more is known."""
        notes: tuple[str, ...] = ()
        more = False
        if isinstance(found, _Base):
            self._copy.replace(found.file, found.mark)
        else:
            mark = replace(self._copy.mark, place=found.place, time=found.time)
            self._copy.apply(found.pages, found.images, found.size_pages, mark)
            more, notes = found.more, found.notes
        self._waiting, self._problems = None, notes
        self._updates += 1
        held = self._moment(found.time) if more else self._asked_at
        self._current_at = max(self._current_at, held)
        return 0.0 if more else self._interval

    def _failed(self, error: RecoverError) -> float:
        """Note the failure and return how long to wait; raise it when it is for good."""
        if isinstance(error, Cancelled | UsageError):
            raise error
        if isinstance(error, RefusedError) and not isinstance(error, CopyBusy):
            raise error
        stuck = self._clock.monotonic() - self._success_at
        if stuck >= self._max_lag:
            lag = span(round(self._state().lag_seconds))
            error.message = f"{self._copy.path} is {lag} behind its replica: {error.message}"
            raise error
        self._problems = (error.message,)
        self._failures += 1
        wait = self._interval * 2.0 ** min(self._failures - 1, 16)
        return min(wait, max(_LONGEST_WAIT, self._interval), self._max_lag - stuck)

    def _moment(self, time: datetime) -> float:
        """Return when `time` was on the monotonic clock; now for what lies ahead of it."""
        age = (self._clock.now() - time).total_seconds()
        return self._clock.monotonic() - max(0.0, age)

    def _state(self) -> FollowState:
        mark = self._copy.mark
        return FollowState(
            position=mark.place,
            time=mark.time,
            lag_seconds=max(0.0, self._clock.monotonic() - self._current_at),
            last_poll=self._last_poll,
            behind=self._waiting.place if self._waiting is not None else None,
            updates=self._updates,
            problems=self._problems,
        )
