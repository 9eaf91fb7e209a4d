"""Which stored object is meant: by its key, its file name, a position, or a TXID; and what lies around it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlite_recovery_tui.domain import LtxFile, Snapshot, StoredObject, WalSegment
from sqlite_recovery_tui.errors import NotFoundError, UsageError
from sqlite_recovery_tui.replica.generations import Generation
from sqlite_recovery_tui.replica.timeline import Timeline

_POSITION = re.compile(r"(?:([0-9a-f]{16})/)?([0-9a-f]{1,8}):([0-9a-f]{1,16})", re.I)
_SPAN = re.compile(r"([0-9a-f]{1,16})-([0-9a-f]{1,16})", re.I)
_NUMBER = re.compile(r"(?:0x)?[0-9a-f]{1,16}", re.I)
_HINT = "name a key, a file name, a position such as 0000000c:00001038, or a TXID; `wal` and `ltx` list them"


class Around(NamedTuple):
    """The segments that a segment goes on from: the first of its WAL, and the one in front of it."""

    first: WalSegment | None
    previous: WalSegment | None


def objects(timeline: Timeline) -> Iterator[StoredObject]:
    """Yield every object of a replica, lane by lane, in order of position."""
    for lane in timeline.lanes:
        yield from in_order([*lane.bases, *lane.changes])


def in_order(found: Sequence[StoredObject]) -> list[StoredObject]:
    """Return the objects of one lane in order of position; a snapshot comes before its WAL."""
    return sorted(found, key=_order)


def _order(item: StoredObject) -> tuple[int, int, int]:
    match item:
        case Snapshot(index=index):
            return index, 0, 0
        case WalSegment(index=index, offset=offset):
            return index, 1, offset
        case LtxFile(min_txid=low, max_txid=high):
            return low, 1, high


def around(timeline: Timeline, item: WalSegment) -> Around:
    """Return what the frames of a segment can be checked against."""
    generation = timeline.generation(item.generation)
    if generation is None:
        return Around(None, None)
    same = generation.segments.of_wal(item.index)
    first = same.number_of(item.index, 0)
    earlier = same[: same.before(item.index, item.offset)]
    return Around(same[first] if first is not None else None, earlier[-1] if earlier else None)


def base_of(timeline: Timeline, item: WalSegment) -> Snapshot | None:
    """Return the newest snapshot that a segment's WAL can be laid over."""
    generation = timeline.generation(item.generation)
    bases = [base for base in generation.snapshots if base.index <= item.index] if generation else []
    return bases[-1] if bases else None


def way_to(timeline: Timeline, base: Snapshot, item: WalSegment) -> Sequence[WalSegment]:
    """Return the segments that lead from a snapshot to the end of `item`."""
    generation = timeline.generation(item.generation)
    if generation is None:
        return ()
    segments = generation.segments
    return segments[segments.before(base.index) : segments.before(item.index, item.offset + 1)]


def find(timeline: Timeline, text: str) -> StoredObject:
    """Return the object that `text` means; raise `NotFoundError`, `UsageError` when it means several."""
    wanted = text.strip()
    by_name = [item for item in objects(timeline) if item.key == wanted or item.key.endswith("/" + wanted)]
    if by_name:
        return _only(by_name, text)
    if match := _POSITION.fullmatch(wanted):
        generation, index, offset = match.groups()
        return _at_position(timeline, text, generation, int(index, 16), int(offset, 16))
    if match := _SPAN.fullmatch(wanted):
        return _spanning(timeline, text, int(match[1], 16), int(match[2], 16))
    if _NUMBER.fullmatch(wanted):
        return _numbered(timeline, text, int(wanted, 16))
    raise NotFoundError(f"no object here is called {text!r}", hint=_HINT)


def _only(found: Sequence[StoredObject], text: str) -> StoredObject:
    if len(found) > 1:
        keys = ", ".join(item.key for item in found[:4])
        raise UsageError(f"{text!r} means {len(found)} objects: {keys}", hint="name one of them by its key")
    return found[0]


def _at_position(timeline: Timeline, text: str, id: str | None, index: int, offset: int) -> StoredObject:
    """Return the segment that holds a byte of a WAL; offset 0 of one that only a snapshot has is that."""
    found: list[StoredObject] = []
    for generation in timeline.generations:
        if id is not None and generation.id != id.lower():
            continue
        found += _holding(generation, index, offset)
    if not found:
        raise NotFoundError(f"nothing is stored at {text}", hint=_HINT)
    return _only(found, text)


def _holding(generation: Generation, index: int, offset: int) -> list[StoredObject]:
    same = generation.segments.of_wal(index)
    if segments := same[: same.before(index, offset + 1)]:
        return [segments[-1]]
    return [item for item in generation.snapshots if item.index == index and offset == 0]


def _spanning(timeline: Timeline, text: str, low: int, high: int) -> StoredObject:
    """Return the file of exactly these TXIDs, of the lowest level that has it."""
    found = [item for item in _ltx(timeline) if (item.min_txid, item.max_txid) == (low, high)]
    if not found:
        raise NotFoundError(f"no LTX file spans the TXIDs {text}", hint=_HINT)
    return min(found, key=lambda item: item.level)


def _numbered(timeline: Timeline, text: str, number: int) -> StoredObject:
    """Return the shortest LTX file with a TXID; in a replica without any, the snapshot of an index."""
    found = [item for item in _ltx(timeline) if item.min_txid <= number <= item.max_txid]
    if found:
        return min(found, key=lambda item: (item.max_txid - item.min_txid, item.level))
    snapshots = [item for generation in timeline.generations for item in generation.snapshots]
    same = [item for item in snapshots if item.index == number]
    if timeline.ltx is not None or not same:
        raise NotFoundError(f"no object here has {text}", hint=_HINT)
    return _only(same, text)


def _ltx(timeline: Timeline) -> list[LtxFile]:
    lineage = timeline.ltx
    return [file for files in lineage.levels.values() for file in files] if lineage is not None else []
