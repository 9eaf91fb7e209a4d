"""What the frames of a segment are checked against: their WAL's header, and the frame in front of them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sqlite_recovery_tui.anatomy.fault import Fault
from sqlite_recovery_tui.anatomy.unpack import Access, unpack
from sqlite_recovery_tui.domain import WalSegment
from sqlite_recovery_tui.errors import FormatError, ObjectNotFound
from sqlite_recovery_tui.formats import wal
from sqlite_recovery_tui.formats.wal import FRAME_HEADER_SIZE, Checksum, WalHeader

_PAGE_SIZES = tuple(512 << power for power in range(8))
HeaderFrom = Literal["this segment", "the first segment of its WAL", "its own frames", "nowhere"]


@dataclass(frozen=True, slots=True)
class Before:
    """What is known of the WAL in front of a segment."""

    header: WalHeader | None
    header_from: HeaderFrom
    checksum: Checksum | None
    """Stored in the frame in front; None when nobody knows."""
    in_transaction: bool | None
    """Whether that frame left a transaction open."""
    why: str = ""
    """Why the first frame cannot be checked; empty when it can."""
    faults: tuple[Fault, ...] = ()


def read_before(
    access: Access,
    item: WalSegment,
    data: memoryview,
    first: WalSegment | None,
    previous: WalSegment | None,
) -> Before:
    """Find out what the first frame of `item`, whose bytes are `data`, goes on from."""
    if item.offset == 0:
        try:
            header = wal.parse_header(data)
        except FormatError as error:
            return Before(None, "nowhere", None, None, faults=(Fault.of(error, "byte"),))
        return Before(header, "this segment", header.checksum, False)
    found, origin = _header(access, data, first)
    if found is None:
        why = Fault("neither it nor the beginning of its WAL tells how large its pages are")
        return Before(None, "nowhere", None, None, faults=(why,))
    return _frame_in_front(access, item, found, origin, previous)


def _header(
    access: Access, data: memoryview, first: WalSegment | None
) -> tuple[WalHeader | None, HeaderFrom]:
    if first is not None:
        try:
            start = unpack(access, first, most=wal.HEADER_SIZE).data
            return wal.parse_header(start), "the first segment of its WAL"
        except (FormatError, ObjectNotFound):
            pass
    return guess_header(data), "its own frames"


def _frame_in_front(
    access: Access, item: WalSegment, header: WalHeader, origin: HeaderFrom, previous: WalSegment | None
) -> Before:
    """Read the last frame of the segment before; what keeps it from being there is said."""
    begins = "it begins in the middle of its WAL"
    if previous is None:
        return Before(header, origin, None, None, f"{begins}, and no segment in front of it is stored")
    try:
        found = unpack(access, previous)
    except ObjectNotFound:
        return Before(header, origin, None, None, f"{begins}, and the segment in front of it is gone")
    if previous.offset + found.size != item.offset:
        ends = previous.offset + found.size
        hole = Fault(
            f"it does not go on from the segment before it, which ends at {ends:08x}",
            f"offset {item.offset:08x} of the WAL",
        )
        return Before(header, origin, None, None, f"{begins}, behind a hole", (hole,))
    if not found.kept_whole or len(found.data) < header.frame_size or found.faults:
        return Before(header, origin, None, None, f"{begins}, and the segment in front of it is damaged")
    frame = found.data[-header.frame_size :]
    _, commit, _, _, sum1, sum2 = struct.unpack_from(">6I", frame)
    return Before(header, origin, (sum1, sum2), not commit)


def guess_header(data: memoryview) -> WalHeader | None:
    """Return what the header of these frames' WAL must have said; None when they do not tell.

    Frames of one size follow each other only if it is theirs: each repeats the salts, and its checksum goes
    on from the one before. Of a single frame the length tells.
    """
    if len(data) < FRAME_HEADER_SIZE:
        return None
    _, _, salt1, salt2, *_ = struct.unpack_from(">6I", data)
    for page_size in _PAGE_SIZES:
        for big_endian in (False, True):
            header = WalHeader(page_size, 0, salt1, salt2, (0, 0), big_endian)
            if len(data) >= 2 * header.frame_size and _follows(header, data):
                return header
    single = len(data) - FRAME_HEADER_SIZE
    return WalHeader(single, 0, salt1, salt2, (0, 0), False) if single in _PAGE_SIZES else None


def _follows(header: WalHeader, data: memoryview) -> bool:
    """Tell whether the second frame goes on from the first."""
    both = np.frombuffer(data, dtype=np.uint8, count=2 * header.frame_size)
    frames = wal.split_frames(both, header.page_size)
    second = frames.slice(1, 2)
    return wal.verify_frames(header, second, wal.stored_checksum(frames, 0)).count == 1
