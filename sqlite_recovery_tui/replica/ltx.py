"""The v0.5 layout: LTX files of all levels as one lineage, with its restore points, holes and routes.

Level 9 files are snapshots, those of all other levels are changes; any file that begins with TXID 1 holds
the whole database. What belongs to a time and how far it reaches is decided as Litestream v0.5 does.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from typing import Any

from sqlite_recovery_tui.domain import Format, Gap, LtxFile, Place, RestorePoint, Span, StoredObject, Txid
from sqlite_recovery_tui.replica import ltx_gaps, reach
from sqlite_recovery_tui.replica.lineage import Lane
from sqlite_recovery_tui.replica.segments import microseconds
from sqlite_recovery_tui.words import plural, size

SNAPSHOT_LEVEL = 9


@dataclass(frozen=True, slots=True)
class Pending:
    """Files of a level that the next one has not taken in yet."""

    level: int
    files: int
    size: int

    def to_json(self) -> dict[str, Any]:
        return {"level": self.level, "files": self.files, "size": self.size}


@dataclass(frozen=True)
class LtxLineage:
    """All LTX files of a replica, in order of their last TXID."""

    files: tuple[LtxFile, ...]

    @classmethod
    def of(cls, files: Iterable[LtxFile]) -> LtxLineage:
        """Put `files` in order."""
        return cls(tuple(sorted(files, key=lambda file: (file.max_txid, file.min_txid, file.level))))

    @property
    def id(self) -> str:
        """There is only one in a replica."""
        return "ltx"

    @property
    def title(self) -> str:
        """What a person calls it."""
        return "the LTX files"

    @property
    def format(self) -> Format:
        """LTX files are v0.5's."""
        return "v0.5"

    @cached_property
    def levels(self) -> Mapping[int, tuple[LtxFile, ...]]:
        """The files of each level that has any, in order of TXID."""
        found: dict[int, list[LtxFile]] = {}
        for file in self.files:
            found.setdefault(file.level, []).append(file)
        return {level: tuple(found[level]) for level in sorted(found)}

    @cached_property
    def lanes(self) -> tuple[Lane, ...]:
        """One lane for each level, level 0 first."""
        return tuple(
            Lane(
                f"level {level}",
                f"level {level}",
                files if level == SNAPSHOT_LEVEL else (),
                () if level == SNAPSHOT_LEVEL else files,
                about={0: "each sync", SNAPSHOT_LEVEL: "snapshots"}.get(level, "compacted"),
                noun="level",
                change_noun="LTX file",
            )
            for level, files in self.levels.items()
        )

    @property
    def bases(self) -> tuple[LtxFile, ...]:
        """The snapshots, or whatever else begins with TXID 1 where there are none."""
        snapshots = self.levels.get(SNAPSHOT_LEVEL, ())
        return snapshots or tuple(file for file in self.files if file.is_base)

    @cached_property
    def start(self) -> datetime:
        """The earliest time of any file."""
        return min(file.time for file in self.files)

    @cached_property
    def end(self) -> datetime:
        """The latest time of any file."""
        return max(file.time for file in self.files)

    @cached_property
    def size(self) -> int:
        """Bytes as stored."""
        return sum(file.size for file in self.files)

    @property
    def objects(self) -> int:
        return len(self.files)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What compaction has left to do, and left behind."""
        waiting = [
            f"{plural(item.files, 'file')} of level {item.level} ({size(item.size)}) "
            f"{'is' if item.files == 1 else 'are'} not compacted yet"
            for item in self.pending
        ]
        if not self.overlaps:
            return tuple(waiting)
        begin = "begins" if self.overlaps == 1 else "begin"
        overlap = f"{plural(self.overlaps, 'file')} {begin} with TXIDs that the file before has as well"
        return (*waiting, f"{overlap}: harmless, as the later page counts")

    @property
    def details(self) -> dict[str, Any]:
        """Return the TXIDs that can be restored, and the state of compaction."""
        return {
            "first_txid": Txid(self.steps[0].txid).label if self.steps else None,
            "last_txid": Txid(self.steps[-1].txid).label if self.steps else None,
            "restore_points": len(self.steps),
            "pending": [item.to_json() for item in self.pending],
            "overlaps": self.overlaps,
        }

    @property
    def times_rise(self) -> bool:
        """Whether the times of each level rise with its TXIDs."""
        return all(
            earlier.time <= later.time for files in self.levels.values() for earlier, later in pairwise(files)
        )

    @property
    def pending(self) -> tuple[Pending, ...]:
        """What compaction has still to do, level by level, below the highest level that was written."""
        levels = [level for level in self.levels if level != SNAPSHOT_LEVEL]
        found = []
        for lower, upper in pairwise(levels):
            done = self.levels[upper][-1].max_txid
            waiting = [file for file in self.levels[lower] if file.max_txid > done]
            if waiting:
                found.append(Pending(lower, len(waiting), sum(file.size for file in waiting)))
        return tuple(found)

    @property
    def overlaps(self) -> int:
        """How many files begin with a TXID that the one before them in their level has as well."""
        changes = (files for level, files in self.levels.items() if level != SNAPSHOT_LEVEL)
        return sum(
            later.min_txid <= earlier.max_txid for files in changes for earlier, later in pairwise(files)
        )

    @property
    def _changes(self) -> Iterator[LtxFile]:
        """Everything but the snapshots."""
        return (file for file in self.files if file.level != SNAPSHOT_LEVEL)

    @cached_property
    def steps(self) -> list[reach.Step]:
        """Every TXID that can be restored, and how, by any file."""
        return reach.steps(self.files)

    @cached_property
    def _points(self) -> list[RestorePoint]:
        return [_point(step) for step in self.steps]

    @cached_property
    def _earliest_behind(self) -> list[datetime]:
        """For each step the earliest time of itself and all behind it."""
        times = [step.time for step in self.steps]
        for number in range(len(times) - 2, -1, -1):
            times[number] = min(times[number], times[number + 1])
        return times

    @cached_property
    def _stretches(self) -> list[tuple[int, int]]:
        """First and last number of the steps between which history goes on without a hole."""
        bounds = [0]
        reached = _Advance(self.files)
        for number, step in enumerate(self.steps[:-1]):
            if not reached.goes_on_from(step.txid):
                bounds.append(number + 1)
        return list(zip(bounds, [*(bound - 1 for bound in bounds[1:]), len(self.steps) - 1], strict=True))

    @cached_property
    def gaps(self) -> tuple[Gap, ...]:
        """Holes between TXIDs that no file bridges, and files in front of the first base."""
        return tuple(ltx_gaps.gaps(self.files, self._points, self._stretches))

    def spans(self) -> list[Span]:
        """Return the stretches of time with restore points, in order of TXID."""
        if not self.steps:
            return []
        return [
            Span(min(step.time for step in part), max(step.time for step in part))
            for first, last in self._stretches
            if (part := self.steps[first : last + 1])
        ]

    def points(self) -> Iterator[RestorePoint]:
        """Yield every TXID that can be restored."""
        yield from self._points

    def states(self) -> Mapping[str, RestorePoint]:
        """Return, by key, the state that each file ends in; several files may end in the same one."""
        points = {step.txid: point for step, point in zip(self.steps, self._points, strict=True)}
        return {file.key: points[file.max_txid] for file in self.files if file.max_txid in points}

    def point_times(self) -> Iterator[int]:
        """Yield the time of every TXID that can be restored, in microseconds since 1970."""
        return (microseconds(step.time) for step in self.steps)

    def state_of(self, item: StoredObject) -> RestorePoint | None:
        """Return the state that a file ends in; one that nothing connects to has none."""
        assert isinstance(item, LtxFile)
        number = reach.number_of(self.steps, item.max_txid)
        return self._points[number] if number is not None else None

    def oldest(self) -> RestorePoint | None:
        """Return the earliest state that can be restored."""
        return min(self._points, key=lambda point: point.time, default=None)

    def at_or_before(self, time: datetime | None) -> RestorePoint | None:
        """Return the highest TXID that files from before `time` restore; None: the highest of all."""
        if time is None:
            return self._points[-1] if self._points else None
        count = bisect_left(self._earliest_behind, time)
        return self._points[count - 1] if count else None

    def after(self, time: datetime) -> RestorePoint | None:
        """Return the first state, in time, that was stored later than `time`."""
        later = (point for point in self._points if point.time > time)
        return min(later, key=lambda point: point.time, default=None)

    def includes(self, stored: datetime, asked: datetime) -> bool:
        """Tell whether a file belongs to the state of `asked`: not when it is of that very moment."""
        return stored < asked

    def route_at(self, time: datetime | None) -> LtxRoute | None:
        """Return the cheapest way to what `at_or_before` returns, by files from before `time` alone."""
        point = self.at_or_before(time)
        if point is None:
            return None
        assert isinstance(point.position, Txid)
        return self.route_to(point.position.value, before=time)

    def route_to_oldest(self) -> LtxRoute | None:
        """Return the way to the earliest state."""
        point = self.oldest()
        if point is None:
            return None
        assert isinstance(point.position, Txid)
        return self.route_to(point.position.value)

    def route_to(
        self, txid: int, *, before: datetime | None = None, avoided: frozenset[str] = frozenset()
    ) -> LtxRoute | None:
        """Return the cheapest way to exactly `txid`, by files stored before `before` and not in `avoided`."""
        last = bisect_right(self.files, txid, key=lambda file: file.max_txid)
        found = reach.steps(
            file
            for file in self.files[:last]
            if file.key not in avoided and (before is None or file.time < before)
        )
        number = reach.number_of(found, txid)
        if number is None:
            return None
        base, *changes = reach.route(found, number)
        return LtxRoute(_point(found[number]), base, tuple(changes), self, before, avoided)

    def onward(self, txid: int, avoided: Collection[str] = ()) -> tuple[LtxFile, ...]:
        """Return the cheapest changes that lead from `txid` as far as there are any, none of `avoided`."""
        found = reach.steps((file for file in self._changes if file.key not in avoided), start=txid)
        return reach.route(found, len(found) - 1) if found else ()

    def hole_behind(self, txid: int) -> Gap | None:
        """Return what keeps changes from leading on from `txid`; None when nothing is stored behind it."""
        return ltx_gaps.behind(self.files, txid, *self.around_txid(txid))

    def is_restorable(self, txid: int) -> bool:
        """Tell whether files lead to exactly `txid`."""
        return reach.number_of(self.steps, txid) is not None

    def around_txid(self, txid: int) -> tuple[RestorePoint | None, RestorePoint | None]:
        """Return the nearest states in front of `txid` and behind it."""
        place = bisect_left(self.steps, txid, key=lambda step: step.txid)
        is_there = place < len(self.steps) and self.steps[place].txid == txid
        behind = place + is_there
        return (
            self._points[place - 1] if place else None,
            self._points[behind] if behind < len(self._points) else None,
        )

    def without(self, keys: Collection[str]) -> LtxLineage:
        """Return the lineage as if the files `keys` were not there."""
        return LtxLineage(tuple(file for file in self.files if file.key not in keys))

    def with_times(self, times: Mapping[str, datetime]) -> LtxLineage:
        """Return the lineage with other times for some files."""
        changed = (replace(file, time=times.get(file.key, file.time)) for file in self.files)
        return LtxLineage(tuple(changed))


@dataclass(frozen=True)
class LtxRoute:
    """Files whose merged pages are the database at one TXID; the first begins with TXID 1."""

    point: RestorePoint
    base: LtxFile
    changes: tuple[LtxFile, ...]
    lineage: LtxLineage = field(repr=False, compare=False)
    before: datetime | None = field(default=None, repr=False)
    """Only files stored before this moment were considered; None: all."""
    avoided: frozenset[str] = field(default=frozenset(), repr=False)
    """Keys of files that are known to be damaged."""
    behind: RestorePoint | None = field(default=None, repr=False, compare=False)

    @property
    def format(self) -> Format:
        """LTX files are v0.5's."""
        return "v0.5"

    @property
    def reached(self) -> Place:
        """The TXID that it leads to."""
        return self.point.position

    @property
    def files(self) -> tuple[LtxFile, ...]:
        """The base and all changes, in order."""
        return (self.base, *self.changes)

    @property
    def fetch_bytes(self) -> int:
        """Bytes as stored."""
        return self.base.size + sum(change.size for change in self.changes)

    @property
    def base_text(self) -> str:
        """Name the file that the restore begins with."""
        kind = "snapshot" if self.base.level == SNAPSHOT_LEVEL else f"level {self.base.level} file"
        return f"{kind} of TXID {Txid(self.base.max_txid)}"

    @property
    def changes_text(self) -> str:
        """Say how many files are laid over the base."""
        return plural(len(self.changes), "LTX file") if self.changes else ""

    def led_on_to(self, behind: RestorePoint | None) -> LtxRoute:
        """Return the route with what lies behind the last TXID."""
        return replace(self, behind=behind)

    def around(self, keys: Collection[str]) -> LtxRoute | None:
        """Return the cheapest way to the same TXID without the files `keys`, through other levels."""
        assert isinstance(self.point.position, Txid)
        txid, avoided = self.point.position.value, self.avoided | frozenset(keys)
        # What was written later holds the same state: a compaction or a snapshot of it.
        other = self.lineage.route_to(txid, before=self.before, avoided=avoided) or self.lineage.route_to(
            txid, avoided=avoided
        )
        return replace(other, before=self.before, behind=self.behind) if other else None


class _Advance:
    """Tells whether some change goes on from a TXID; asked with rising numbers."""

    def __init__(self, files: Sequence[LtxFile]) -> None:
        changes = sorted(
            (file for file in files if file.level != SNAPSHOT_LEVEL), key=lambda file: file.min_txid
        )
        self._first = [file.min_txid for file in changes]
        self._reach: list[int] = []
        highest = 0
        for file in changes:
            highest = max(highest, file.max_txid)
            self._reach.append(highest)

    def goes_on_from(self, txid: int) -> bool:
        count = bisect_right(self._first, txid + 1)
        return count > 0 and self._reach[count - 1] > txid


def _point(step: reach.Step) -> RestorePoint:
    place = Txid(step.txid)
    return RestorePoint(place, step.time, step.last.key, place)
