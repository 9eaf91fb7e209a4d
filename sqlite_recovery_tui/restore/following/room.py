"""Room for page images: memory up to a limit, beyond it a file without a name beside the copy."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sqlite_recovery_tui.restore.place import check_space

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]

_SLACK_BYTES = 1 << 20


class Room:
    """Gives out arrays of rows; what is in a file is gone with its last array."""

    def __init__(self, folder: Path, limit: int) -> None:
        """Hold up to `limit` bytes of one array in memory, and more in `folder`."""
        self.folder = folder
        self.limit = limit

    def rows(self, count: int, width: int) -> U8:
        """Return `count` rows of `width` bytes; raise `NoSpaceError`."""
        if count * width <= self.limit:
            return np.empty((count, width), dtype=np.uint8)
        check_space(self.folder, count * width + _SLACK_BYTES)
        with tempfile.TemporaryFile(dir=self.folder) as file:
            return np.memmap(file, dtype=np.uint8, mode="w+", shape=(count, width))

    def spool(self) -> Spool:
        """Return room for rows whose number is not known yet, in a file."""
        return Spool(self.folder)


class Spool:
    """Rows that are written one after the other and then read as one array."""

    def __init__(self, folder: Path) -> None:
        """Write to a file without a name in `folder`."""
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by `close`
        self._count = 0

    def add(self, rows: U8) -> None:
        """Append rows that lie in memory without gaps."""
        self._file.write(rows.reshape(-1).data)
        self._count += len(rows)

    def rows(self, width: int) -> U8:
        """Return everything as rows of `width` bytes, which outlast the spool."""
        self._file.flush()
        if not self._count:
            return np.empty((0, width), dtype=np.uint8)
        return np.memmap(self._file, dtype=np.uint8, mode="r", shape=(self._count, width))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def newest(parts: Sequence[tuple[U32, U8]], size: int, room: Room) -> tuple[U32, U8]:
    """Return the last image of each page up to number `size`, in order of their numbers.

    A part is page numbers and their images (n by page size); later parts and rows count.
    """
    numbers = np.concatenate([numbers for numbers, _ in parts])
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    last = np.append(ordered[1:] != ordered[:-1], True) & (ordered <= size)
    pages, rows = ordered[last], order[last]
    images = room.rows(len(pages), parts[0][1].shape[1])
    start = 0
    for part_numbers, part in parts:
        end = start + len(part_numbers)
        here = np.flatnonzero((rows >= start) & (rows < end))
        images[here] = part[rows[here] - start]
        start = end
    return pages, images
