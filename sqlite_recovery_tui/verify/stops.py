"""The states of a replica one after the other, as a search or a walk through time takes them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlite_recovery_tui.domain import LtxFile, Place, Position, RestorePoint, Txid, WalSegment
from sqlite_recovery_tui.errors import NotFoundError, OutsideCoverage
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.replica.generations import snapshot_point
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.restore.commits import Commit, commits
from sqlite_recovery_tui.restore.plan import Plan, make_plan
from sqlite_recovery_tui.restore.target import AtPosition, AtTxid, Target, format_utc, of_point
from sqlite_recovery_tui.storage.base import Store


@dataclass(frozen=True)
class Stop:
    """One state: that of a restore point, or a commit inside the object that makes it."""

    target: Target
    time: datetime
    key: str
    """The object that the state ends in."""

    @property
    def words(self) -> tuple[str, ...]:
        """The options of a command line that name it."""
        match self.target:
            case AtTxid(txid):
                return ("-txid", f"{txid:016x}")
            case AtPosition(index, offset, generation):
                named = ("-generation", generation) if generation else ()
                ended = ("-offset", f"{offset:08x}") if offset is not None else ()
                return (*named, "-index", f"{index:08x}", *ended)
            case _:
                return ("-timestamp", format_utc(self.time))


@dataclass(frozen=True)
class Line:
    """One replica, and how plans for its stops are made."""

    timeline: Timeline
    database: str | None
    replica: str
    url: str

    def plan(self, stop: Stop) -> Plan:
        """Plan the way to a stop; raises as `make_plan`."""
        return make_plan(
            self.timeline, stop.target, database=self.database, replica=self.replica, url=self.url
        )


def stops(timeline: Timeline) -> list[Stop]:
    """Return the states that restore points make, in order of time.

    A snapshot in the middle of its generation makes none: it holds what the WAL in front of it led to.
    """
    found: list[Stop] = []
    for lineage in timeline.lineages:
        is_first = True
        for point in lineage.points():
            if is_first or not _is_snapshot(point):
                found.append(Stop(of_point(point), point.time, point.key))
            is_first = False
    return sorted(found, key=lambda stop: stop.time)


def between(all_stops: list[Stop], start: datetime | None, end: datetime | None) -> list[Stop]:
    """Return the stops from the newest that belongs to `start` to the newest that belongs to `end`.

    Raises `OutsideCoverage` for a time in front of the first, `NotFoundError` where fewer than two are left.
    """
    if not all_stops:
        raise NotFoundError("nothing can be restored from this replica", hint="see `sqlrecover timeline`")
    times = [stop.time for stop in all_stops]
    first, last = (_newest(times, moment) for moment in (start, end))
    low = 0 if first is None else first
    high = len(all_stops) - 1 if last is None else last
    if high <= low:
        raise NotFoundError(
            f"there is only one state from {format_utc(times[low])} on up to the end asked for",
            hint="search a longer time with -from and -to",
        )
    return all_stops[low : high + 1]


def inside(stop: Stop, found: tuple[Commit, ...]) -> list[Stop]:
    """Return the commits of the object that makes `stop`, the last of which is the stop's own state."""
    return [Stop(_target(commit.place), commit.time or stop.time, stop.key) for commit in found]


def neighbour(
    store: Store,
    timeline: Timeline,
    held: Place,
    step: int,
    *,
    identities: Sequence[str] = (),
    cancel: CancelToken | None = None,
) -> Stop | None:
    """Return the commit in front of a state (`step` -1) or behind it (1), None at the end of its history.

    Raises what reading commits raises.
    """
    if isinstance(held, Txid):
        around = timeline.ltx.around_txid(held.value) if timeline.ltx is not None else (None, None)
        point = around[0 if step < 0 else 1]
        return Stop(of_point(point), point.time, point.key) if point is not None else None
    generation = timeline.generation(held.generation)
    if generation is None:
        return None
    segments = generation.segments
    number = bisect_left(segments, (held.index, held.offset), key=lambda each: (each.index, each.offset))
    # The segment that holds the end of the state lies in front; its other commits may be wanted.
    numbers = range(number - 1, -1, -1) if step < 0 else range(max(0, number - 1), len(segments))
    for one in numbers:
        found = commits(store, timeline, segments[one], identities=identities, cancel=cancel)
        wanted = [
            commit
            for commit in found.commits
            if isinstance(commit.place, Position) and _lies(commit.place, held, step)
        ]
        if wanted:
            commit = wanted[-1 if step < 0 else 0]
            return Stop(_target(commit.place), commit.time or segments[one].time, segments[one].key)
    first = next(iter(generation.snapshots), None)
    if step > 0 or first is None or not held.offset:
        return None
    return Stop(of_point(snapshot_point(first)), first.time, first.key)


def _lies(place: Position, held: Position, step: int) -> bool:
    return place < held if step < 0 else place > held


def place_of(stop: Stop) -> Place:
    """Return where a stop that `neighbour` gave ends."""
    match stop.target:
        case AtTxid(txid):
            return Txid(txid)
        case AtPosition(index, offset, generation):
            return Position(generation or "", index, offset or 0)
        case _:
            raise ValueError(f"{stop.target} is no place")


def item_of(timeline: Timeline, stop: Stop) -> WalSegment | LtxFile | None:
    """Return the segment or file that a stop ends in; None for a snapshot of WALs."""
    match stop.target:
        case AtTxid():
            files = timeline.ltx.files if timeline.ltx is not None else ()
            return next((file for file in files if file.key == stop.key), None)
        case AtPosition(_, _, str(generation)):
            found = timeline.generation(generation)
            segments = found.segments if found is not None else ()
            return next((segment for segment in segments if segment.key == stop.key), None)
        case _:
            return None


def _newest(times: list[datetime], moment: datetime | None) -> int | None:
    if moment is None:
        return None
    number = bisect_right(times, moment) - 1
    if number < 0:
        raise OutsideCoverage(
            f"the oldest state is of {format_utc(times[0])}, later than {format_utc(moment)}",
            hint="name a later time, or leave -from out to begin with the oldest",
        )
    return number


def _is_snapshot(point: RestorePoint) -> bool:
    return isinstance(point.position, Position) and not point.position.offset and point.end == point.position


def _target(place: Place) -> Target:
    match place:
        case Txid(value):
            return AtTxid(value)
        case Position(generation, index, offset):
            return AtPosition(index, offset, generation)
