"""The v0.3 layout's generations: the runs that names leave whole, gaps and restore points.

Everything here follows from a listing alone; whether the bytes hold is for the restore and the proof.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.domain import (
    Format,
    Gap,
    Place,
    Position,
    RestorePoint,
    Snapshot,
    Span,
    StoredObject,
    WalSegment,
)
from sqlite_recovery_tui.formats import generations as names
from sqlite_recovery_tui.replica.lineage import Lane
from sqlite_recovery_tui.replica.segments import Segments, microseconds, moment
from sqlite_recovery_tui.words import plural

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.wal_times import WalTimes

REMOVED = "retention removed what was stored here, and keeps what lies in front because it was proven"


@dataclass(frozen=True)
class Generation:
    """An unbroken run of history as its writer saw it, snapshots and segments in order of position."""

    id: str
    snapshots: tuple[Snapshot, ...]
    segments: Segments
    noted: frozenset[int] = field(default=frozenset(), compare=False, repr=False)
    """The WALs whose commit times our daemon noted beside the replica."""
    commit_times: Mapping[int, WalTimes] = field(default_factory=dict, compare=False, repr=False)
    """Those of them that were read; see `commit_times`."""
    removed: tuple[names.Removed, ...] = ()
    """What retention took away, or is taking away, behind a state that it keeps."""

    @property
    def title(self) -> str:
        """What a person calls it."""
        return f"generation {self.id}"

    @property
    def format(self) -> Format:
        """Generations are v0.3's."""
        return "v0.3"

    @cached_property
    def lanes(self) -> tuple[Lane, ...]:
        """The generation as one lane."""
        return (Lane(self.id, self.title, self.snapshots, self.segments),)

    @property
    def bases(self) -> tuple[Snapshot, ...]:
        """The snapshots."""
        return self.snapshots

    @property
    def start(self) -> datetime:
        """The earliest time of any object."""
        return self.lanes[0].start

    @property
    def end(self) -> datetime:
        """The latest time of any object."""
        return self.lanes[0].end

    @property
    def size(self) -> int:
        """Bytes as stored."""
        return self.lanes[0].size

    @property
    def objects(self) -> int:
        return len(self.snapshots) + len(self.segments)

    @cached_property
    def _layout(self) -> tuple[tuple[Run, ...], tuple[Gap, ...]]:
        return _lay_out(self)

    @property
    def runs(self) -> tuple[Run, ...]:
        """The stretches that a snapshot begins and no missing name interrupts, in order."""
        return self._layout[0]

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The holes that names alone betray, and stretches that were never stored."""
        return self._layout[1]

    @property
    def remarks(self) -> tuple[str, ...]:
        """Nothing: a generation lies as it was written."""
        return ()

    @property
    def details(self) -> dict[str, Any]:
        """Name the generation."""
        return {"generation": self.id}

    @property
    def times_rise(self) -> bool:
        """Whether no segment was stored before the one in front of it."""
        return self.segments.times_rise

    def spans(self) -> list[Span]:
        """Return the stretches of time with restore points, in order of position."""
        return [run.span for run in self.runs]

    def points(self) -> Iterator[RestorePoint]:
        """Yield every restore point in order of position."""
        for run in self.runs:
            yield from run.points()

    def point_times(self) -> Iterator[int]:
        """Yield the time of every restore point, in microseconds since 1970."""
        for run in self.runs:
            yield from map(microseconds, (snapshot.time for snapshot in run.snapshots))
            yield from run.segments.latest_so_far

    def state_of(self, item: StoredObject) -> RestorePoint | None:
        """Return the state that an object ends in; one that is cut off from any snapshot has none."""
        if isinstance(item, Snapshot):
            return snapshot_point(item) if item.key in self._usable else None
        assert isinstance(item, WalSegment)
        place = bisect_right(self.runs, item.index, key=lambda run: run.snapshots[0].index)
        run = self.runs[place - 1] if place else None
        number = run.segments.number_of(item.index, item.offset) if run is not None else None
        return run.point(number) if run is not None and number is not None else None

    @cached_property
    def _usable(self) -> frozenset[str]:
        """The snapshots that begin a run or lie in one, by their keys."""
        return frozenset(snapshot.key for run in self.runs for snapshot in run.snapshots)

    def oldest(self) -> RestorePoint | None:
        """Return the earliest state that can be restored: nothing can before the first snapshot."""
        firsts = (snapshot_point(snapshot) for run in self.runs for snapshot in run.snapshots)
        return min(firsts, key=lambda point: point.time, default=None)

    def at_or_before(self, time: datetime | None) -> RestorePoint | None:
        """Return the newest restore point stored at `time` or before; None: the newest of all."""
        reached = self._reached(time)
        return reached[1] if reached else None

    def after(self, time: datetime) -> RestorePoint | None:
        """Return the first restore point stored later than `time`."""
        return min(
            (point for run in self.runs if (point := _first_after(run, time))),
            key=lambda point: point.time,
            default=None,
        )

    def includes(self, stored: datetime, asked: datetime) -> bool:
        """Tell whether an object belongs to the state of `asked`: also when stored at that moment."""
        return stored <= asked

    def route_at(self, time: datetime | None) -> WalRoute | None:
        """Return the way to what `at_or_before` returns, from snapshots of that time."""
        reached = self._reached(time)
        if reached is None:
            return None
        run, point = reached
        return self.route(run, point, [base for base in run.snapshots if time is None or base.time <= time])

    def route_to_oldest(self) -> WalRoute | None:
        """Return the way to the earliest state."""
        first = self.oldest()
        if first is None:
            return None
        run = next(run for run in self.runs if first in map(snapshot_point, run.snapshots))
        return self.route(run, first, list(run.snapshots))

    def route(
        self, run: Run, point: RestorePoint, bases: list[Snapshot], until: Position | None = None
    ) -> WalRoute:
        """Take the newest of `bases` for `point` and all segments from it on."""
        assert isinstance(point.position, Position)
        index = point.position.index
        base = max((base for base in bases if base.index <= index), key=lambda item: item.index)
        end = 0
        if point.key != base.key:
            end = run.segments.before(index, point.position.offset + 1)
        changes = run.segments[min(run.segments.before(base.index), end) : end]
        later = self.runs[self.runs.index(run) + 1 :]
        behind = snapshot_point(later[0].snapshots[0]) if later else None
        return WalRoute(point, base, changes, run, behind, until, index in self.noted)

    def _reached(self, time: datetime | None) -> tuple[Run, RestorePoint] | None:
        """Return what `at_or_before` does, with its run; of points of one time the later history's."""
        return max(
            ((run, point) for run in reversed(self.runs) if (point := run.newest(time))),
            key=lambda pair: pair[1].time,
            default=None,
        )


@dataclass(frozen=True)
class Run:
    """Segments without a missing name behind at least one snapshot.

    Every snapshot of the run can be the base of any later state of it.
    """

    generation: str
    snapshots: tuple[Snapshot, ...]
    segments: Segments

    @property
    def span(self) -> Span:
        times = [snapshot.time for snapshot in self.snapshots]
        if self.segments:
            times.append(moment(self.segments.latest_so_far[-1]))
        return Span(min(times), max(times))

    def segments_until(self, time: datetime | None) -> int:
        """Return how many leading segments were all stored at `time` or before; None: all."""
        if time is None:
            return len(self.segments)
        # History is taken in order, never filtered.
        return bisect_right(self.segments.latest_so_far, microseconds(time))

    def point(self, number: int) -> RestorePoint:
        """Return the restore point that segment `number` (0-based) makes."""
        segment = self.segments[number]
        end = None
        if self.segments.indexes[number + 1 : number + 2].tolist() == [segment.index]:
            end = Position(segment.generation, segment.index, self.segments.offsets[number + 1])
        time = moment(self.segments.latest_so_far[number])
        return RestorePoint(segment.position, time, segment.key, end)

    def newest(self, time: datetime | None = None) -> RestorePoint | None:
        """Return the newest state stored at `time` or before (None: of all).

        Its time is that of the last object it is made of: a snapshot taken again while nothing changed
        shows that the state still stood then.
        """
        count = self.segments_until(time)
        bases = [base for base in self.snapshots if time is None or base.time <= time]
        if not bases:
            return None
        base = max(bases, key=lambda item: item.index)
        if count and self.segments[count - 1].index >= base.index:
            point = self.point(count - 1)
            return replace(point, time=max(point.time, base.time))
        return snapshot_point(base)

    def points(self) -> Iterator[RestorePoint]:
        """Yield every restore point in order of position."""
        waiting = list(reversed(self.snapshots))
        for number, segment in enumerate(self.segments):
            while waiting and waiting[-1].index <= segment.index:
                yield snapshot_point(waiting.pop())
            yield self.point(number)
        while waiting:
            yield snapshot_point(waiting.pop())


@dataclass(frozen=True)
class WalRoute:
    """A snapshot and the segments that follow it, to a restore point of one run."""

    point: RestorePoint
    base: Snapshot
    changes: Segments
    run: Run = field(repr=False, compare=False)
    behind: RestorePoint | None = field(default=None, repr=False, compare=False)
    """Where history goes on behind the run: the first snapshot of another one."""
    until: Position | None = None
    """Apply frames up to this byte of the last WAL only; None: all of them."""
    is_noted: bool = field(default=False, repr=False, compare=False)
    """Whether our daemon noted how the WAL ended that it leads into."""

    @property
    def format(self) -> Format:
        """Segments are v0.3's."""
        return "v0.3"

    @property
    def reached(self) -> Place:
        """Where the state ends, as far as names tell."""
        return self.until or self.point.reached

    @property
    def last_index(self) -> int:
        """The WAL index that the restore ends in."""
        return self.changes[-1].index if self.changes else self.base.index

    @property
    def fetch_bytes(self) -> int:
        """Bytes as stored."""
        return self.base.size + self.changes.size

    @property
    def base_text(self) -> str:
        """Name the snapshot."""
        return f"snapshot {self.base.label}"

    @property
    def changes_text(self) -> str:
        """Say how many segments there are."""
        return plural(len(self.changes), "segment") if self.changes else ""

    def led_on_to(self, behind: RestorePoint | None) -> WalRoute:
        """Return the route with what lies behind its generation, unless another run of it does."""
        return self if self.behind is not None else replace(self, behind=behind)

    def around(self, keys: Collection[str]) -> WalRoute | None:
        """Return the way to the same point from the next earlier snapshot; segments exist only once."""
        if any(change.key in keys for change in self.changes):
            return None
        earlier = [
            item for item in self.run.snapshots if item.index < self.base.index and item.key not in keys
        ]
        if not earlier:
            return None
        base = earlier[-1]
        segments = self.run.segments
        last = self.changes[-1] if self.changes else None
        end = segments.before(last.index, last.offset + 1) if last else segments.before(self.base.index)
        return replace(self, base=base, changes=segments[segments.before(base.index) : end])


def snapshot_point(snapshot: Snapshot) -> RestorePoint:
    """Return the restore point that a snapshot alone makes."""
    return RestorePoint(snapshot.position, snapshot.time, snapshot.key, snapshot.position)


def _first_after(run: Run, time: datetime) -> RestorePoint | None:
    """Return the first point of `run` stored later than `time` that a snapshot of its time can begin."""
    first = min(
        (base for base in run.snapshots if base.time > time), key=lambda base: base.time, default=None
    )
    best = snapshot_point(first) if first else None
    for number in range(run.segments_until(time), len(run.segments)):
        point = run.point(number)
        if best is not None and best.time <= point.time:
            break
        index = run.segments[number].index
        bases = (base for base in run.snapshots if base.index <= index)
        if any(base.time <= point.time for base in bases):
            return point
    return best


def _lay_out(generation: Generation) -> tuple[tuple[Run, ...], tuple[Gap, ...]]:
    """Cut a generation into runs where a name is missing."""
    builder = _Builder(generation.id, generation.segments, generation.removed)
    waiting = list(reversed(generation.snapshots))
    for index, first, end in _wals(generation.segments):
        while waiting and waiting[-1].index < index:
            builder.add(waiting[-1].index, waiting.pop(), first, first)
        builder.add(index, waiting.pop() if waiting and waiting[-1].index == index else None, first, end)
    while waiting:
        builder.add(waiting[-1].index, waiting.pop(), len(generation.segments), len(generation.segments))
    return builder.finish()


def _wals(segments: Segments) -> Iterator[tuple[int, int, int]]:
    """Yield each WAL that has segments, and from which number on to which."""
    indexes, first = segments.indexes, 0
    while first < len(indexes):
        end = bisect_right(indexes, indexes[first], first)
        yield indexes[first], first, end
        first = end


class _Builder:
    """Walk one generation's WAL indexes in order, opening a run at a snapshot, closing it at a hole."""

    def __init__(self, generation: str, segments: Segments, removed: tuple[names.Removed, ...]) -> None:
        self.generation = generation
        self._removed = removed
        self._all = segments
        self.runs: list[Run] = []
        self.gaps: list[Gap] = []
        self._snapshots: list[Snapshot] = []
        self._first, self._end = 0, 0  # the segments of the run in hand
        self._open = False
        self._next_index = -1
        self._unresolved: list[int] = []  # gaps that still wait for the snapshot behind them

    def add(self, index: int, snapshot: Snapshot | None, first: int, end: int) -> None:
        """Take WAL `index`: its snapshot, and its segments, number `first` up to `end`."""
        if self._is_removed(index):
            self._end_before_removed()
            return
        if self._open and index != self._next_index:
            self._break_before(self._all[first].key if first < end else snapshot.key if snapshot else "")
        if snapshot is not None:
            self._resolve(snapshot)
            self._snapshots.append(snapshot)
            if not self._open:
                self._open, self._first, self._end = True, first, first
        elif not self._open and not self._unresolved:
            self._hole("no-snapshot", self._all[first].key, f"WAL {index:08x} has no snapshot before it")
        if self._open and first < end and (offset := self._all.offsets[first]):
            missing = names.segment_key(self.generation, index, 0)
            self._close()
            message = f"WAL {index:08x} begins at offset {offset:08x}: its start is missing"
            self._hole("missing-start", missing, message)
        elif self._open:
            self._end = end
            self._next_index = index + 1 if first < end else -1

    def finish(self) -> tuple[tuple[Run, ...], tuple[Gap, ...]]:
        self._close()
        return tuple(self.runs), tuple(self.gaps)

    def _break_before(self, found: str) -> None:
        """End the run in front of the object `found`, which does not continue it."""
        missing = self._next_index if self._next_index >= 0 else self._snapshots[-1].index
        name = found.rpartition("/")[2]
        self._close()
        if self._is_removed(missing):
            self._expire(missing)
            return
        # Segments are shipped in order, snapshots by a timer of their own: they may be ahead.
        is_hole = len(self._all) > 0 and missing <= self._all.indexes[-1]
        self._hole(
            "missing-index" if is_hole else "not-shipped",
            names.segment_key(self.generation, missing, 0),
            f"WAL {missing:08x} is missing (found {name} behind it)"
            if is_hole
            else f"nothing of WAL {missing:08x} is stored in front of {name}: not shipped yet, or lost",
        )

    def _is_removed(self, index: int) -> bool:
        return any(note.takes(self.generation, index) for note in self._removed)

    def _end_before_removed(self) -> None:
        """End the run in front of what retention is taking away."""
        if self._open:
            missing = self._next_index if self._next_index >= 0 else self._snapshots[-1].index
            self._close()
            self._expire(missing)

    def _expire(self, missing: int) -> None:
        key = names.segment_key(self.generation, missing, 0)
        self._hole("expired", key, REMOVED)

    def _close(self) -> None:
        if self._open:
            segments = self._all[self._first : self._end]
            self.runs.append(Run(self.generation, tuple(self._snapshots), segments))
        self._snapshots = []
        self._open, self._next_index = False, -1

    def _hole(self, kind: Any, object: str, message: str) -> None:
        before = self.runs[-1].newest() if self.runs else None
        self._unresolved.append(len(self.gaps))
        self.gaps.append(Gap(kind, self.generation, message, object, before, None))

    def _resolve(self, snapshot: Snapshot) -> None:
        point = snapshot_point(snapshot)
        for number in self._unresolved:
            gap = self.gaps[number]
            self.gaps[number] = Gap(gap.kind, gap.generation, gap.message, gap.object, gap.before, point)
        self._unresolved = []
