"""Holes between a target and the newest state in front of it: refuse, or end there on purpose."""

from __future__ import annotations

from datetime import datetime

from sqlite_recovery_tui.domain import Gap, RestorePoint
from sqlite_recovery_tui.errors import DamagedError, OutsideCoverage
from sqlite_recovery_tui.replica.lineage import Lineage
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.restore.target import format_utc


def hole_before(
    timeline: Timeline, time: datetime | None, reached_in: Lineage, reached: RestorePoint
) -> Gap | None:
    """Return the hole that hides `time` (None: the end) when `reached` is the best that is left."""
    for lineage in timeline.lineages:
        for gap in lineage.gaps:
            if gap.is_damage and _hides(lineage, gap, time, reached_in, reached):
                return gap
    return None


def pass_hole(hole: Gap, what: str, to_last_good: bool) -> tuple[str, ...]:
    """Return the note for a plan that ends in front of `hole`; raise `DamagedError` unless that will do."""
    if not to_last_good:
        raise DamagedError(
            f"{what} lies behind a hole: {hole.message}",
            object=hole.object,
            last_good=hole.before,
            next_good=hole.after,
            hint=_ways_around(hole),
        )
    return (f"everything behind a hole is left out: {hole.message}",)


def expired_at(timeline: Timeline, lineage: Lineage, time: datetime) -> Gap | None:
    """Return the stretch without restore points, given up by retention, that `time` falls into."""
    for gap in (*lineage.gaps, *timeline.pauses()):
        before, after = gap.before, gap.after
        if gap.kind != "expired" or before is None or after is None:
            continue
        if lineage.includes(before.time, time) and not lineage.includes(after.time, time):
            return gap
    return None


def pass_expired(gap: Gap, nearest: bool) -> tuple[str, ...]:
    """Return the note for the state in front of `gap`; raise `OutsideCoverage` unless it is `nearest`."""
    if not nearest:
        raise OutsideCoverage(
            gap.message,
            before=gap.before,
            after=gap.after,
            hint="ask for a time that is covered, or add --nearest to take the state in front",
        )
    return (f"{gap.message}: this is the state in front",)


def _hides(
    lineage: Lineage, gap: Gap, time: datetime | None, reached_in: Lineage, reached: RestorePoint
) -> bool:
    """Tell whether what is missing may have been stored before `time` and behind `reached`."""
    if time is not None and _is_before(lineage, gap, time):
        return False
    if gap.after is not None:
        return time is not None and not lineage.includes(gap.after.time, time)
    return lineage is reached_in or reached.time < lineage.end


def _is_before(lineage: Lineage, gap: Gap, time: datetime) -> bool:
    """Tell whether `time` is in front of a hole; the time of the last point in front of it is."""
    if gap.before is None:
        return time < lineage.start
    return time < gap.before.time or gap.before.time == time < lineage.end


def _ways_around(hole: Gap) -> str:
    ways = []
    if hole.before is not None:
        ways.append(f"restore up to {format_utc(hole.before.time)} with --to-last-good")
    if hole.after is not None:
        ways.append(f"the next good snapshot is of {format_utc(hole.after.time)}")
    return "; ".join([*ways, "another replica may be whole"])
