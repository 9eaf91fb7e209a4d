"""A replica's history sorted once, so that any stretch of it is found by halving, never by looking through.

No widget, no drawing: times and sizes of every lane, its snapshots, its holes and pauses.
"""

from __future__ import annotations

import weakref
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from sqlite_recovery_tui.replica.generations import REMOVED
from sqlite_recovery_tui.replica.segments import sizes_of, times_of

if TYPE_CHECKING:
    from sqlite_recovery_tui.domain import Gap, StoredObject
    from sqlite_recovery_tui.replica.lineage import Lane, Lineage
    from sqlite_recovery_tui.replica.timeline import Timeline


@dataclass(frozen=True)
class Stretches:
    """Stretches of time, by their beginnings."""

    starts: Sequence[datetime]
    ends: Sequence[datetime]
    """The latest end of any stretch up to and including each."""

    @classmethod
    def of(cls, bounds: Iterable[tuple[datetime, datetime]]) -> Stretches:
        """Sort stretches."""
        ordered = sorted(bounds)
        return cls(tuple(start for start, _ in ordered), tuple(accumulate((end for _, end in ordered), max)))

    def cells(self, edges: Sequence[datetime]) -> set[int]:
        """Return which of the cells between `edges` lie in a stretch; of each stretch at least one."""
        found: set[int] = set()
        number = bisect_right(self.ends, edges[0])
        while number < len(self.starts) and self.starts[number] < edges[-1]:
            last = bisect_right(edges, self.ends[number]) - 1
            first = min(bisect_right(edges, self.starts[number]), last)
            found.update(range(max(0, first), min(max(last, first + 1), len(edges) - 1)))
            # Stretches that begin before that cell are in it, or in what was just marked.
            following = bisect_left(self.starts, edges[last]) if last < len(edges) else len(self.starts)
            number = max(number + 1, following)
        return found

    def covers(self, start: datetime, end: datetime) -> bool:
        """Tell whether a stretch goes on from before `start`, or lies between the two altogether."""
        count = bisect_left(self.starts, start)
        if count and self.ends[count - 1] > start:
            return True
        inside = bisect_left(self.starts, end)
        return inside > count and self.ends[inside - 1] <= end


@dataclass(frozen=True)
class Track:
    """One row of a timeline: a lane, or several as one."""

    name: str
    times: Sequence[int]
    """Of all changes, rising, in microseconds since 1970."""
    amounts: Sequence[int]
    """Bytes stored before each change in turn, and of all: one more than there are changes."""
    bases: Sequence[datetime]
    """Times of what a restore can begin with, rising."""
    holes: Stretches
    pauses: Stretches
    start: datetime
    end: datetime

    def stored(self, edges: Sequence[int]) -> list[int]:
        """Return the bytes that arrived between each moment of `edges` and the next."""
        counts = [bisect_left(self.times, edge) for edge in edges]
        return [self.amounts[later] - self.amounts[earlier] for earlier, later in pairwise(counts)]


@dataclass(frozen=True)
class Index:
    """All lanes of a replica, the newest history first, and the same as one."""

    tracks: tuple[Track, ...]
    whole: Track
    numbers: dict[str, int]
    """Which track a lane is, by its id."""


_KNOWN: dict[int, tuple[weakref.ref[Timeline], Index]] = {}


def index_of(timeline: Timeline) -> Index | None:
    """Return the index of a timeline, None when it holds nothing; work for a thread the first time."""
    known = _KNOWN.get(id(timeline))
    if known is not None and known[0]() is timeline:
        return known[1]
    if not timeline.objects:
        return None
    made, number = _build(timeline), id(timeline)

    def forget(gone: weakref.ref[Timeline]) -> None:
        if number in _KNOWN and _KNOWN[number][0] is gone:
            del _KNOWN[number]

    _KNOWN[number] = (weakref.ref(timeline, forget), made)
    return made


def _build(timeline: Timeline) -> Index:
    pairs = [(lineage, lane) for lineage in reversed(timeline.lineages) for lane in lineage.lanes]
    pauses = {
        gap.after.key: _bounds(gap, timeline.start, timeline.end)
        for gap in timeline.pauses()
        if gap.after is not None
    }
    tracks = tuple(_track(lineage, lane, pauses) for lineage, lane in pairs)
    whole = _track_of(
        "everything",
        [lane.changes for _, lane in pairs],
        sorted(moment for track in tracks for moment in track.bases),
        [(gap, timeline.start, timeline.end) for gap in timeline.holes],
        pauses=(*pauses.values(), *_quiet_times(timeline)),
        reach=(timeline.start, timeline.end),
    )
    return Index(tracks, whole, {lane.id: number for number, (_, lane) in enumerate(pairs)})


def _is_quiet(gap: Gap) -> bool:
    """Tell whether a gap in a history is no damage, and to be seen as a time without states."""
    return gap.kind == "not-shipped" or gap.message == REMOVED


def _track(lineage: Lineage, lane: Lane, pauses: dict[str, tuple[datetime, datetime]]) -> Track:
    quiet = [_bounds(gap, lineage.start, lineage.end) for gap in lineage.gaps if _is_quiet(gap)]
    before = [pauses[item.key] for item in (*lane.bases, *lane.changes[:1]) if item.key in pauses]
    return _track_of(
        lane.id,
        [lane.changes],
        sorted(base.time for base in _bases(lineage, lane)),
        [(gap, lineage.start, lineage.end) for gap in lineage.gaps if gap.is_damage],
        pauses=(*quiet, *before),
        reach=(lane.start, lane.end),
    )


def _track_of(
    name: str,
    changes: Sequence[Sequence[StoredObject]],
    bases: Sequence[datetime],
    holes: Iterable[tuple[Gap, datetime, datetime]],
    *,
    pauses: Iterable[tuple[datetime, datetime]],
    reach: tuple[datetime, datetime],
) -> Track:
    times, amounts = _in_time(changes)
    return Track(
        name,
        times,
        amounts,
        bases,
        Stretches.of(_bounds(*hole) for hole in holes),
        Stretches.of(pauses),
        *reach,
    )


def _in_time(parts: Sequence[Sequence[StoredObject]]) -> tuple[Sequence[int], Sequence[int]]:
    """Return the times of all changes, rising, and the bytes before each and of all."""
    import numpy as np

    times = np.concatenate([np.asarray(times_of(part), np.int64) for part in parts])
    sizes = np.concatenate([np.asarray(sizes_of(part), np.int64) for part in parts])
    if np.any(times[1:] < times[:-1]):
        order = np.argsort(times, kind="stable")
        times, sizes = times[order], sizes[order]
    amounts = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=amounts[1:])
    return times.data, amounts.data


def _bases(lineage: Lineage, lane: Lane) -> Iterator[StoredObject]:
    """Yield what a restore can begin with in a lane; without any snapshot that may be among the changes."""
    yield from lane.bases
    if not any(each.bases for each in lineage.lanes):
        keys = {base.key for base in lineage.bases}
        yield from (change for change in lane.changes if change.key in keys)


def _quiet_times(timeline: Timeline) -> Iterator[tuple[datetime, datetime]]:
    for lineage in timeline.lineages:
        for gap in lineage.gaps:
            if _is_quiet(gap):
                yield _bounds(gap, lineage.start, lineage.end)


def _bounds(gap: Gap, start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """Return from when to when nothing can be restored, within a history from `start` to `end`."""
    first = gap.before.time if gap.before is not None else start
    last = gap.after.time if gap.after is not None else end
    return first, max(first, last)
