"""SQLite's wal-index (`-shm`), its first 136 bytes: how far the WAL is committed, as SQLite itself knows it.

Frames whose checksums hold are not always committed; those up to `frames` here are. The two copies of the
header and their checksum tell whether a writer was in the midst of changing it (SQLite, wal.c).
"""

from __future__ import annotations

import os
import struct
import sys
import time
from dataclasses import dataclass

from sqlite_recovery_tui.formats.wal import Checksum

SIZE = 136
NO_MARK = 0xFFFFFFFF
READ_LOCK = 123
"""Offset in the -shm file of the lock byte of read mark 0; SQLite's locks begin at 120 with the writer's."""
_VERSION = 3007000
_TRIES = 200
_PAUSE_SECONDS = 0.0001
_NATIVE = "<" if sys.byteorder == "little" else ">"


class TornIndex(OSError):
    """The wal-index was never whole while it was read: its file is damaged, or no longer kept by SQLite."""


@dataclass(frozen=True, slots=True)
class WalIndex:
    """What the index says at one moment."""

    salts: bytes
    """Both, as they lie in the WAL's header."""
    frames: int
    """How many frames of the WAL are committed (SQLite: mxFrame)."""
    pages: int
    """The database's size in pages after them."""
    checksum: Checksum
    """The running checksum of the last of them."""
    page_size: int
    backfilled: int
    """How many frames are in the database file already (SQLite: nBackfill)."""
    marks: tuple[int, ...]
    """The five read marks; `NO_MARK` where unused. They count only while their lock is held."""

    @property
    def is_folded(self) -> bool:
        """Whether every frame is in the database file: the next writer may restart the WAL."""
        return self.backfilled == self.frames


def parse(data: bytes) -> WalIndex | None:
    """Decode the first 136 bytes of a -shm file; None when they are torn, or not yet an index."""
    if len(data) < SIZE or data[:48] != data[48:96]:
        return None
    version, _, _, is_initial, _, size, frames, pages, sum1, sum2 = struct.unpack("=IIIBBHIIII", data[:32])
    if version != _VERSION or not is_initial or _checksum(data[:40]) != struct.unpack("=II", data[40:48]):
        return None
    (backfilled,) = struct.unpack("=I", data[96:100])
    return WalIndex(
        salts=data[32:40],
        frames=frames,
        pages=pages,
        checksum=(sum1, sum2),
        page_size=(size & 0xFE00) | (size & 1) << 16,
        backfilled=backfilled,
        marks=struct.unpack("=5I", data[100:120]),
    )


def read(fd: int) -> tuple[bytes, WalIndex]:
    """Read the index that lies behind `fd`, again while it is torn; raise `TornIndex`, `OSError`.

    It is read, not mapped: closing a mapping would close a descriptor and end SQLite's locks, and a file
    cut short by somebody would kill the process.
    """
    for attempt in range(_TRIES):
        data = os.pread(fd, SIZE, 0)
        index = parse(data)
        if index is not None:
            return data, index
        if attempt:
            time.sleep(_PAUSE_SECONDS)
    raise TornIndex("the index of the write-ahead log (-shm) is not whole")


def _checksum(data: bytes) -> Checksum:
    """Return SQLite's checksum in the machine's byte order; for so few bytes a loop is quickest."""
    s0 = s1 = 0
    for one, two in struct.iter_unpack(f"{_NATIVE}II", data):
        s0 = (s0 + one + s1) & 0xFFFFFFFF
        s1 = (s1 + two + s0) & 0xFFFFFFFF
    return s0, s1
