"""A WAL segment frame by frame: which page each writes, whether it holds, and which transactions they make.

A checksum goes on from the frame before (SQLite file format, 4.2). A segment that begins in the middle of a
WAL is checked from the last frame of the segment before it, where that is stored, and its salts against the
beginning of its WAL; what could not be had is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from sqlite_recovery_tui.anatomy.fault import Fault, Proof
from sqlite_recovery_tui.anatomy.kinds import U8, Kind, kinds_of
from sqlite_recovery_tui.anatomy.unpack import Access, Unpacked, unpack
from sqlite_recovery_tui.anatomy.wal_before import Before, read_before
from sqlite_recovery_tui.domain import WalSegment
from sqlite_recovery_tui.formats import wal
from sqlite_recovery_tui.words import rfc3339


class FrameState(IntEnum):
    """What is known of one frame; the higher the worse."""

    PROVEN = 0
    UNCHECKED = 1
    BEHIND = 2
    NUMBERLESS = 3
    FOREIGN = 4
    BROKEN = 5

    @property
    def word(self) -> str:
        """The state in a few words."""
        return _WORDS[self]

    @property
    def is_bad(self) -> bool:
        return self > FrameState.UNCHECKED


_WORDS = {
    FrameState.PROVEN: "holds",
    FrameState.UNCHECKED: "not checked",
    FrameState.BEHIND: "behind a break",
    FrameState.NUMBERLESS: "no page number",
    FrameState.FOREIGN: "other salts",
    FrameState.BROKEN: "broken",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, counted from 0 in its segment."""

    number: int
    offset: int
    """In the WAL."""
    page: int
    commit: int
    """The database's size in pages where it ends a transaction, else 0."""
    state: FrameState
    kind: Kind


@dataclass(frozen=True, slots=True)
class Transaction:
    """Frames that belong together, counted from 0 in their segment."""

    number: int
    first: int
    """Its first frame here."""
    frames: int
    pages: int
    """How many different pages."""
    start: int
    end: int
    """From and up to which byte of the WAL."""
    size: int
    """Of the database in pages, after it; 0 where its commit is not in this segment."""
    state: FrameState


@dataclass(frozen=True)
class SegmentAnatomy:
    """What one segment is made of."""

    item: WalSegment
    unpacked: Unpacked
    header: wal.WalHeader | None
    before: Before
    frames: wal.Frames
    states: U8
    kinds: U8
    ends: npt.NDArray[np.int64]
    """One behind the last frame of each transaction, the unfinished one at the end included."""
    faults: tuple[Fault, ...]

    @property
    def page_size(self) -> int:
        """Bytes of a page; 0 when nobody knows."""
        return self.header.page_size if self.header is not None else 0

    @property
    def size(self) -> int:
        """Bytes of WAL."""
        return self.unpacked.size

    @property
    def end(self) -> int:
        """Where it ends in the WAL."""
        return self.item.offset + self.size

    @property
    def proof(self) -> Proof:
        """Whether it holds, the object and every frame of it."""
        if self.unpacked.proof.fails:
            return self.unpacked.proof
        if self.faults:
            return Proof("does not hold", self.faults[0].message)
        if (self.states == FrameState.UNCHECKED).any():
            return Proof("not proven", self.before.why or "some frame could not be checked")
        how = "every frame's checksum goes on from the one before"
        return Proof("proven", f"{how}; {self.unpacked.proof.how}" if self.unpacked.proof.holds else how)

    @property
    def transactions(self) -> int:
        return len(self.ends)

    @property
    def lead(self) -> int:
        """Bytes in front of the first frame."""
        return wal.HEADER_SIZE if self.item.offset == 0 else 0

    def frame(self, number: int) -> Frame:
        """Return frame `number`, from 0."""
        return Frame(
            number,
            self.offset_of(number),
            int(self.frames.pgno[number]),
            int(self.frames.commit[number]),
            FrameState(int(self.states[number])),
            Kind(int(self.kinds[number])),
        )

    def offset_of(self, number: int) -> int:
        """Return where frame `number` begins in the WAL."""
        frame_size = self.header.frame_size if self.header is not None else 0
        return self.item.offset + self.lead + number * frame_size

    def transaction(self, number: int) -> Transaction:
        """Return transaction `number`, from 0."""
        first = int(self.ends[number - 1]) if number else 0
        end = int(self.ends[number])
        return Transaction(
            number,
            first,
            end - first,
            len(np.unique(self.frames.pgno[first:end])),
            self.offset_of(first),
            self.offset_of(end),
            int(self.frames.commit[end - 1]),
            FrameState(int(self.states[first:end].max())),
        )

    def transaction_of(self, frame: int) -> int:
        """Return the number of the transaction that a frame belongs to."""
        return int(np.searchsorted(self.ends, frame, side="right"))

    def image(self, number: int) -> bytes:
        """Return the page that frame `number` writes."""
        return self.frames.data[number, wal.FRAME_HEADER_SIZE :].tobytes()

    def newest_of(self, page: int) -> int | None:
        """Return the last frame that writes `page`."""
        found = np.flatnonzero(self.frames.pgno == page)
        return int(found[-1]) if len(found) else None

    @property
    def begins_inside(self) -> bool | None:
        """Whether its first transaction began in an earlier segment; None when nobody knows."""
        return self.before.in_transaction

    @property
    def ends_inside(self) -> bool:
        """Whether its last frames belong to a transaction that does not end here."""
        return bool(len(self.frames)) and not int(self.frames.commit[-1])

    def to_json(self) -> dict[str, Any]:
        """Return the summary as the command line prints it."""
        header = self.header
        return {
            "kind": "segment",
            "object": self.item.key,
            "position": self.item.position.to_json(),
            "end_offset": self.end,
            "stored_size": self.item.size,
            "size": self.size,
            "created": rfc3339(self.item.time, fraction=True),
            "header": None if header is None else {
                "page_size": header.page_size,
                "sequence": header.sequence,
                "salt1": f"{header.salt1:08x}",
                "salt2": f"{header.salt2:08x}",
                "from": self.before.header_from,
            },
            "frames": len(self.frames),
            "transactions": self.transactions,
            "begins_inside_transaction": self.begins_inside,
            "ends_inside_transaction": self.ends_inside,
            "proof": self.proof.to_json(),
            "faults": [fault.to_json() for fault in self.faults],
        }  # fmt: skip


def read_segment(
    access: Access, item: WalSegment, *, first: WalSegment | None, previous: WalSegment | None
) -> SegmentAnatomy:
    """Take a segment apart; `first` is the one that begins its WAL, `previous` the one in front of it.

    Raises `StorageError` and `Cancelled` only.
    """
    unpacked = unpack(access, item)
    before = read_before(access, item, unpacked.data, first, previous)
    faults = [*unpacked.faults, *before.faults]
    if before.header is None:
        return _unreadable(item, unpacked, before, faults)
    frames, cut = _frames(item, unpacked, before.header)
    faults += [cut] if cut is not None else []
    states, broken = _judge(item, before, frames)
    faults += [broken] if broken is not None else []
    ends = np.flatnonzero(frames.commit).astype(np.int64) + 1
    if len(frames) and (not len(ends) or ends[-1] != len(frames)):
        ends = np.append(ends, len(frames))
    kinds = kinds_of(frames.pgno, frames.data[:, wal.FRAME_HEADER_SIZE :])
    return SegmentAnatomy(item, unpacked, before.header, before, frames, states, kinds, ends, tuple(faults))


def _unreadable(item: WalSegment, unpacked: Unpacked, before: Before, faults: list[Fault]) -> SegmentAnatomy:
    none = wal.Frames(np.empty(0, np.uint32), np.empty(0, np.uint32), np.empty((0, 0), np.uint8))
    empty = np.empty(0, np.uint8)
    return SegmentAnatomy(
        item, unpacked, None, before, none, empty, empty, np.empty(0, np.int64), tuple(faults)
    )


def _frames(item: WalSegment, unpacked: Unpacked, header: wal.WalHeader) -> tuple[wal.Frames, Fault | None]:
    """Return the whole frames, and what is left over at the end."""
    lead = wal.HEADER_SIZE if item.offset == 0 else 0
    room = max(0, len(unpacked.data) - lead)
    whole, rest = divmod(room, header.frame_size)
    body = np.frombuffer(
        unpacked.data, dtype=np.uint8, count=whole * header.frame_size, offset=min(lead, len(unpacked.data))
    )
    frames = wal.split_frames(body, header.page_size)
    if not rest or not unpacked.kept_whole:
        return frames, None
    place = f"offset {item.offset + lead + whole * header.frame_size:08x} of the WAL"
    return frames, Fault(
        f"frame {whole:,} is cut short: {rest:,} of its {header.frame_size:,} bytes are there", place
    )


def _judge(item: WalSegment, before: Before, frames: wal.Frames) -> tuple[U8, Fault | None]:
    """Return the state of each frame, and the first thing that breaks the run."""
    states = np.full(len(frames), FrameState.PROVEN, dtype=np.uint8)
    header = before.header
    if header is None or not len(frames):
        return states, None
    judged = wal.judge_frames(header, frames, before.checksum or (0, 0))
    sums = judged.sums_hold.copy()
    states[~sums] = FrameState.BROKEN
    if before.checksum is None:
        states[0] = FrameState.UNCHECKED
    states[~judged.salts_hold] = FrameState.FOREIGN
    states[frames.pgno == 0] = FrameState.NUMBERLESS
    bad = np.flatnonzero(states > FrameState.UNCHECKED)
    if not len(bad):
        return states, None
    at = int(bad[0])
    behind = states[at + 1 :]
    behind[behind <= FrameState.UNCHECKED] = FrameState.BEHIND
    lead = wal.HEADER_SIZE if item.offset == 0 else 0
    place = f"frame {at:,}, offset {item.offset + lead + at * header.frame_size:08x} of the WAL"
    why = wal.why(bool(judged.salts_hold[at]), bool(sums[at]) or (at == 0 and before.checksum is None))
    return states, Fault(f"the frame does not hold: {why}", place)
