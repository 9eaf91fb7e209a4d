"""A new base for a copy that cannot go on: the newest state, found without what is known not to hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sqlite_recovery_tui.domain import Place, Position, StoredObject
from sqlite_recovery_tui.errors import DamagedError, NotFoundError
from sqlite_recovery_tui.replica.generations import Generation
from sqlite_recovery_tui.replica.lineage import Lineage
from sqlite_recovery_tui.replica.ltx import LtxLineage
from sqlite_recovery_tui.replica.segments import Segments
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.restore.changes import CannotAdvance, is_newer
from sqlite_recovery_tui.restore.live.mark import LTX, Mark
from sqlite_recovery_tui.restore.plan import Plan, make_plan
from sqlite_recovery_tui.restore.target import Latest

IsSpoilt = Callable[[StoredObject], bool]


def newest_base(
    timeline: Timeline, since: Mark, is_spoilt: IsSpoilt, *, database: str | None, replica: str, url: str
) -> Plan:
    """Plan for the newest state of all, or the newest in front of a hole that hides it.

    Raises `CannotAdvance` unless that is newer than `since`, as far as names tell.
    """
    try:
        plan = make_plan(
            _without(timeline, is_spoilt),
            Latest(),
            database=database,
            replica=replica,
            url=url,
            to_last_good=True,
        )
    except (NotFoundError, DamagedError) as error:
        raise CannotAdvance(error.message, object=error.object) from None
    if not _leads_on(plan, since):
        raise CannotAdvance(
            f"the newest state that can be restored, {plan.reached.label}, is not newer than the copy",
            object=plan.base.key,
        )
    return plan


def lineage_of(place: Place) -> str:
    """Return which numbering a place belongs to, as marks have it."""
    return place.generation if isinstance(place, Position) else LTX


def _leads_on(plan: Plan, since: Mark) -> bool:
    is_segment = isinstance(plan.point.position, Position) and plan.point.key != plan.base.key
    if is_segment and plan.point.position == since.place:
        return True  # it begins where the copy is, and goes on from there
    return is_newer(Mark(plan.reached, plan.point.time, lineage_of(plan.reached)), since)


def _without(timeline: Timeline, is_spoilt: IsSpoilt) -> Timeline:
    """Return the timeline as if what does not hold was not there."""
    kept = (_holding_part(lineage, is_spoilt) for lineage in timeline.lineages)
    return timeline.only(*(lineage for lineage in kept if lineage.objects))


def _holding_part(lineage: Lineage, is_spoilt: IsSpoilt) -> Lineage:
    if isinstance(lineage, LtxLineage):
        return lineage.without({file.key for file in lineage.files if is_spoilt(file)})
    assert isinstance(lineage, Generation)
    for spoilt in filter(is_spoilt, lineage.segments):
        lineage = _without_rest(lineage, spoilt.position)
    return lineage


def _without_rest(generation: Generation, broken: Position) -> Generation:
    """Leave out the WAL from `broken` on, up to the next snapshot: names do not show that it is cut off."""
    indexes = [snapshot.index for snapshot in generation.snapshots if snapshot.index > broken.index]
    segments = generation.segments
    kept = list(segments[: segments.before(broken.index, broken.offset)])
    if indexes:
        kept += segments[segments.before(min(indexes)) :]
    return replace(generation, segments=Segments.of(generation.id, kept))
