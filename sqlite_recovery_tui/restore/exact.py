"""Targets that are named exactly: a position in a v0.3 WAL, or a TXID of LTX files."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sqlite_recovery_tui.domain import Gap, Position, RestorePoint, Txid
from sqlite_recovery_tui.errors import NotFoundError, OutsideCoverage
from sqlite_recovery_tui.formats.generations import parse_key
from sqlite_recovery_tui.replica.generations import Generation, WalRoute, snapshot_point
from sqlite_recovery_tui.replica.lineage import Lineage
from sqlite_recovery_tui.replica.ltx import LtxLineage
from sqlite_recovery_tui.replica.route import Route
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.restore.holes import pass_hole
from sqlite_recovery_tui.restore.target import AtPosition, describe, format_utc

_WAL_HEADER_BYTES = 32  # they hold no frame


@dataclass(frozen=True)
class Found:
    """The way to a target, and what is to be said of it."""

    lineage: Lineage
    route: Route
    notes: tuple[str, ...] = ()


def to_position(timeline: Timeline, index: int, offset: int | None, *, to_last_good: bool) -> Found:
    """Find the way to the end of WAL `index`, or to byte `offset` of it.

    To the beginning of a WAL the snapshot that was taken there leads alone, whatever is damaged in front of
    it. Raises `NotFoundError` for an index that is nowhere, `OutsideCoverage` for an offset that is beyond
    what is stored, `DamagedError` for a position behind a hole, unless `to_last_good`.
    """
    generation = _generation_with(timeline, index)
    limit = math.inf if offset is None else offset if offset > _WAL_HEADER_BYTES else 0
    until = Position(generation.id, index, offset) if offset is not None else None
    if limit == 0 and (alone := _snapshot_at(generation, index, until)) is not None:
        return Found(generation, alone)
    hole = next((gap for gap in generation.gaps if _hides_position(gap, index, limit)), None)
    if hole is not None:
        return _in_front_of(generation, hole, index, offset, to_last_good)
    run = [run for run in generation.runs if run.snapshots[0].index <= index][-1]
    count = run.segments.before(index, limit)
    bases = [base for base in run.snapshots if base.index <= index]
    if count and (limit == 0 or bases[-1].index <= run.segments[count - 1].index):
        point = run.point(count - 1)
    else:
        point = snapshot_point(bases[-1])
    if until is not None and limit and not (count and run.segments[count - 1].index == index):
        assert isinstance(point.position, Position)
        raise OutsideCoverage(
            f"position {until.label} is beyond the end of what is stored, {point.position.label}",
            before=point,
            hint=f"ask for -index {index:08x} without -offset",
        )
    return Found(generation, generation.route(run, point, bases, until))


def to_txid(timeline: Timeline, txid: int, *, nearest: bool, to_last_good: bool) -> Found:
    """Find the way to exactly `txid`.

    Raises `NotFoundError` without LTX files, `OutsideCoverage` with the nearest states around a TXID
    that no file ends with (unless `nearest`: then the one in front of it), `DamagedError` in a hole.
    """
    lineage = timeline.ltx
    if lineage is None:
        raise NotFoundError(
            "this replica has no TXIDs: it is of the v0.3 layout",
            hint="name a position with -generation, -index and -offset, or a time with -timestamp",
        )
    route = lineage.route_to(txid)
    if route is not None:
        return Found(lineage, route)
    before, after = lineage.around_txid(txid)
    is_stored = txid <= lineage.files[-1].max_txid
    holes = (gap for gap in lineage.gaps if is_stored and gap.is_damage and _hides_txid(gap, txid))
    hole = next(holes, None)
    if hole is not None and (hole.before is None or before == hole.before):
        notes = pass_hole(hole, f"TXID {Txid(txid)}", to_last_good and before is not None)
    elif nearest and before is not None:
        notes = (f"TXID {Txid(txid)} is not stored by itself: this is the nearest in front of it",)
    else:
        raise OutsideCoverage(
            f"TXID {Txid(txid)} {_why_not(lineage, txid)}",
            before=before,
            after=after,
            hint=_nearest_txids(before, after),
        )
    assert before is not None
    assert isinstance(before.position, Txid)
    found = lineage.route_to(before.position.value)
    assert found is not None
    return Found(lineage, found, notes)


def _why_not(lineage: LtxLineage, txid: int) -> str:
    if not lineage.files or txid > lineage.files[-1].max_txid:
        return "is beyond the newest that is stored"
    if lineage.steps and txid < lineage.steps[0].txid:
        return "is older than the oldest state that can be restored"
    if any(gap.kind == "expired" and gap.before and _hides_txid(gap, txid) for gap in lineage.gaps):
        return "has expired"
    return "can no longer be restored exactly: it was compacted into a file that ends later"


def _nearest_txids(before: RestorePoint | None, after: RestorePoint | None) -> str:
    near = [f"{point.position} ({format_utc(point.time)})" for point in (before, after) if point]
    if not near:
        return "nothing can be restored here"
    return f"the nearest TXID{'s are' if len(near) > 1 else ' is'} {' and '.join(near)}"


def _hides_txid(gap: Gap, txid: int) -> bool:
    """Tell whether a TXID lies in a hole: behind the last state in front of it, not behind the next."""
    first = gap.before.position if gap.before else Txid(0)
    last = gap.after.position if gap.after else Txid(txid + 1)
    assert isinstance(first, Txid)
    assert isinstance(last, Txid)
    return first < Txid(txid) < last


def _in_front_of(
    generation: Generation, hole: Gap, index: int, offset: int | None, to_last_good: bool
) -> Found:
    """Find the way to the last point in front of a hole; raise `DamagedError` unless that will do."""
    what = describe(AtPosition(index, offset))
    if hole.kind == "expired":
        raise OutsideCoverage(
            f"{what} can no longer be restored: {hole.message}",
            before=hole.before,
            after=hole.after,
            hint="the states around it can be: see `sqlrecover timeline`",
        )
    notes = pass_hole(hole, what, to_last_good and hole.before is not None)
    run = next(run for run in generation.runs if run.newest() == hole.before)
    assert hole.before is not None
    return Found(generation, generation.route(run, hole.before, list(run.snapshots)), notes)


def _hides_position(gap: Gap, index: int, limit: float) -> bool:
    """Tell whether a hole lies in front of byte `limit` of WAL `index`, and no snapshot behind it."""
    missing = parse_key(gap.object)
    assert missing is not None
    if (
        gap.after is not None
        and isinstance(gap.after.position, Position)
        and gap.after.position.index <= index
    ):
        return False
    if gap.kind == "no-snapshot":
        return index >= missing.index
    return (index, limit) > (missing.index, 0)


def _snapshot_at(generation: Generation, index: int, until: Position | None) -> WalRoute | None:
    """Return the way to the snapshot that WAL `index` begins with, None where none was taken there."""
    for run in generation.runs:
        for snapshot in run.snapshots:
            if snapshot.index == index:
                return generation.route(run, snapshot_point(snapshot), [snapshot], until)
    return None


def _generation_with(timeline: Timeline, index: int) -> Generation:
    """Return the generation that was stored last among those that have WAL `index`, or should have it."""
    having = [item for item in timeline.generations if _has(item, index)] or [
        item for item in timeline.generations if min(_ends(item)) < index < max(_ends(item))
    ]
    if having:
        return max(having, key=lambda item: item.end)
    if not timeline.generations:
        raise NotFoundError(
            "this replica has no WAL indexes: it holds LTX files",
            hint="name a TXID with -txid, or a time with -timestamp",
        )
    newest = max(timeline.generations, key=lambda item: item.end)
    known = _ends(newest)
    raise NotFoundError(
        f"WAL {index:08x} is not in this replica",
        hint=f"generation {newest.id} has {min(known):08x} to {max(known):08x} (hexadecimal)",
    )


def _has(generation: Generation, index: int) -> bool:
    return bool(generation.segments.of_wal(index)) or any(
        snapshot.index == index for snapshot in generation.snapshots
    )


def _ends(generation: Generation) -> list[int]:
    """Return the indexes at which what is stored of a generation begins and ends, among others."""
    segments = generation.segments.indexes
    return [*segments[:1], *segments[-1:], *(snapshot.index for snapshot in generation.snapshots)]
