"""The exact objects that produce a restore point: one base snapshot and an ordered run of changes.

Decisions only: nothing here reads an object. A target that names alone show to be out of reach is
refused here, with the good points around it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlite_recovery_tui.domain import Format, Gap, Position, RestorePoint, Snapshot, WalSegment
from sqlite_recovery_tui.errors import DamagedError, NotFoundError, OutsideCoverage, UsageError
from sqlite_recovery_tui.replica.timeline import Generation, Run, Timeline, snapshot_point
from sqlite_recovery_tui.restore import target as targets
from sqlite_recovery_tui.restore.target import AtPosition, AtTime, Latest, Target

_LOCAL_BYTES_PER_SECOND = 300e6
_REMOTE_BYTES_PER_SECOND = 50e6
_REMOTE_OBJECTS_PER_SECOND = 800.0
_FIXED_SECONDS = 0.2


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
            "position": (self.point.end or self.point.position).to_json(),
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
            return _at_position(where, index, offset)


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
    newest_generation = max(where.timeline.generations, key=lambda item: item.end)
    hole = next((gap for gap in reversed(newest_generation.gaps) if gap.after is None), None)
    notes: tuple[str, ...] = ()
    if hole is not None:
        notes = _pass_hole(hole, "the newest state", to_last_good)
    run, point = _newest_run(where.timeline, None)
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
    hole = _hole_at(timeline, time)
    if hole is not None:
        notes += _pass_hole(hole, targets.format_utc(time), to_last_good)
    run, point = _newest_run(timeline, time)
    distance = (time - point.time).total_seconds()
    bases = [base for base in run.snapshots if base.time <= time]
    return where.plan(run, point, bases, distance_seconds=distance, notes=tuple(notes))


def _newest_run(timeline: Timeline, time: datetime | None) -> tuple[Run, RestorePoint]:
    """Return the newest point stored at `time` or before, with the run it lies in."""
    reached = [(run, point) for run in timeline.runs if (point := run.newest(time))]
    return max(reached, key=lambda pair: pair[1].time)


def _before_first(where: _Where, time: datetime, first: RestorePoint, nearest: bool) -> Plan:
    early = (first.time - time).total_seconds()
    if not nearest:
        raise OutsideCoverage(
            f"oldest available is {targets.format_utc(first.time)}, {early:g} s after the time asked for",
            after=first,
            hint="ask for a later time, or add --nearest to take the oldest",
        )
    run = next(run for run in where.timeline.runs if next(run.points()) == first)
    note = f"the oldest state is {early:g} s after the time you asked for"
    return where.plan(run, first, list(run.snapshots), distance_seconds=-early, notes=(note,))


def _beyond(timeline: Timeline, time: datetime, nearest: bool) -> str:
    newest = timeline.newest
    assert newest is not None
    late = (time - newest.time).total_seconds()
    if not nearest:
        raise OutsideCoverage(
            f"newest available is {targets.format_utc(newest.time)}, {late:g} s before the time asked for",
            before=newest,
            hint="leave the time out or add --nearest to take the newest",
        )
    return f"the newest state is {late:g} s before the time you asked for"


def _hole_at(timeline: Timeline, time: datetime) -> Gap | None:
    """Return the hole that hides `time`: what is missing may have been stored before it."""
    for generation in timeline.generations:
        for gap in generation.gaps:
            begins = gap.before.time if gap.before else generation.start
            ends = gap.after.time if gap.after else generation.end
            behind = begins < time if gap.before else begins <= time
            if behind and (time < ends or (gap.after is None and time == ends)):
                return gap
    return None


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


def _at_position(where: _Where, index: int, offset: int | None) -> Plan:
    generation = _generation_with(where.timeline, index)
    runs = [run for run in generation.runs if _holds(run, index)]
    if not runs:
        raise _unreachable(generation, index)
    run = runs[-1]
    inside = [
        number
        for number, segment in enumerate(run.segments)
        if segment.index < index or (segment.index == index and (offset is None or segment.offset < offset))
    ]
    bases = [base for base in run.snapshots if base.index <= index]
    point = run.point(inside[-1]) if inside else snapshot_point(bases[-1])
    if bases[-1].index > point.position.index:
        point = snapshot_point(bases[-1])
    until = Position(generation.id, index, offset) if offset is not None else None
    return where.plan(run, point, bases, until=until)


def _generation_with(timeline: Timeline, index: int) -> Generation:
    """Return the generation that was stored last among those that have WAL `index`."""
    having = [item for item in timeline.generations if any(part.index == index for part in _parts(item))]
    if having:
        return max(having, key=lambda item: item.end)
    newest = max(timeline.generations, key=lambda item: item.end)
    indexes = [part.index for part in _parts(newest)]
    raise NotFoundError(
        f"WAL {index:08x} is not in this replica",
        hint=f"generation {newest.id} has {min(indexes):08x} to {max(indexes):08x} (hexadecimal)",
    )


def _parts(generation: Generation) -> tuple[Snapshot | WalSegment, ...]:
    return (*generation.snapshots, *generation.segments)


def _holds(run: Run, index: int) -> bool:
    """Tell whether a run reaches WAL `index` and has a snapshot to start from."""
    ends = [run.snapshots[-1].index, *(segment.index for segment in run.segments[-1:])]
    return run.snapshots[0].index <= index <= max(ends)


def _unreachable(generation: Generation, index: int) -> DamagedError:
    for gap in generation.gaps:
        if gap.after is None or gap.after.position.index > index:
            return DamagedError(
                f"WAL {index:08x} lies behind a hole: {gap.message}",
                object=gap.object,
                last_good=gap.before,
                next_good=gap.after,
                hint=_ways_around(gap),
            )
    raise UsageError(f"WAL {index:08x} cannot be reached in generation {generation.id}")
