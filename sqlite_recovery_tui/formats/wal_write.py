"""Writing a SQLite write-ahead log (file format, section 4): its header, and frames with checksums."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

from sqlite_recovery_tui.formats import wal
from sqlite_recovery_tui.formats.wal import FRAME_HEADER_SIZE, Checksum, WalHeader

_MAGIC_LITTLE = 0x377F0682


def new_header(page_size: int, salt1: int, salt2: int) -> tuple[WalHeader, bytes]:
    """Return the header of a new log with little-endian checksums, and its 32 bytes."""
    start = struct.pack(">6I", _MAGIC_LITTLE, wal.VERSION, page_size, 0, salt1, salt2)
    checksum = wal.checksum(start, (0, 0), big_endian=False)
    header = WalHeader(page_size, 0, salt1, salt2, checksum, big_endian=False)
    return header, start + struct.pack(">2I", *checksum)


def frames(
    header: WalHeader, first: int, pages: npt.NDArray[np.uint8], previous: Checksum, *, commit: int = 0
) -> tuple[npt.NDArray[np.uint8], Checksum]:
    """Return frames of consecutive pages from number `first`, and the checksum of the last one.

    `pages` has shape (n, page size), the result (n, 24 + page size). `commit` is the database's size in
    pages when the last of them ends the transaction, otherwise 0.
    """
    count = len(pages)
    rows = np.zeros((count, FRAME_HEADER_SIZE + header.page_size), dtype=np.uint8)
    fields = np.zeros((count, 4), dtype=">u4")
    fields[:, 0] = np.arange(first, first + count)
    fields[-1, 1] = commit
    fields[:, 2], fields[:, 3] = header.salt1, header.salt2
    rows[:, :16] = fields.view(np.uint8).reshape(count, 16)
    rows[:, FRAME_HEADER_SIZE:] = pages
    sums = _chain(header, rows, previous)
    rows[:, 16:FRAME_HEADER_SIZE] = sums.astype(">u4").view(np.uint8).reshape(count, 8)
    return rows, (int(sums[-1, 0]), int(sums[-1, 1]))


def _chain(header: WalHeader, rows: npt.NDArray[np.uint8], previous: Checksum) -> npt.NDArray[np.uint32]:
    """Return the checksum after each frame: what its words add, in bulk, onto what the one before carries."""
    added = wal.frame_sums(header, rows)
    low, middle, high = wal.frame_carry(header)
    sums = np.empty_like(added)
    s0, s1 = previous
    for number, (a0, a1) in enumerate(added.tolist()):
        s0, s1 = (low * s0 + middle * s1 + a0) & 0xFFFFFFFF, (middle * s0 + high * s1 + a1) & 0xFFFFFFFF
        sums[number] = s0, s1
    return sums
