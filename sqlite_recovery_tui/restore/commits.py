"""The single commits inside one stored object, read and verified on demand.

A v0.3 segment holds every commit with its exact position; when each was made our daemon alone notes, beside
the replica. An LTX file holds one state: what its TXIDs were one by one, and what a sync took together,
cannot be told from it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from sqlite_recovery_tui.domain import LtxFile, Place, Position, StoredObject, Txid, WalSegment
from sqlite_recovery_tui.errors import DamagedError, FormatError, StorageError
from sqlite_recovery_tui.formats import generations as generation_names
from sqlite_recovery_tui.formats import wal
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.replica.chain import ChainFault
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.replica.wal_times import Notes, WalTimes
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.storage.base import Store


@dataclass(frozen=True, slots=True)
class Commit:
    """A state of the database inside an object."""

    place: Place
    """Where it ends: a restore of this place gives exactly this state."""
    time: datetime | None
    """When it was made, where that is told; None where only the object has a time."""
    pages: int
    """How many different pages it changed, as far as the object holds them."""
    database_pages: int
    """How large it left the database."""


@dataclass(frozen=True, slots=True)
class ObjectCommits:
    """What an object holds: its commits in order, and what of them cannot be told apart."""

    item: StoredObject
    commits: tuple[Commit, ...]
    page_size: int
    hidden: int = 0
    """TXIDs whose states were merged into the file's last one."""
    begins_inside: bool = False
    """Whether its first frames belong to a transaction that an earlier segment began."""
    ends_inside: bool = False
    """Whether its last frames belong to a transaction that a later segment ends."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of them, in words."""
        if isinstance(self.item, LtxFile):
            return (_about_file(self.item, self.hidden),)
        inside = (
            (self.begins_inside, "it begins inside a transaction of the segment before"),
            (self.ends_inside, "it ends inside a transaction, which is not part of its last state"),
        )
        return tuple(note for holds, note in inside if holds)


def commits(
    store: Store,
    timeline: Timeline,
    item: WalSegment | LtxFile,
    *,
    identities: Sequence[str] = (),
    cancel: CancelToken | None = None,
) -> ObjectCommits:
    """Read the commits of `item`, an object of `timeline`; every checksum of it is verified.

    A segment is verified against the header of its WAL and the frame in front of it, so up to two more
    objects are read. Raises `DamagedError` for what does not hold or is missing, `StorageError`,
    `Cancelled`.
    """
    fetcher = Fetcher(store, identities, cancel=cancel or CancelToken())
    if isinstance(item, LtxFile):
        return _of_file(fetcher, item)
    return _of_segment(fetcher, timeline, item)


def _of_segment(fetcher: Fetcher, timeline: Timeline, item: WalSegment) -> ObjectCommits:
    first, before = _in_front_of(timeline, item)
    wanted = list(dict.fromkeys(each for each in (first, before, item) if each is not None))
    try:
        data = {segment.key: plain for segment, plain in fetcher.segments(wanted)}
    except ChainFault as fault:
        raise _damage(fault.segment, fault.message) from None
    header = _header(first, data[first.key])
    previous, inside = header.checksum, False
    if before is not None:
        previous, inside = _end_of(header, before, data[before.key], item.offset)
    frames = _frames(header, item, data[item.key])
    verified = wal.verify_frames(header, frames, previous)
    if verified.fault:
        at = max(item.offset, wal.HEADER_SIZE) + verified.count * header.frame_size
        raise _damage(item, f"the frame at offset {at:08x} does not hold: {verified.fault}")
    times = _times(fetcher, timeline, item, header)
    return ObjectCommits(
        item,
        tuple(_commits_in(item, header, frames, times)),
        header.page_size,
        begins_inside=inside,
        ends_inside=bool(len(frames)) and frames.last_commit < len(frames),
    )


def _in_front_of(timeline: Timeline, item: WalSegment) -> tuple[WalSegment, WalSegment | None]:
    """Return the segment that begins the WAL of `item`, and the one in front of it in that WAL."""
    generation = timeline.generation(item.generation)
    segments = generation.segments if generation is not None else ()
    place = _place(segments, item.index, item.offset)
    first = _place(segments, item.index, 0)
    if place >= len(segments) or segments[place].key != item.key:
        raise _damage(item, "it is not in the listing any more")
    if segments[first].offset:
        missing = generation_names.segment_key(item.generation, item.index, 0)
        raise DamagedError(
            f"{item.key}: the start of its WAL is missing, so nothing in it can be verified",
            object=missing,
            hint="look at another replica, or at a segment behind the next snapshot",
        )
    return segments[first], segments[place - 1] if place > first else None


def _place(segments: Sequence[WalSegment], index: int, offset: int) -> int:
    return bisect_left(segments, (index, offset), key=lambda each: (each.index, each.offset))


def _header(first: WalSegment, data: bytes) -> wal.WalHeader:
    try:
        return wal.parse_header(data)
    except FormatError as error:
        raise _damage(first, error.message) from None


def _frames(header: wal.WalHeader, segment: WalSegment, data: bytes) -> wal.Frames:
    body = memoryview(data)[0 if segment.offset else wal.HEADER_SIZE :]
    try:
        return wal.split_frames(body, header.page_size)
    except FormatError as error:
        raise _damage(segment, error.message) from None


def _end_of(header: wal.WalHeader, before: WalSegment, data: bytes, offset: int) -> tuple[wal.Checksum, bool]:
    """Return the checksum that the segment in front ends with, and whether it ends inside a transaction."""
    if before.offset + len(data) != offset:
        missing = generation_names.segment_key(before.generation, before.index, before.offset + len(data))
        raise DamagedError(
            f"{before.key} does not reach the segment behind it: {missing} is missing", object=missing
        )
    frames = _frames(header, before, data)
    if not len(frames):
        return header.checksum, False
    last = frames.data[-1, 16:24].tobytes()
    checksum = (int.from_bytes(last[:4], "big"), int.from_bytes(last[4:], "big"))
    return checksum, not int(frames.commit[-1])


def _times(fetcher: Fetcher, timeline: Timeline, item: WalSegment, header: wal.WalHeader) -> WalTimes | None:
    """Return when the commits of a segment's WAL were made, where that was noted and can be read."""
    generation = timeline.generation(item.generation)
    if generation is None or item.index not in generation.noted:
        return None
    with suppress(StorageError):
        found = Notes(fetcher.store, fetcher.cancel).of(item.generation, item.index)
        return found if found is not None and wal.parse_header(found.header) == header else None
    return None


def _commits_in(
    item: WalSegment, header: wal.WalHeader, frames: wal.Frames, times: WalTimes | None
) -> Sequence[Commit]:
    start = max(item.offset, wal.HEADER_SIZE)
    found, begin = [], 0
    for last in np.flatnonzero(frames.commit):
        end = int(last) + 1
        place = Position(item.generation, item.index, start + end * header.frame_size)
        pages = len(np.unique(frames.pgno[begin:end]))
        time = times.time_of(place.offset) if times is not None else None
        found.append(Commit(place, time, pages, int(frames.commit[last])))
        begin = end
    return found


def _of_file(fetcher: Fetcher, item: LtxFile) -> ObjectCommits:
    from sqlite_recovery_tui.formats.ltx.header import check_name
    from sqlite_recovery_tui.formats.ltx.names import parse_key
    from sqlite_recovery_tui.formats.ltx.stream import LtxReader

    try:
        reader = LtxReader(fetcher.stored(item))
        name = parse_key(item.key)
        if name is not None:
            check_name(name, reader.header)
        for _ in reader.chunks():
            fetcher.cancel.check()
    except FormatError as error:
        raise _damage(item, error.message) from None
    header = reader.header
    state = Commit(Txid(item.max_txid), header.time, reader.pages, header.commit)
    return ObjectCommits(item, (state,), header.page_size, hidden=item.max_txid - item.min_txid)


def _about_file(file: LtxFile, hidden: int) -> str:
    if file.is_base:
        return "the whole database in one state: the commits that led to it cannot be told apart"
    if not hidden:
        return "one sync: commits that it took together cannot be told apart"
    first, last = file.label.split("-")
    return (
        f"TXIDs {first} to {last} are one state here: this file does not lead to the {hidden} before the last"
    )


def _damage(item: StoredObject, message: str) -> DamagedError:
    return DamagedError(
        f"{item.key}: {message}",
        object=item.key,
        hint="a restore finds the way around it, or the last good commit in front of it",
    )
