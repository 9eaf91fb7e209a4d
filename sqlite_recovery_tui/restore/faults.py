"""What a fault costs, in the operator's terms: which object, what is lost, the good points around it."""

from __future__ import annotations

from sqlite_recovery_tui.domain import Position, RestorePoint, WalSegment
from sqlite_recovery_tui.errors import DamagedError, FormatError
from sqlite_recovery_tui.replica.chain import ChainFault
from sqlite_recovery_tui.replica.timeline import snapshot_point
from sqlite_recovery_tui.restore.plan import Plan
from sqlite_recovery_tui.restore.target import format_utc


def chain_fault(plan: Plan, fault: ChainFault, reached: Position) -> DamagedError:
    """Return the refusal for a chain that breaks at `fault` after `reached`."""
    last_good = point_at(plan, reached)
    next_good = _snapshot_behind(plan, fault.index)
    ways = [f"--to-last-good restores up to {format_utc(last_good.time)}"]
    if next_good is not None:
        ways.append(f"the next good snapshot is of {format_utc(next_good.time)}")
    return DamagedError(
        f"{fault.object}: {fault.message}; lost: {_extent(plan, fault.segment)}",
        object=fault.object,
        last_good=last_good,
        next_good=next_good,
        hint="; ".join([*ways, "another replica may be whole"]),
    )


def lost(plan: Plan, fault: ChainFault, reached: Position) -> tuple[str, ...]:
    """Say what a result that ends in front of `fault` lacks."""
    return (
        f"{fault.object}: {fault.message}",
        f"the result ends at {reached.label}; missing: {_extent(plan, fault.segment)}",
    )


def snapshot_fault(plan: Plan, error: FormatError) -> DamagedError:
    """Return the refusal for a base that cannot be read."""
    base = plan.base
    return DamagedError(
        f"snapshot {base.key}: {error.message}",
        object=base.key,
        last_good=last_snapshot_before(plan),
        next_good=_snapshot_behind(plan, base.index),
        hint=error.hint or "no earlier snapshot reaches this point; another replica may be whole",
    )


def mismatch(plan: Plan, message: str) -> DamagedError:
    """Return the refusal for a base that is not of the history of the WAL behind it."""
    return snapshot_fault(plan, FormatError(message, hint="one of them was put here from elsewhere"))


def last_snapshot_before(plan: Plan) -> RestorePoint | None:
    """Return the newest snapshot in front of the plan's base."""
    earlier = [item for item in plan.run.snapshots if item.index < plan.base.index]
    return snapshot_point(earlier[-1]) if earlier else None


def point_at(plan: Plan, reached: Position) -> RestorePoint:
    """Return the restore point whose last commit ends at `reached`."""
    for segment in reversed(plan.changes):
        if segment.index == reached.index and segment.offset < reached.offset:
            return RestorePoint(segment.position, segment.time, segment.key, reached)
    return snapshot_point(plan.base)


def _snapshot_behind(plan: Plan, index: int) -> RestorePoint | None:
    """Return the first snapshot that does not need WAL `index`."""
    later = next((item for item in plan.run.snapshots if item.index > index), plan.behind)
    return snapshot_point(later) if later else None


def _extent(plan: Plan, segment: WalSegment) -> str:
    """Say how much of the plan lies at and behind `segment`."""
    behind = [change for change in plan.changes if change.position >= segment.position]
    if not behind:
        return "nothing that was asked for"
    first, last = behind[0], behind[-1]
    count = f"{len(behind)} segment{'s' if len(behind) > 1 else ''}"
    size = sum(change.size for change in behind)
    return f"{count} ({size:,} bytes) from {format_utc(first.time)} to {format_utc(last.time)}"
