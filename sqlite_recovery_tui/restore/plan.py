"""The exact objects that produce a restore point: one base and an ordered run of changes.

Decisions only: nothing here reads an object. A target that names alone show to be out of reach is
refused here, with the good points around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlite_recovery_tui.domain import Base, Change, Format, Place, RestorePoint
from sqlite_recovery_tui.errors import DamagedError, NotFoundError, OutsideCoverage
from sqlite_recovery_tui.replica.commit_times import hole_behind
from sqlite_recovery_tui.replica.generations import Generation
from sqlite_recovery_tui.replica.lineage import Lineage
from sqlite_recovery_tui.replica.route import Route
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.restore import exact, holes
from sqlite_recovery_tui.restore import target as targets
from sqlite_recovery_tui.restore.target import AtPosition, AtTime, AtTxid, Latest, Target, format_utc
from sqlite_recovery_tui.words import plural

MOMENT_LEFT_OUT = "as Litestream v0.5 does, what was stored at that very moment is left out"
"""The note on a time in a history that does so; of consequence only where something was stored just then."""

COMMIT_TIME = "a commit belongs to that time if it was made by then, as the daemon saw it that stored it"
"""The note on a time where single commits are dated."""
STORED_TIME = (
    "single commits around that time are not dated: as with Litestream, what was stored by then counts"
)
"""The note on a time in a history of our daemon where they are not: in its newest WAL, mostly."""

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
    requested: Target
    route: Route
    distance_seconds: float | None = None
    """From the restore point to the time that was asked for; None when no time was."""
    notes: tuple[str, ...] = ()

    @property
    def format(self) -> Format:
        """The layout of its objects."""
        return self.route.format

    @property
    def point(self) -> RestorePoint:
        """The state that it leads to."""
        return self.route.point

    @property
    def reached(self) -> Place:
        """Where that state ends, as far as names tell."""
        return self.route.reached

    @property
    def base(self) -> Base:
        """What is restored first."""
        return self.route.base

    @property
    def changes(self) -> Sequence[Change]:
        """What is laid over it, in order."""
        return self.route.changes

    @property
    def objects(self) -> int:
        return 1 + len(self.changes)

    @property
    def fetch_bytes(self) -> int:
        """Bytes as stored."""
        return self.route.fetch_bytes

    def around(self, avoid: Mapping[str, str]) -> Plan | None:
        """Return the plan for the same state without the objects `avoid`, with the notes that say why."""
        route = self.route.around(avoid)
        notes = (*self.notes, *filter(None, avoid.values()))
        return replace(self, route=route, notes=notes) if route else None

    def ending_at(self, route: Route) -> Plan:
        """Return the plan that ends earlier, with `route`, than what was asked for."""
        asked = self.requested
        distance = (asked.time - route.point.time).total_seconds() if isinstance(asked, AtTime) else None
        return replace(self, route=route, distance_seconds=distance)

    def to_json(self) -> dict[str, Any]:
        """Return the plan as `restore --dry-run --json` prints it."""
        return {
            "database": self.database,
            "replica": self.replica,
            "url": self.url,
            "format": self.format,
            "requested": targets.to_json(self.requested),
            "position": self.reached.to_json(),
            "time": format_utc(self.point.time),
            "time_of": self.point.time_of,
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

    def plan(
        self,
        lineage: Lineage,
        route: Route,
        *,
        distance_seconds: float | None = None,
        notes: tuple[str, ...] = (),
    ) -> Plan:
        """Plan a route of `lineage`; say why that history when the replica has several formats."""
        led_on = self.timeline.led_on(lineage, route)
        if isinstance(self.target, AtTime):
            notes = (*notes, *self.timeline.about_times)
        if len(self.timeline.formats) > 1:
            notes = (*notes, _why_this_history(self.timeline, lineage, self.target))
        return Plan(self.database, self.replica, self.url, self.target, led_on, distance_seconds, notes)


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
    `OutsideCoverage` for a time before the first or after the last object (unless `nearest`) and for a
    TXID that no file ends with, and `DamagedError` for a target behind a hole (unless `to_last_good`).
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
            found = exact.to_position(timeline, index, offset, to_last_good=to_last_good)
        case AtTxid(txid):
            found = exact.to_txid(timeline, txid, nearest=nearest, to_last_good=to_last_good)
    return where.plan(found.lineage, found.route, notes=found.notes)


def estimate_seconds(plan: Plan, *, local: bool = False) -> float:
    """Return about how long the restore takes, from bytes and objects alone."""
    if local:
        return _FIXED_SECONDS + plan.fetch_bytes / _LOCAL_BYTES_PER_SECOND
    fetch = plan.fetch_bytes / _REMOTE_BYTES_PER_SECOND
    return _FIXED_SECONDS + max(fetch, plan.objects / _REMOTE_OBJECTS_PER_SECOND)


def _only(timeline: Timeline, generation: str) -> Timeline:
    chosen = timeline.generation(generation)
    if chosen is not None:
        return timeline.only(chosen)
    known = ", ".join(item.id for item in timeline.generations)
    has_ltx = "it has LTX files, which know no generations: leave the generation out, or name a TXID"
    hint = f"generations here: {known or 'none'}"
    raise NotFoundError(
        f"generation {generation} is not in this replica",
        hint=has_ltx if timeline.ltx and not known else hint,
    )


def _nothing(timeline: Timeline, url: str) -> NotFoundError | DamagedError:
    if timeline.objects:
        hole = timeline.holes[0]
        return DamagedError(
            f"nothing can be restored from {url}: {hole.message}",
            object=hole.object,
            hint="changes without a snapshot before them are of no use; look for another replica",
        )
    extra = f"; {timeline.warnings[0]}" if timeline.warnings else ""
    return NotFoundError(
        f"no backups found at {url}{extra}",
        hint="check the bucket and the path: a v0.3 replica keeps everything below generations/, "
        "a v0.5 replica below ltx/ or, on S3, 0000/ to 0009/",
    )


def _latest(where: _Where, to_last_good: bool) -> Plan:
    lineage, point = _reached(where.timeline, None)
    hole = holes.hole_before(where.timeline, None, lineage, point)
    notes = holes.pass_hole(hole, "the newest state", to_last_good) if hole else ()
    return where.plan(lineage, where.timeline.route_at(lineage, None), notes=notes)


def _at_time(where: _Where, time: datetime, nearest: bool, to_last_good: bool) -> Plan:
    timeline = where.timeline
    if timeline.at_or_before(time) is None:
        return _before_first(where, time, nearest)
    notes: list[str] = []
    if time > timeline.end:
        notes.append(_beyond(timeline, time, nearest))
    lineage, point = _reached(timeline, time)
    expired = holes.expired_at(timeline, lineage, time)
    if expired is not None:
        notes += holes.pass_expired(expired, nearest)
    hole = holes.hole_before(timeline, time, lineage, point) or hole_behind(lineage, time)
    if hole is not None:
        notes += holes.pass_hole(hole, format_utc(time), to_last_good)
    notes += _rule(lineage, point, time)
    distance = (time - point.time).total_seconds()
    route = timeline.route_at(lineage, time)
    return where.plan(lineage, route, distance_seconds=distance, notes=tuple(notes))


def _rule(lineage: Lineage, point: RestorePoint, time: datetime) -> Iterator[str]:
    """Say what made a state belong to a time, where that is not just what was stored by then."""
    if point.is_commit:
        yield COMMIT_TIME
    elif isinstance(lineage, Generation) and lineage.noted:
        yield STORED_TIME
    elif not lineage.includes(time, time):
        yield MOMENT_LEFT_OUT


def _reached(timeline: Timeline, time: datetime | None) -> tuple[Lineage, RestorePoint]:
    """Return the newest point that belongs to `time`, with its lineage."""
    reached = timeline.reached(time)
    assert reached is not None
    return reached


def _before_first(where: _Where, time: datetime, nearest: bool) -> Plan:
    first = where.timeline.oldest
    assert first is not None
    early = targets.format_seconds((first.time - time).total_seconds())
    if not nearest:
        raise OutsideCoverage(
            f"oldest available is {format_utc(first.time)}, {early} s after the time asked for",
            after=first,
            hint="ask for a later time, or add --nearest to take the oldest",
        )
    lineage = next(item for item in where.timeline.lineages if item.oldest() == first)
    route = lineage.route_to_oldest()
    assert route is not None
    note = f"the oldest state is {early} s after the time you asked for"
    return where.plan(lineage, route, distance_seconds=(time - first.time).total_seconds(), notes=(note,))


def _beyond(timeline: Timeline, time: datetime, nearest: bool) -> str:
    newest = timeline.newest
    assert newest is not None
    late = targets.format_seconds((time - newest.time).total_seconds())
    if not nearest:
        raise OutsideCoverage(
            f"newest available is {format_utc(newest.time)}, {late} s before the time asked for",
            before=newest,
            hint="leave the time out or add --nearest to take the newest",
        )
    return f"the newest state is {late} s before the time you asked for"


def _why_this_history(timeline: Timeline, lineage: Lineage, target: Target) -> str:
    """Say which of several formats a state is taken from, and why."""
    match target:
        case Latest():
            wanted = "the newest state"
        case AtTime():
            wanted = "the newest state of that time"
        case _:
            wanted = "the state asked for"
    rest = [other for other in timeline.lineages if other.format != lineage.format]
    what = rest[0].title if len(rest) == 1 else plural(len(rest), rest[0].lanes[0].noun)
    start, end = min(other.start for other in rest), max(other.end for other in rest)
    return (
        f"{wanted} is in {lineage.title} ({lineage.format}); this replica also holds "
        f"{what} ({rest[0].format}), {format_utc(start)} to {format_utc(end)}"
    )
