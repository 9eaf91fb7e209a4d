"""The exact objects that produce a restore point: one base snapshot and an ordered run of changes.

Decisions only: nothing here reads an object. A target that names alone show to be out of reach is
refused here, with the good points around it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlite_recovery_tui.domain import Format, Gap, Position, RestorePoint, Snapshot, WalSegment
from sqlite_recovery_tui.errors import DamagedError, NotFoundError, OutsideCoverage
from sqlite_recovery_tui.formats.generations import parse_key
from sqlite_recovery_tui.replica.timeline import Generation, Run, Timeline, snapshot_point
from sqlite_recovery_tui.restore import target as targets
from sqlite_recovery_tui.restore.target import AtPosition, AtTime, Latest, Target

_LOCAL_BYTES_PER_SECOND = 300e6
_REMOTE_BYTES_PER_SECOND = 50e6
_REMOTE_OBJECTS_PER_SECOND = 800.0
_FIXED_SECONDS = 0.2
_WAL_HEADER_BYTES = 32  # they hold no frame


@dataclass(frozen=True)
class Plan:
    """What a restore fetches and applies, and the restore point that it reaches."""

    database: str | None
    replica: str
    url: str
    format: Format
    requested: Target
    point: RestorePoint
    base: Snapshot
    changes: tuple[WalSegment, ...]
    run: Run = field(repr=False, compare=False)
    behind: Snapshot | None = field(default=None, repr=False, compare=False)
    """Where history goes on behind the run: the next snapshot of another one."""
    until: Position | None = None
    """Apply frames up to this byte of the last WAL only; None: all of them."""
    distance_seconds: float | None = None
    """From the restore point to the time that was asked for; None when no time was."""
    notes: tuple[str, ...] = ()

    @property
    def objects(self) -> int:
        return 1 + len(self.changes)

    @property
    def fetch_bytes(self) -> int:
        """Bytes as stored."""
        return self.base.size + sum(change.size for change in self.changes)

    @property
    def last_index(self) -> int:
        """The WAL index that the restore ends in."""
        return self.changes[-1].index if self.changes else self.base.index

    def step_back(self, why: str) -> Plan | None:
        """Return the plan for the same point from the next earlier snapshot, None without one."""
        earlier = [base for base in self.run.snapshots if base.index < self.base.index]
        if not earlier:
            return None
        base = earlier[-1]
        last = self.changes[-1].position if self.changes else None
        changes = tuple(
            segment
            for segment in self.run.segments
            if segment.index >= base.index
            and (segment.position <= last if last else segment.index < self.base.index)
        )
        return replace(self, base=base, changes=changes, notes=(*self.notes, why))

    def to_json(self) -> dict[str, Any]:
        """Return the plan as `restore --dry-run --json` prints it."""
        return {
            "database": self.database,
            "replica": self.replica,
            "url": self.url,
            "format": self.format,
            "requested": targets.to_json(self.requested),
            "position": (self.until or self.point.end or self.point.position).to_json(),
            "time": targets.format_utc(self.point.time),
            "distance_seconds": self.distance_seconds,
            "base": {"object": self.base.key, "size": self.base.size},
            "changes": [{"object": change.key, "size": change.size} for change in self.changes],
            "objects": self.objects,
            "fetch_bytes": self.fetch_bytes,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class _Where:
    """What every plan of one replica has in common."""

    timeline: Timeline
    target: Target
    database: str | None
    replica: str
    url: str

    def plan(self, run: Run, point: RestorePoint, bases: list[Snapshot], **more: Any) -> Plan:
        """Take the newest base for `point` and all segments from it on."""
        reachable = [base for base in bases if base.index <= point.position.index]
        base = max(reachable, key=lambda item: item.index)
        is_snapshot = point.key == base.key
        changes = tuple(
            segment
            for segment in run.segments
            if not is_snapshot and segment.index >= base.index and segment.position <= point.position
        )
        runs = self.timeline.runs
        return Plan(
            database=self.database,
            replica=self.replica,
            url=self.url,
            format=self.timeline.format,
            requested=self.target,
            point=point,
            base=base,
            changes=changes,
            run=run,
            behind=next((later.snapshots[0] for later in runs[runs.index(run) + 1 :]), None),
            **more,
        )


def make_plan(
    timeline: Timeline,
    target: Target,
    *,
    database: str | None,
    replica: str,
    url: str,
    generation: str | None = None,
    nearest: bool = False,
    to_last_good: bool = False,
) -> Plan:
    """Decide how to reach `target` on one replica.

    Raises `NotFoundError` when the replica, the generation or the index holds nothing,
    `OutsideCoverage` for a time before the first or after the last object (unless `nearest`), and
    `DamagedError` for a target behind a hole (unless `to_last_good`).
    """
    if isinstance(target, AtPosition):
        generation = target.generation or generation
    if generation is not None:
        timeline = _only(timeline, generation)
    if timeline.newest is None:
        raise _nothing(timeline, url)
    where = _Where(timeline, target, database, replica, url)
    match target:
        case Latest():
            return _latest(where, to_last_good)
        case AtTime(time):
            return _at_time(where, time, nearest, to_last_good)
        case AtPosition(index, offset):
            return _at_position(where, index, offset, to_last_good)


def estimate_seconds(plan: Plan, *, local: bool = False) -> float:
    """Return about how long the restore takes, from bytes and objects alone."""
    if local:
        return _FIXED_SECONDS + plan.fetch_bytes / _LOCAL_BYTES_PER_SECOND
    fetch = plan.fetch_bytes / _REMOTE_BYTES_PER_SECOND
    return _FIXED_SECONDS + max(fetch, plan.objects / _REMOTE_OBJECTS_PER_SECOND)


def _only(timeline: Timeline, generation: str) -> Timeline:
    chosen = timeline.generation(generation)
    if chosen is None:
        known = ", ".join(item.id for item in timeline.generations) or "none"
        raise NotFoundError(
            f"generation {generation} is not in this replica", hint=f"generations here: {known}"
        )
    return Timeline(timeline.format, (chosen,), timeline.other_objects, timeline.other_examples)


def _nothing(timeline: Timeline, url: str) -> NotFoundError | DamagedError:
    if timeline.objects:
        hole = timeline.holes[0]
        return DamagedError(
            f"nothing can be restored from {url}: {hole.message}",
            object=hole.object,
            hint="segments without a snapshot before them are of no use; look for another replica",
        )
    extra = f"; {timeline.warnings[0]}" if timeline.warnings else ""
    return NotFoundError(
        f"no backups found at {url}{extra}",
        hint="check the bucket and the path: a v0.3 replica keeps everything below generations/",
    )


def _latest(where: _Where, to_last_good: bool) -> Plan:
    run, point = _newest_run(where.timeline, None)
    hole = _hole_before(where.timeline, None, point)
    notes = _pass_hole(hole, "the newest state", to_last_good) if hole else ()
    return where.plan(run, point, list(run.snapshots), notes=notes)


def _at_time(where: _Where, time: datetime, nearest: bool, to_last_good: bool) -> Plan:
    timeline = where.timeline
    first, newest_stored = timeline.oldest, max(item.end for item in timeline.generations)
    assert first is not None
    if time < first.time:
        return _before_first(where, time, first, nearest)
    notes: list[str] = []
    if time > newest_stored:
        notes.append(_beyond(timeline, time, nearest))
    run, point = _newest_run(timeline, time)
    hole = _hole_before(timeline, time, point)
    if hole is not None:
        notes += _pass_hole(hole, targets.format_utc(time), to_last_good)
    distance = (time - point.time).total_seconds()
    bases = [base for base in run.snapshots if base.time <= time]
    return where.plan(run, point, bases, distance_seconds=distance, notes=tuple(notes))


def _newest_run(timeline: Timeline, time: datetime | None) -> tuple[Run, RestorePoint]:
    """Return the newest point stored at `time` or before, with the run it lies in."""
    reached = timeline.reached(time)
    assert reached is not None
    return reached


def _before_first(where: _Where, time: datetime, first: RestorePoint, nearest: bool) -> Plan:
    early = targets.format_seconds((first.time - time).total_seconds())
    if not nearest:
        raise OutsideCoverage(
            f"oldest available is {targets.format_utc(first.time)}, {early} s after the time asked for",
            after=first,
            hint="ask for a later time, or add --nearest to take the oldest",
        )
    run = next(run for run in where.timeline.runs if first in map(snapshot_point, run.snapshots))
    note = f"the oldest state is {early} s after the time you asked for"
    return where.plan(
        run, first, list(run.snapshots), distance_seconds=(time - first.time).total_seconds(), notes=(note,)
    )


def _beyond(timeline: Timeline, time: datetime, nearest: bool) -> str:
    newest = timeline.newest
    assert newest is not None
    late = targets.format_seconds((time - newest.time).total_seconds())
    if not nearest:
        raise OutsideCoverage(
            f"newest available is {targets.format_utc(newest.time)}, {late} s before the time asked for",
            before=newest,
            hint="leave the time out or add --nearest to take the newest",
        )
    return f"the newest state is {late} s before the time you asked for"


def _hole_before(timeline: Timeline, time: datetime | None, reached: RestorePoint) -> Gap | None:
    """Return the hole that hides `time` (None: the end) when `reached` is the best that is left."""
    for generation in timeline.generations:
        for gap in generation.gaps:
            if gap.is_damage and _hides(generation, gap, time, reached):
                return gap
    return None


def _hides(generation: Generation, gap: Gap, time: datetime | None, reached: RestorePoint) -> bool:
    """Tell whether what is missing may have been stored before `time` and behind `reached`."""
    if time is not None and _is_before(generation, gap, time):
        return False
    if gap.after is not None:
        return time is not None and time < gap.after.time
    return reached.position.generation == generation.id or reached.time < generation.end


def _is_before(generation: Generation, gap: Gap, time: datetime) -> bool:
    """Tell whether `time` is in front of a hole; the time of the last point in front of it is."""
    if gap.before is None:
        return time < generation.start
    return time < gap.before.time or gap.before.time == time < generation.end


def _pass_hole(hole: Gap, what: str, to_last_good: bool) -> tuple[str, ...]:
    if not to_last_good:
        raise DamagedError(
            f"{what} lies behind a hole: {hole.message}",
            object=hole.object,
            last_good=hole.before,
            next_good=hole.after,
            hint=_ways_around(hole),
        )
    return (f"everything behind a hole is left out: {hole.message}",)


def _ways_around(hole: Gap) -> str:
    ways = []
    if hole.before is not None:
        ways.append(f"restore up to {targets.format_utc(hole.before.time)} with --to-last-good")
    if hole.after is not None:
        ways.append(f"the next good snapshot is of {targets.format_utc(hole.after.time)}")
    return "; ".join([*ways, "another replica may be whole"])


def _at_position(where: _Where, index: int, offset: int | None, to_last_good: bool) -> Plan:
    generation = _generation_with(where.timeline, index)
    limit = math.inf if offset is None else offset if offset > _WAL_HEADER_BYTES else 0
    hole = next((gap for gap in generation.gaps if _hides_position(gap, index, limit)), None)
    if hole is not None:
        return _in_front_of(where, generation, hole, to_last_good)
    run = [run for run in generation.runs if run.snapshots[0].index <= index][-1]
    count = bisect_left(run.segments, (index, limit), key=lambda segment: (segment.index, segment.offset))
    bases = [base for base in run.snapshots if base.index <= index]
    if count and (limit == 0 or bases[-1].index <= run.segments[count - 1].index):
        point = run.point(count - 1)
    else:
        point = snapshot_point(bases[-1])
    until = Position(generation.id, index, offset) if offset is not None else None
    if until is not None and limit and not (count and run.segments[count - 1].index == index):
        raise OutsideCoverage(
            f"position {until.label} is beyond the end of what is stored, {point.position.label}",
            before=point,
            hint=f"ask for -index {index:08x} without -offset",
        )
    return where.plan(run, point, bases, until=until)


def _in_front_of(where: _Where, generation: Generation, hole: Gap, to_last_good: bool) -> Plan:
    """Return the plan for the last point in front of a hole; raise `DamagedError` unless that will do."""
    notes = _pass_hole(hole, targets.describe(where.target), to_last_good and hole.before is not None)
    run = next(run for run in generation.runs if run.newest() == hole.before)
    assert hole.before is not None
    return where.plan(run, hole.before, list(run.snapshots), notes=notes)


def _hides_position(gap: Gap, index: int, limit: float) -> bool:
    """Tell whether a hole lies in front of byte `limit` of WAL `index`, and no snapshot behind it."""
    missing = parse_key(gap.object)
    assert missing is not None
    if gap.after is not None and gap.after.position.index <= index:
        return False
    if gap.kind == "no-snapshot":
        return index >= missing.index
    return (index, limit) > (missing.index, 0)


def _generation_with(timeline: Timeline, index: int) -> Generation:
    """Return the generation that was stored last among those that have WAL `index`, or should have it."""
    indexes = {item.id: {part.index for part in _parts(item)} for item in timeline.generations}
    having = [item for item in timeline.generations if index in indexes[item.id]] or [
        item for item in timeline.generations if min(indexes[item.id]) < index < max(indexes[item.id])
    ]
    if having:
        return max(having, key=lambda item: item.end)
    newest = max(timeline.generations, key=lambda item: item.end)
    known = indexes[newest.id]
    raise NotFoundError(
        f"WAL {index:08x} is not in this replica",
        hint=f"generation {newest.id} has {min(known):08x} to {max(known):08x} (hexadecimal)",
    )


def _parts(generation: Generation) -> tuple[Snapshot | WalSegment, ...]:
    return (*generation.snapshots, *generation.segments)
