"""Where LTX files do not connect: holes that are damage, and what retention leaves behind in their place.

Litestream v0.5 deletes what lies in front of the oldest snapshot it keeps, but the newest file of every
level; so an old file may stand alone, far in front of all that is still whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlite_recovery_tui.domain import Gap, LtxFile, RestorePoint, Txid
from sqlite_recovery_tui.formats.ltx.names import SNAPSHOT_LEVEL
from sqlite_recovery_tui.words import plural


def gaps(
    files: Sequence[LtxFile], points: Sequence[RestorePoint], stretches: Sequence[tuple[int, int]]
) -> Iterator[Gap]:
    """Yield the gaps of `files`, in order of MAX, whose states are `points`.

    `stretches` are first and last number of the points between which history goes on.
    """
    yield from _in_front(files, points)
    for _, last in stretches if points else ():
        after = points[last + 1] if last + 1 < len(points) else None
        hole = behind(files, _txid(points[last]), points[last], after)
        if hole is None:
            return
        yield hole


def behind(
    files: Sequence[LtxFile], reached: int, before: RestorePoint | None, after: RestorePoint | None
) -> Gap | None:
    """Say what keeps changes from leading on from TXID `reached`; None when nothing is stored behind it.

    `before` and `after` are the nearest states around what is missing.
    """
    following = next((file for file in files if file.max_txid > reached), None)
    if following is None:
        return None
    if before is not None and after is not None and _has_expired(files, reached, _txid(after)):
        return Gap(
            kind="expired",
            generation=None,
            message=f"what was stored between TXID {before.position} and {after.position} has expired",
            object=after.key,
            before=before,
            after=after,
        )
    found = [file for file in files if file.max_txid > reached and not file.is_base]
    first = min(found or [following], key=lambda file: file.min_txid)
    until = first.min_txid - 1 if first.min_txid > reached + 1 else following.max_txid - 1
    missing = (
        f"TXID {Txid(reached + 1)} is"
        if until <= reached + 1
        else f"TXIDs {Txid(reached + 1)} to {Txid(until)} are"
    )
    return Gap(
        kind="missing-txid",
        generation=None,
        message=f"{missing} missing at every level (found {first.key.rpartition('/')[2]} behind)",
        object=first.key,
        before=before,
        after=after,
    )


def _in_front(files: Sequence[LtxFile], points: Sequence[RestorePoint]) -> Iterator[Gap]:
    """Report files in front of every base: retention leaves some of a level behind."""
    first = _txid(points[0]) if points else None
    useless = [file for file in files if first is None or file.max_txid < first]
    if not useless:
        return
    message = f"{plural(len(useless), 'file')} up to TXID {Txid(useless[-1].max_txid)} " + (
        "lead nowhere: there is no file that begins with TXID 1"
        if first is None
        else "lie in front of the first snapshot: their time has expired"
    )
    yield Gap(
        kind="no-snapshot" if first is None else "expired",
        generation=None,
        message=message,
        object=useless[0].key,
        before=None,
        after=points[0] if points else None,
    )


def _has_expired(files: Sequence[LtxFile], before: int, after: int) -> bool:
    """Tell whether what is missing between two TXIDs is what retention deletes.

    That ends with the oldest snapshot, and leaves of each level no more than its newest file in front.
    """
    snapshots = [file.max_txid for file in files if file.level == SNAPSHOT_LEVEL]
    if not snapshots or after != min(snapshots):
        return False
    newest: dict[int, int] = {}
    for file in files:
        newest[file.level] = max(newest.get(file.level, 0), file.max_txid)
    return all(file.max_txid == newest[file.level] for file in files if file.max_txid <= before)


def _txid(point: RestorePoint | None) -> int:
    if point is None:
        return 0
    assert isinstance(point.position, Txid)
    return point.position.value
