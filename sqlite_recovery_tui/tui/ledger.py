"""One replica as lines, newest first: generations, their snapshots and segments, the gaps between."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from sqlite_recovery_tui.domain import Gap, RestorePoint, Snapshot, WalSegment
from sqlite_recovery_tui.tui.aim import Aim, at_segment, at_snapshot

if TYPE_CHECKING:
    from sqlite_recovery_tui.replica.generations import Generation
    from sqlite_recovery_tui.replica.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Heading:
    """The line that begins a generation."""

    generation: Generation


@dataclass(frozen=True, slots=True)
class Stored:
    """The line of a stored object; `point` is None where nothing can be restored from it."""

    item: Snapshot | WalSegment
    point: RestorePoint | None


@dataclass(frozen=True, slots=True)
class Hole:
    """The line of a gap."""

    gap: Gap


Entry = Heading | Stored | Hole


@dataclass(frozen=True)
class Ledger:
    """All lines, with the places of those worth jumping to."""

    timeline: Timeline
    entries: tuple[Entry, ...]
    keys: tuple[str, ...]
    marks: tuple[int, ...] = field(default=())
    """Places of everything but segments, rising."""

    def first_point(self) -> int:
        """Return the place of the newest line that can be restored; 0 without one."""
        for place, entry in enumerate(self.entries):
            if isinstance(entry, Stored) and entry.point is not None:
                return place
        return 0

    def mark_after(self, place: int) -> int | None:
        """Return the next mark further down (older)."""
        return next(islice(self.marks, bisect_right(self.marks, place), None), None)

    def mark_before(self, place: int) -> int | None:
        """Return the next mark further up (newer)."""
        found = bisect_left(self.marks, place)
        return self.marks[found - 1] if found else None


def build(timeline: Timeline) -> Ledger:
    """Lay a timeline out, newest first."""
    points = {point.key: point for point in timeline.points()}
    entries: list[Entry] = []
    for generation in reversed(timeline.generations):
        entries.append(Heading(generation))
        entries += _generation(generation, timeline, points)
    keys = tuple(_key(entry) for entry in entries)
    marks = tuple(
        place
        for place, entry in enumerate(entries)
        if not (isinstance(entry, Stored) and isinstance(entry.item, WalSegment))
    )
    return Ledger(timeline, tuple(entries), keys, marks)


def aim_of(entry: Stored) -> Aim:
    """Return what to wish for so that the state of exactly this line is restored."""
    point = entry.point
    assert point is not None
    return at_snapshot(point) if isinstance(entry.item, Snapshot) else at_segment(point)


def _generation(
    generation: Generation, timeline: Timeline, points: dict[str, RestorePoint]
) -> Iterator[Entry]:
    holes: dict[str | None, list[Hole]] = {}
    for gap in generation.gaps:
        holes.setdefault(gap.before.key if gap.before else None, []).append(Hole(gap))
    objects: list[Snapshot | WalSegment] = [*generation.snapshots, *generation.segments]
    items = sorted(
        objects,
        key=lambda item: (item.index, item.offset if isinstance(item, WalSegment) else -1),
        reverse=True,
    )
    for item in items:
        yield from holes.pop(item.key, ())
        yield Stored(item, points.get(item.key))
    for rest in holes.values():
        yield from rest
    for gap in timeline.gaps():
        if gap.kind == "between-generations" and gap.generation == generation.id:
            yield Hole(gap)


def _key(entry: Entry) -> str:
    match entry:
        case Heading(generation):
            return f"generation {generation.id}"
        case Stored(item):
            return item.key
        case Hole(gap):
            return f"gap {gap.kind} {gap.object}"
