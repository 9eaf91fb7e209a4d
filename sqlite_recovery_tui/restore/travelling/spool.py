"""Rows of equal length in a file without a name: images of pages, kept for as long as one journey lasts."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sqlite_recovery_tui.restore.apply import MAX_VECTORS, write_all

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]

NONE = -1
"""No row."""


class Spool:
    """Rows of `width` bytes each, numbered from 0 in the order they were added."""

    def __init__(self, folder: Path, width: int) -> None:
        """Keep rows in `folder`, where nothing is left of them once this is closed or the process ends."""
        self.width = width
        self.count = 0
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  # closed by `close`

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def add(self, rows: U8) -> int:
        """Append rows (n by `width`); return the number of the first."""
        first = self.count
        write_all(self._file.fileno(), [np.ascontiguousarray(rows).reshape(-1).data], first * self.width)
        self.count += len(rows)
        return first

    def read(self, numbers: I64, into: U8, rows: I64, *, skip: int = 0) -> None:
        """Read the rows `numbers`, each from its byte `skip` on, into the `rows` of `into`."""
        fd = self._file.fileno()
        for number, row in zip(numbers.tolist(), rows.tolist(), strict=True):
            view = into[row].data
            if os.preadv(fd, [view], number * self.width + skip) != len(view):
                raise OSError(5, "an image that was written is not there")


class BasePages:
    """Pages of one base: those that its history changes, found once and kept."""

    def __init__(self, folder: Path, page_size: int) -> None:
        """Know no page yet."""
        self._spool = Spool(folder, page_size)
        self._row_of: I64 = np.full(1, NONE, dtype=np.int64)  # by page number

    def close(self) -> None:
        """Let go of the pages."""
        self._spool.close()

    def lacks(self, numbers: U32) -> U32:
        """Return those of the pages `numbers` that are not here."""
        lacking: U32 = numbers[self._rows(numbers) == NONE]
        return lacking

    def add(self, numbers: U32, images: U8) -> None:
        """Keep the images of pages; those that are here stay as they are."""
        new = self._rows(numbers) == NONE
        if not new.any():
            return
        numbers, images = numbers[new], images[new]
        self._grow(int(numbers.max()))
        first = self._spool.add(images)
        self._row_of[numbers] = np.arange(first, first + len(numbers))

    def read(self, numbers: U32, into: U8, rows: I64) -> None:
        """Read pages into the `rows` of `into`; those that are not here stay as they are there."""
        found = self._rows(numbers)
        here = found != NONE
        self._spool.read(found[here], into, rows[here])

    def _rows(self, numbers: U32) -> I64:
        self._grow(int(numbers.max(initial=0)))
        found: I64 = self._row_of[numbers]
        return found

    def _grow(self, last: int) -> None:
        held = len(self._row_of)
        if last >= held:
            more = np.full(max(last + 1 - held, held), NONE, dtype=np.int64)
            self._row_of = np.concatenate([self._row_of, more])


def read_rows(fd: int, numbers: U32, into: U8) -> None:
    """Read pages of the file behind `fd`, neighbours together; what lies behind its end is zeros."""
    into[:] = 0
    width = into.shape[1]
    breaks = (np.flatnonzero(np.diff(numbers.astype(np.int64)) != 1) + 1).tolist()
    start = 0
    for end in (*breaks, len(numbers)):
        for first in range(start, end, MAX_VECTORS):
            last = min(first + MAX_VECTORS, end)
            os.preadv(fd, [row.data for row in into[first:last]], (int(numbers[first]) - 1) * width)
        start = end
