"""One replica's history in time: generations, the runs that names leave whole, gaps and restore points.

Everything here follows from a listing alone; whether the bytes hold is for `continuity` and the restore.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import accumulate, groupby, pairwise
from typing import Any

from sqlite_recovery_tui.domain import Format, Gap, RestorePoint, Snapshot, Span, WalSegment
from sqlite_recovery_tui.formats import generations as names


@dataclass(frozen=True)
class Generation:
    """An unbroken run of history as its writer saw it, snapshots and segments in order of position."""

    id: str
    snapshots: tuple[Snapshot, ...]
    segments: tuple[WalSegment, ...]

    @cached_property
    def start(self) -> datetime:
        """The earliest time of any object."""
        return min(item.time for item in self._objects())

    @cached_property
    def end(self) -> datetime:
        """The latest time of any object."""
        return max(item.time for item in self._objects())

    @cached_property
    def size(self) -> int:
        """Bytes as stored."""
        return sum(item.size for item in self._objects())

    @property
    def objects(self) -> int:
        return len(self.snapshots) + len(self.segments)

    def _objects(self) -> Iterator[Snapshot | WalSegment]:
        yield from self.snapshots
        yield from self.segments

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


@dataclass(frozen=True)
class Run:
    """Segments without a missing name behind at least one snapshot.

    Every snapshot of the run can be the base of any later state of it.
    """

    generation: str
    snapshots: tuple[Snapshot, ...]
    segments: tuple[WalSegment, ...]

    @cached_property
    def _latest_so_far(self) -> list[datetime]:
        """The running maximum of segment times: history is taken in order, never filtered."""
        return list(accumulate((segment.time for segment in self.segments), max))

    @property
    def span(self) -> Span:
        times = [snapshot.time for snapshot in self.snapshots]
        if self.segments:
            times.append(self._latest_so_far[-1])
        return Span(min(times), max(times))

    def segments_until(self, time: datetime | None) -> int:
        """Return how many leading segments were all stored at `time` or before; None: all."""
        return len(self.segments) if time is None else bisect_right(self._latest_so_far, time)

    def point(self, number: int) -> RestorePoint:
        """Return the restore point that segment `number` (0-based) makes."""
        segment = self.segments[number]
        following = self.segments[number + 1] if number + 1 < len(self.segments) else None
        end = None
        if following is not None and following.index == segment.index:
            end = following.position
        return RestorePoint(segment.position, self._latest_so_far[number], segment.key, end)

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
class Timeline:
    """All that a listing tells of one replica; generations in order of their start."""

    format: Format
    generations: tuple[Generation, ...]
    other_objects: int = 0
    """Objects whose names are not of this layout; they are ignored."""
    other_examples: tuple[str, ...] = ()

    @cached_property
    def objects(self) -> int:
        return sum(generation.objects for generation in self.generations)

    @cached_property
    def size(self) -> int:
        """Bytes as stored."""
        return sum(generation.size for generation in self.generations)

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        return tuple(run for generation in self.generations for run in generation.runs)

    @cached_property
    def oldest(self) -> RestorePoint | None:
        """The earliest state that can be restored: nothing can before the first snapshot."""
        firsts = (snapshot_point(snapshot) for run in self.runs for snapshot in run.snapshots)
        return min(firsts, key=lambda point: point.time, default=None)

    @cached_property
    def newest(self) -> RestorePoint | None:
        """The latest state that can be restored."""
        return self.at_or_before(None)

    def at_or_before(self, time: datetime | None) -> RestorePoint | None:
        """Return the newest restore point stored at `time` or before; None: the newest of all."""
        reached = self.reached(time)
        return reached[1] if reached else None

    def reached(self, time: datetime | None) -> tuple[Run, RestorePoint] | None:
        """Return what `at_or_before` does, with its run; of points of one time the later history's."""
        return max(
            ((run, point) for run in reversed(self.runs) if (point := run.newest(time))),
            key=lambda pair: pair[1].time,
            default=None,
        )

    def after(self, time: datetime) -> RestorePoint | None:
        """Return the first restore point stored later than `time`."""
        return min(
            (point for run in self.runs if (point := _first_after(run, time))),
            key=lambda point: point.time,
            default=None,
        )

    def points(self) -> Iterator[RestorePoint]:
        """Yield every restore point, generation by generation, in order of position."""
        for run in self.runs:
            yield from run.points()

    def coverage(self) -> list[Span]:
        """Return the spans of time with restore points, overlapping ones joined."""
        joined: list[Span] = []
        for span in sorted((run.span for run in self.runs), key=lambda span: span.start):
            if joined and span.start <= joined[-1].end:
                joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
            else:
                joined.append(span)
        return joined

    def gaps(self) -> list[Gap]:
        """Return every hole: inside generations, and the pauses from one generation to the next."""
        holes = [gap for generation in self.generations for gap in generation.gaps]
        return holes + list(self._pauses())

    @property
    def holes(self) -> list[Gap]:
        """The gaps that are damage: something that was written is missing."""
        return [gap for generation in self.generations for gap in generation.gaps if gap.is_damage]

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What an operator should know before trusting times and counts."""
        found = []
        if self.other_objects:
            examples = ", ".join(self.other_examples)
            found.append(f"{self.other_objects} other objects ignored (such as {examples})")
        disordered = [item.id for item in self.generations if _times_fall(item)]
        if disordered:
            found.append(
                f"object times do not rise with positions in generation {', '.join(disordered)}: "
                "they may be those of a copy, and restoring to a time is unreliable"
            )
        return tuple(found)

    def generation(self, id: str) -> Generation | None:
        """Return the generation with this id."""
        return next((item for item in self.generations if item.id == id), None)

    def to_json(self) -> dict[str, Any]:
        """Return the summary that the command line prints."""
        return {
            "format": self.format,
            "generations": len(self.generations),
            "objects": self.objects,
            "size": self.size,
            "oldest": self.oldest.to_json() if self.oldest else None,
            "newest": self.newest.to_json() if self.newest else None,
            "coverage": [span.to_json() for span in self.coverage()],
            "gaps": [gap.to_json() for gap in self.gaps()],
            "other_objects": self.other_objects,
            "warnings": list(self.warnings),
        }

    def _pauses(self) -> Iterator[Gap]:
        if not self.runs:
            return
        earlier = self.runs[0]
        for later in self.runs[1:]:
            if later.span.end <= earlier.span.end:
                continue
            reaching, earlier = earlier, later
            if reaching.generation == later.generation or later.span.start <= reaching.span.end:
                continue
            yield Gap(
                kind="between-generations",
                generation=later.generation,
                message=f"nothing was stored between generation {reaching.generation} and {later.generation}",
                object=later.snapshots[0].key,
                before=reaching.newest(),
                after=snapshot_point(later.snapshots[0]),
            )


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
        bases = (base for base in run.snapshots if base.index <= point.position.index)
        if any(base.time <= point.time for base in bases):
            return point
    return best


def _times_fall(generation: Generation) -> bool:
    times = [segment.time for segment in generation.segments]
    return any(later < earlier for earlier, later in pairwise(times))


def _lay_out(generation: Generation) -> tuple[tuple[Run, ...], tuple[Gap, ...]]:
    """Cut a generation into runs where a name is missing."""
    builder = _Builder(generation.id, generation.segments[-1].index if generation.segments else -1)
    snapshots = {snapshot.index: snapshot for snapshot in generation.snapshots}
    segments = {
        index: list(group) for index, group in groupby(generation.segments, key=lambda item: item.index)
    }
    for index in sorted(snapshots.keys() | segments.keys()):
        builder.add(index, snapshots.get(index), segments.get(index, []))
    return builder.finish()


class _Builder:
    """Walk one generation's WAL indexes in order, opening a run at a snapshot, closing it at a hole."""

    def __init__(self, generation: str, last_index: int) -> None:
        self.generation = generation
        self._last_index = last_index  # of any segment
        self.runs: list[Run] = []
        self.gaps: list[Gap] = []
        self._snapshots: list[Snapshot] = []
        self._segments: list[WalSegment] = []
        self._open = False
        self._next_index = -1
        self._unresolved: list[int] = []  # gaps that still wait for the snapshot behind them

    def add(self, index: int, snapshot: Snapshot | None, segments: list[WalSegment]) -> None:
        if self._open and index != self._next_index:
            self._break_before(segments[0].key if segments else snapshot.key if snapshot else "")
        if snapshot is not None:
            self._resolve(snapshot)
            self._open = True
            self._snapshots.append(snapshot)
        elif not self._open and not self._unresolved:
            self._hole("no-snapshot", segments[0].key, f"WAL {index:08x} has no snapshot before it")
        if segments and self._open and segments[0].offset != 0:
            missing = names.segment_key(self.generation, index, 0)
            self._close()
            self._hole(
                "missing-start",
                missing,
                f"WAL {index:08x} begins at offset {segments[0].offset:08x}: its start is missing",
            )
        elif self._open:
            self._segments += segments
            self._next_index = index + 1 if segments else -1

    def finish(self) -> tuple[tuple[Run, ...], tuple[Gap, ...]]:
        self._close()
        return tuple(self.runs), tuple(self.gaps)

    def _break_before(self, found: str) -> None:
        """End the run in front of the object `found`, which does not continue it."""
        missing = self._next_index if self._next_index >= 0 else self._snapshots[-1].index
        name = found.rpartition("/")[2]
        self._close()
        # Segments are shipped in order, snapshots by a timer of their own: they may be ahead.
        is_hole = missing <= self._last_index
        self._hole(
            "missing-index" if is_hole else "not-shipped",
            names.segment_key(self.generation, missing, 0),
            f"WAL {missing:08x} is missing (found {name} behind it)"
            if is_hole
            else f"nothing of WAL {missing:08x} is stored in front of {name}: not shipped yet, or lost",
        )

    def _close(self) -> None:
        if self._open:
            self.runs.append(Run(self.generation, tuple(self._snapshots), tuple(self._segments)))
        self._snapshots, self._segments = [], []
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


class TimelineBuilder:
    """Collect listed objects into a `Timeline`, which can be asked for at any moment."""

    EXAMPLES = 3

    def __init__(self) -> None:
        """Begin with nothing."""
        # By generation and key: a listing that changes while it is read may give an object twice.
        self._snapshots: dict[str, dict[str, Snapshot]] = {}
        self._segments: dict[str, dict[str, WalSegment]] = {}
        self._others = 0
        self._examples: list[str] = []

    def add(self, key: str, size: int, time: datetime, etag: str | None) -> None:
        """Take one object; a key of another layout is counted and otherwise ignored."""
        name = names.parse_key(key)
        if name is None:
            self._others += 1
            if len(self._examples) < self.EXAMPLES:
                self._examples.append(key)
        elif name.offset is None:
            snapshot = Snapshot(name.generation, name.index, key, size, time, etag)
            self._snapshots.setdefault(name.generation, {})[key] = snapshot
        else:
            segment = WalSegment(name.generation, name.index, name.offset, key, size, time, etag)
            self._segments.setdefault(name.generation, {})[key] = segment

    def timeline(self) -> Timeline:
        """Return what has been collected so far."""
        ids = self._snapshots.keys() | self._segments.keys()
        generations = [
            Generation(
                id,
                tuple(sorted(self._snapshots.get(id, {}).values(), key=lambda item: item.index)),
                tuple(
                    sorted(self._segments.get(id, {}).values(), key=lambda item: (item.index, item.offset))
                ),
            )
            for id in ids
        ]
        generations.sort(key=lambda item: (item.start, item.id))
        return Timeline("v0.3", tuple(generations), self._others, tuple(self._examples))
