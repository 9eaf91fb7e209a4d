"""The newest commit of a time, where our daemon noted when it saw each commit.

Litestream tells only when a segment was stored, so a time means there: all that was stored by then. Where
the commits themselves are dated, it means: every commit up to the last that was made by then. WALs without
a note, the one that is still written among them, go by the first rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlite_recovery_tui.domain import Gap, Position, RestorePoint
from sqlite_recovery_tui.errors import StorageError
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.replica.generations import Generation, Run, WalRoute
from sqlite_recovery_tui.replica.lineage import Lineage
from sqlite_recovery_tui.replica.segments import moment
from sqlite_recovery_tui.replica.wal_times import Notes, WalTimes
from sqlite_recovery_tui.storage.base import Store

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.timeline import Timeline

UNREAD = "the noted times of commits could not be read, so what was stored by then counts"

_AT_ONCE = 64

TimesOf = Callable[[int], WalTimes | None]
"""Returns the commit times of a WAL; None where there are none."""


@dataclass(frozen=True, slots=True)
class Dated:
    """A commit that belongs to a time."""

    run: Run
    point: RestorePoint
    is_last: bool
    """Whether it is the last commit of its WAL, and nothing is known of the one behind it."""


def read_around(
    store: Store, timeline: Timeline, time: datetime, *, cancel: CancelToken | None = None
) -> Timeline:
    """Return the timeline with the commit times that decide what belongs to `time`; a few requests at most.

    Without such notes nothing is asked. What cannot be read leaves the times of objects, and is told.
    """
    if not any(item.noted for item in timeline.generations):
        return timeline
    notes = Notes(store, cancel)
    read: dict[str, dict[int, WalTimes]] = {}

    def reading(generation: Generation) -> TimesOf:
        def times(index: int) -> WalTimes | None:
            if cancel is not None:
                cancel.check()
            found = notes.of(generation.id, index) if index in generation.noted else None
            if found is not None:
                read.setdefault(generation.id, {})[index] = found
            return found

        return times

    found = timeline.reached(time)
    try:
        for generation in _candidates(timeline.lineages, found[0] if found else None, time):
            _newest(generation, time, reading(generation))
    except StorageError as error:
        return timeline.with_commit_times({}, f"{UNREAD}: {error.message}")
    return timeline.with_commit_times(read)


def reached(
    lineages: Sequence[Lineage], stored_in: Lineage | None, time: datetime
) -> tuple[Lineage, RestorePoint] | None:
    """Return the newest commit made by `time`, as far as times were read; None where they tell nothing.

    `stored_in` is where the newest object lies that was stored by then.
    """
    found = [
        (generation, dated.point)
        for generation in _candidates(lineages, stored_in, time)
        if (dated := _known(generation, time))
    ]
    return max(found, key=lambda pair: pair[1].time, default=None)


def route_at(lineage: Lineage, time: datetime) -> WalRoute | None:
    """Return the way to the newest commit of `lineage` made by `time`; None where no times tell it."""
    dated = _known(lineage, time) if isinstance(lineage, Generation) else None
    if dated is None:
        return None
    assert isinstance(lineage, Generation)
    assert isinstance(dated.point.end, Position)
    return lineage.route(dated.run, dated.point, list(dated.run.snapshots), dated.point.end)


def hole_behind(lineage: Lineage, time: datetime) -> Gap | None:
    """Return the hole right behind the newest commit of `time`, where it may hide later ones of that time."""
    dated = _known(lineage, time) if isinstance(lineage, Generation) else None
    if dated is None or not dated.is_last or dated.point.key != dated.run.segments[-1].key:
        return None
    following = (gap for gap in lineage.gaps if gap.before is not None)
    return next((gap for gap in following if gap.is_damage and gap.before.key == dated.point.key), None)  # type: ignore[union-attr]


def noted_commits(
    store: Store, timeline: Timeline, *, limit: int | None = None, cancel: CancelToken | None = None
) -> list[RestorePoint]:
    """Return every commit of which the time was noted, in order, or the last `limit`; no segment is read.

    Raises `StorageError`, `Cancelled`.
    """
    notes = Notes(store, cancel)
    found: list[list[RestorePoint]] = []
    count = 0
    for generation in reversed(timeline.generations):
        indexes = sorted(generation.noted)
        while indexes and (limit is None or count < limit):
            some = indexes[-_AT_ONCE:]
            del indexes[-_AT_ONCE:]
            points = [
                point
                for index, times in notes.each(generation.id, some)
                for point in _points(generation, index, times)
            ]
            found.append(points)
            count += len(points)
    commits = [point for points in reversed(found) for point in points]
    return commits[-limit:] if limit is not None else commits


def times_of(
    store: Store, generation: Generation, *, cancel: CancelToken | None = None
) -> dict[int, WalTimes]:
    """Return the commit times of all WALs of a generation of which they were noted; raises as above."""
    return dict(Notes(store, cancel).each(generation.id, sorted(generation.noted)))


def _points(generation: Generation, index: int, times: WalTimes) -> Iterator[RestorePoint]:
    runs = [run for run in generation.runs if run.snapshots[0].index <= index]
    for number in range(len(times)) if runs else ():
        point = _point(runs[-1], index, times, number)
        if point is not None:
            yield point


def _candidates(
    lineages: Sequence[Lineage], stored_in: Lineage | None, time: datetime
) -> Iterator[Generation]:
    """Yield where the newest commit may be: where objects tell, and in what began to be stored later."""
    first = lineages.index(stored_in) if stored_in is not None else 0
    for item in lineages[first:]:
        if not (isinstance(item, Generation) and item.noted and item.runs):
            continue
        if item is stored_in or item.at_or_before(time) is None:
            yield item


def _known(generation: Generation, time: datetime) -> Dated | None:
    return _newest(generation, time, generation.commit_times.get) if generation.commit_times else None


def _newest(generation: Generation, time: datetime, times: TimesOf) -> Dated | None:
    """Find the last commit in front of the first one made later than `time`, from what was stored by then."""
    stored = generation.at_or_before(time)
    run, index = _begin(generation, stored)
    own = times(index)
    count = own.until(time) if own is not None else 0
    if not count and stored is not None and stored.end == stored.position:
        return None  # the snapshot is the state
    while own is not None and not count and index > run.snapshots[0].index:
        index -= 1  # the writer's clock is ahead of the store's
        own = times(index)
        count = own.until(time) if own is not None else 0
    if own is None or not count:
        return None
    is_last = False
    while count == len(own):
        following = times(index + 1)
        more = following.until(time) if following is not None else 0
        is_last = following is None or (more > 0 and not run.segments.of_wal(index + 1))
        if is_last or following is None or not more:
            break
        index, own, count = index + 1, following, more
    point = _point(run, index, own, count - 1)
    return Dated(run, point, is_last) if point is not None else None


def _begin(generation: Generation, stored: RestorePoint | None) -> tuple[Run, int]:
    """Return in which run and WAL a restore point lies; without one, the very first."""
    if stored is None:
        first = generation.runs[0]
        return first, first.snapshots[0].index
    assert isinstance(stored.position, Position)
    index = stored.position.index
    return [run for run in generation.runs if run.snapshots[0].index <= index][-1], index


def _point(run: Run, index: int, times: WalTimes, number: int) -> RestorePoint | None:
    """Return the restore point that a commit makes; None where its WAL is not stored."""
    end = times.ends[number]
    place = run.segments.before(index, end) - 1
    if place < 0 or run.segments.indexes[place] != index:
        return None
    segment = run.segments[place]
    position = Position(run.generation, index, end)
    return RestorePoint(segment.position, moment(times.times[number]), segment.key, position, is_commit=True)
