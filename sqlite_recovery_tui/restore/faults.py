"""What a fault costs, in the operator's terms: which object, what is lost, the good points around it."""

from __future__ import annotations

from sqlite_recovery_tui.domain import Position, RestorePoint, WalSegment
from sqlite_recovery_tui.errors import DamagedError, FormatError
from sqlite_recovery_tui.replica.chain import ChainFault
from sqlite_recovery_tui.replica.generations import WalRoute, snapshot_point
from sqlite_recovery_tui.restore.target import format_utc


def chain_fault(route: WalRoute, fault: ChainFault, reached: Position) -> DamagedError:
    """Return the refusal for a chain that breaks at `fault` after `reached`."""
    last_good = point_at(route, reached)
    next_good = _snapshot_behind(route, fault.index)
    ways = [f"--to-last-good restores up to {format_utc(last_good.time)}"]
    if next_good is not None:
        ways.append(f"the next good snapshot is of {format_utc(next_good.time)}")
    return DamagedError(
        f"{fault.object}: {fault.message}; lost: {_extent(route, fault.segment)}",
        object=fault.object,
        last_good=last_good,
        next_good=next_good,
        hint="; ".join([*ways, "another replica may be whole"]),
    )


def lost(route: WalRoute, fault: ChainFault, reached: Position) -> tuple[str, ...]:
    """Say what a result that ends in front of `fault` lacks."""
    return (
        f"{fault.object}: {fault.message}",
        f"the result ends at {reached.label}; missing: {_extent(route, fault.segment)}",
    )


def snapshot_fault(route: WalRoute, error: FormatError) -> DamagedError:
    """Return the refusal for a base that cannot be read."""
    base = route.base
    return DamagedError(
        f"snapshot {base.key}: {error.message}",
        object=base.key,
        last_good=last_snapshot_before(route),
        next_good=_snapshot_behind(route, base.index),
        hint=error.hint or "no earlier snapshot reaches this point; another replica may be whole",
    )


def mismatch(route: WalRoute, message: str) -> DamagedError:
    """Return the refusal for a base that is not of the history of the WAL behind it."""
    return snapshot_fault(route, FormatError(message, hint="one of them was put here from elsewhere"))


def last_snapshot_before(route: WalRoute) -> RestorePoint | None:
    """Return the newest snapshot in front of the plan's base."""
    earlier = [item for item in route.run.snapshots if item.index < route.base.index]
    return snapshot_point(earlier[-1]) if earlier else None


def point_at(route: WalRoute, reached: Position) -> RestorePoint:
    """Return the restore point whose last commit ends at `reached`."""
    for segment in reversed(route.changes):
        if segment.index == reached.index and segment.offset < reached.offset:
            return RestorePoint(segment.position, segment.time, segment.key, reached)
    return snapshot_point(route.base)


def _snapshot_behind(route: WalRoute, index: int) -> RestorePoint | None:
    """Return the first snapshot that does not need WAL `index`."""
    later = next((item for item in route.run.snapshots if item.index > index), None)
    return snapshot_point(later) if later else route.behind


def _extent(route: WalRoute, segment: WalSegment) -> str:
    """Say how much of the plan lies at and behind `segment`."""
    behind = [change for change in route.changes if change.position >= segment.position]
    if not behind:
        return "nothing that was asked for"
    first, last = behind[0], behind[-1]
    count = f"{len(behind)} segment{'s' if len(behind) > 1 else ''}"
    size = sum(change.size for change in behind)
    return f"{count} ({size:,} bytes) from {format_utc(first.time)} to {format_utc(last.time)}"
