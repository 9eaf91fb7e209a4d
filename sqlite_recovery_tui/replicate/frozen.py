"""The database as of one commit, read while its application goes on writing.

What the WAL has up to that commit is laid over the file. A reader of ours keeps both as they are: no frame
behind its mark is folded into the file, and no frame before it is overwritten.
"""

from __future__ import annotations

import os
from threading import Lock

import numpy as np
import numpy.typing as npt

from sqlite_recovery_tui.formats.wal import FRAME_HEADER_SIZE, HEADER_SIZE
from sqlite_recovery_tui.replicate.reading import CannotRead, WalFile

_HEADERS_BYTES = 4 << 20
U32 = npt.NDArray[np.uint32]


class FrozenDatabase:
    """A database of `pages` pages: its file, and the first `frames` frames of its WAL over it."""

    def __init__(
        self, database_fd: int, wal: WalFile, *, index: int, page_size: int, pages: int, frames: int
    ) -> None:
        """Find out which page lies where; raise `CannotRead`. Without `frames` it is the file alone."""
        self.index = index
        self.page_size = page_size
        self.size = pages * page_size
        self._fd = database_fd
        self._wal = wal
        self._lock = Lock()
        self._is_held = True
        self._pages, self._frames = _newest(wal, page_size, pages, frames)

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of it, fewer only at its end; raise OSError when a file cannot be read."""
        with self._lock:
            if not self._is_held:
                raise OSError("the database is no longer held as it was")
            return self._read(offset, length)

    def release(self) -> None:
        """Let go of it: whoever still reads gets an error."""
        with self._lock:
            self._is_held = False

    def _read(self, offset: int, length: int) -> bytes:
        length = min(length, self.size - offset)
        if length <= 0:
            return b""
        data = bytearray(length)  # what neither file has is zero, as the page that SQLite locks
        have = os.preadv(self._fd, [data], offset)
        while 0 < have < length:
            more = os.preadv(self._fd, [memoryview(data)[have:]], offset + have)
            have = have + more if more else length
        self._lay_over(data, offset)
        return bytes(data)

    def _lay_over(self, data: bytearray, offset: int) -> None:
        first = offset // self.page_size + 1
        last = (offset + len(data) - 1) // self.page_size + 1
        start, end = np.searchsorted(self._pages, [first, last + 1])
        for page, frame in zip(
            self._pages[start:end].tolist(), self._frames[start:end].tolist(), strict=True
        ):
            at = (page - 1) * self.page_size - offset
            inside = max(0, -at)
            take = min(self.page_size, len(data) - at) - inside
            place = HEADER_SIZE + (frame - 1) * (FRAME_HEADER_SIZE + self.page_size) + FRAME_HEADER_SIZE
            try:
                content = self._wal.read(place + inside, take)
            except CannotRead as error:
                raise OSError(str(error)) from None
            if len(content) != take:
                raise OSError(f"the write-ahead log ends within frame {frame}")
            data[at + inside : at + inside + take] = content


def _newest(wal: WalFile, page_size: int, pages: int, frames: int) -> tuple[U32, U32]:
    """Return the pages that the log has, in rising order, and the newest frame of each, from 1."""
    size = FRAME_HEADER_SIZE + page_size
    step = max(1, _HEADERS_BYTES // size)
    newest = np.zeros(pages + 1, dtype=np.uint32)
    for start in range(0, frames, step):
        count = min(step, frames - start)
        data = wal.read(HEADER_SIZE + start * size, count * size)
        if len(data) < count * size:
            raise CannotRead(f"the write-ahead log ends before frame {start + count}")
        rows = np.frombuffer(data, dtype=np.uint8).reshape(-1, size)
        found = rows[:, :4].copy().view(">u4").astype(np.uint32)[:, 0]
        numbers = np.arange(start + 1, start + count + 1, dtype=np.uint32)
        within = (found > 0) & (found <= pages)
        np.maximum.at(newest, found[within], numbers[within])
    listed = np.flatnonzero(newest).astype(np.uint32)
    return listed, newest[listed]
