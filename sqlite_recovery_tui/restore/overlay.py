"""The newest image of every page that changed, kept in a file without a name until the base is written.

Images are added newest first: the first one of a page is the one that counts, those that follow are
dropped. Memory holds eight bytes for each page that changed and one bit for each page of the database.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor, Future, wait
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sqlite_recovery_tui.restore.apply import MAX_VECTORS, write_all

_WRITES = 2
"""How many calls to `add` may wait to be written."""

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]


class Overlay:
    """Page images of one database, its pages numbered from 1 to `pages`."""

    def __init__(self, folder: Path, page_size: int, pages: int, pool: Executor) -> None:
        """Keep images in `folder`, where nothing of them is left once this is closed; `pool` may write."""
        self.page_size = page_size
        self.pages = pages
        self._pool = pool
        self._writing: deque[Future[None]] = deque()
        self._known: U8 = np.zeros(pages // 8 + 1, dtype=np.uint8)
        self._parts: list[U32] = []
        self._numbers: U32 = np.empty(0, dtype=np.uint32)
        self._slots: U32 = np.empty(0, dtype=np.uint32)
        self._count = 0
        self._fd = _nameless(folder)

    def __len__(self) -> int:
        return self._count

    @property
    def size(self) -> int:
        """Bytes of all images."""
        return self._count * self.page_size

    def close(self) -> None:
        """Let go of the file."""
        wait(self._writing)
        os.close(self._fd)

    def add(self, parts: Sequence[tuple[U32, U8]], *, lasting: bool) -> tuple[U32, npt.NDArray[np.intp]]:
        """Keep the images that nothing newer is known of; return their numbers, and the part of each.

        A part is page numbers and their images (n by page size); of a page that several parts have the
        first one's image counts. Pages behind the database's end are left out. Images that are `lasting`
        stay as they are, and are written by and by.
        """
        numbers = np.concatenate([numbers for numbers, _ in parts])
        wanted = self._unknown(numbers)
        starts = np.cumsum([0, *(len(numbers) for numbers, _ in parts)])
        part_of = np.searchsorted(starts, wanted, side="right") - 1
        rows = [
            parts[part][1][row].data
            for part, row in zip(part_of.tolist(), (wanted - starts[part_of]).tolist(), strict=True)
        ]
        self._write(rows, self._count * self.page_size, lasting)
        kept = numbers[wanted]
        self._parts.append(kept)
        self._count += len(kept)
        return kept, part_of

    def seal(self) -> None:
        """Put what was added in order of page number, so that it can be looked up."""
        while self._writing:
            self._writing.popleft().result()
        numbers = np.concatenate([self._numbers[:0], *self._parts])
        self._parts = []
        slots = np.argsort(numbers, kind="stable")
        self._numbers, self._slots = numbers[slots], slots.astype(np.uint32)

    def known(self, first: int, last: int) -> int:
        """Return of how many of the pages `first` to `last` there is an image; once sealed."""
        start, end = np.searchsorted(self._numbers, (first, last + 1))
        return int(end - start)

    def first_unknown(self, first: int, last: int) -> int | None:
        """Return the first of the pages `first` to `last` that there is no image of; once sealed."""
        start, end = np.searchsorted(self._numbers, (first, last + 1))
        found = self._numbers[start:end]
        expected = np.arange(first, first + len(found), dtype=np.int64)
        wrong = np.flatnonzero(found != expected)
        page = first + (int(wrong[0]) if len(wrong) else len(found))
        return page if page <= last else None

    def patch(self, first: int, images: U8) -> None:
        """Replace those of the `images`, of the pages from `first` on, that are known; once sealed."""
        start, end = np.searchsorted(self._numbers, (first, first + len(images))).tolist()
        if start == end:
            return
        rows, slots = self._numbers[start:end].astype(np.int64) - first, self._slots[start:end]
        order = np.argsort(slots)  # what one `add` brought of them lies together
        found = np.empty((len(order), self.page_size), dtype=np.uint8)
        runs = np.flatnonzero(np.diff(slots[order]) != 1) + 1
        for begin, stop in pairwise([0, *runs.tolist(), len(order)]):
            self._read(found[begin:stop], int(slots[order[begin]]))
        images[rows[order]] = found

    def _write(self, rows: list[memoryview], at: int, lasting: bool) -> None:
        if not lasting:
            _write_rows(self._fd, rows, at)
            return
        if len(self._writing) >= _WRITES:
            self._writing.popleft().result()
        self._writing.append(self._pool.submit(_write_rows, self._fd, rows, at))

    def _read(self, images: U8, slot: int) -> None:
        room, place = images.reshape(-1).data, slot * self.page_size
        while room:
            count = os.preadv(self._fd, [room], place)
            if not count:
                raise OSError(5, "an image that was written is not there")
            room, place = room[count:], place + count

    def _unknown(self, numbers: U32) -> npt.NDArray[np.intp]:
        """Return where in `numbers` pages stand that are not known yet, and note them."""
        distinct, first = np.unique(numbers, return_index=True)
        distinct = distinct[: np.searchsorted(distinct, self.pages, side="right")]
        byte, bit = distinct >> 3, (1 << (distinct & 7)).astype(np.uint8)
        new = np.flatnonzero(self._known[byte] & bit == 0)
        np.bitwise_or.at(self._known, byte[new], bit[new])
        return first[new]


def _write_rows(fd: int, rows: list[memoryview], at: int) -> None:
    for start in range(0, len(rows), MAX_VECTORS):
        part = rows[start : start + MAX_VECTORS]
        write_all(fd, part, at)
        at += sum(map(len, part))


def _nameless(folder: Path) -> int:
    """Open a new file that is gone with its last descriptor."""
    path = folder / "images"
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    path.unlink()
    return fd
