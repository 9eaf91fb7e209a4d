"""One update of a database file in place: what it changes, its rollback journal, and the writing itself."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sqlite_recovery_tui.formats import journal
from sqlite_recovery_tui.restore.apply import MAX_VECTORS, write_all

Pages = npt.NDArray[np.uint32]
Images = npt.NDArray[np.uint8]

_CHUNK_BYTES = 4 << 20
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Layout:
    """Page size in bytes and size in pages of a database."""

    page_size: int
    pages: int

    @property
    def size(self) -> int:
        """The size in bytes."""
        return self.page_size * self.pages

    @property
    def chunk(self) -> int:
        """How many pages are handled at a time."""
        return max(1, _CHUNK_BYTES // self.page_size)


class FileImages:
    """Pages of another database file, read when they are asked for."""

    def __init__(self, fd: int, pages: Pages, page_size: int) -> None:
        """Stand for the images of `pages` in the file behind `fd`, which stays open meanwhile."""
        self._fd = fd
        self._pages = pages
        self._page_size = page_size

    def __getitem__(self, part: slice) -> Images:
        wanted = self._pages[part]
        images = np.zeros((len(wanted), self._page_size), dtype=np.uint8)
        read_pages(self._fd, wanted, self._page_size, images)
        return images


@dataclass(frozen=True)
class Change:
    """Pages to write, and the layout that the database has then."""

    layout: Layout
    pages: Pages
    """Strictly rising, none beyond the layout's end."""
    images: Images | FileImages

    def first_page(self) -> bytes | None:
        """Return the image of page 1; None when the change leaves it alone."""
        if not len(self.pages) or self.pages[0] != 1:
            return None
        return self.images[0:1].tobytes()


def change_of(pages: Pages, images: Images, size_pages: int) -> Change:
    """Return the change that these images make; raise `ValueError` where they are not one."""
    rising = len(pages) == 0 or (pages[0] >= 1 and bool((pages[1:] > pages[:-1]).all()))
    if not rising or images.ndim != 2 or len(images) != len(pages) or size_pages < 1:
        raise ValueError("pages must rise, each with one image, in a database of at least one page")
    within = pages <= size_pages
    if not within.all():
        pages, images = pages[within], images[within]
    return Change(Layout(images.shape[1], size_pages), pages, images)


def nothing(layout: Layout) -> Change:
    """Return the change that leaves everything as it is."""
    return Change(layout, np.empty(0, np.uint32), np.empty((0, layout.page_size), np.uint8))


def overwritten(old: Layout, change: Change) -> Pages:
    """Return the numbers of the old pages that are not what they were after `change`."""
    new = change.layout
    if new.page_size != old.page_size:
        kept = np.arange(1, old.pages + 1, dtype=np.uint32)
    else:
        written = change.pages[change.pages <= old.pages]
        cut_off = np.arange(new.pages + 1, old.pages + 1, dtype=np.uint32)
        kept = np.union1d(np.append(written, np.uint32(1)), cut_off).astype(np.uint32)
    return _without(kept, journal.lock_page(old.page_size))


def write_journal(path: Path, fd: int, old: Layout, numbers: Pages) -> None:
    """Write a complete journal of the pages `numbers` of the database behind `fd`, and fsync it."""
    path.unlink(missing_ok=True)
    status = os.fstat(fd)
    out = os.open(path, _NEW, 0o600)
    try:
        # Whoever may write to the database must be able to roll it back.
        os.fchmod(out, status.st_mode & 0o777)
        with suppress(PermissionError):
            os.fchown(out, status.st_uid, status.st_gid)
        nonce = secrets.randbits(32)
        first = journal.header(records=len(numbers), nonce=nonce, pages=old.pages, page_size=old.page_size)
        write_all(out, [memoryview(first)], 0)
        at = len(first)
        for start in range(0, len(numbers), old.chunk):
            some = numbers[start : start + old.chunk]
            records = journal.room(len(some), old.page_size)
            read_pages(fd, some, old.page_size, records[:, 4:-4])
            journal.seal(records, some, nonce)
            write_all(out, [records.reshape(-1).data], at)
            at += records.nbytes
        os.fsync(out)
    finally:
        os.close(out)


def write_change(fd: int, change: Change, first: bytes) -> None:
    """Write the pages of `change`, with `first` as page 1, and give the file its size; no fsync."""
    layout = change.layout
    write_all(fd, [memoryview(first)], 0)
    for start in range(0, len(change.pages), layout.chunk):
        some = change.pages[start : start + layout.chunk]
        images = np.ascontiguousarray(change.images[start : start + layout.chunk])
        for begin, end in _runs(some):
            at = begin + int(some[begin] == 1)
            if at < end:
                write_all(fd, [images[at:end].reshape(-1).data], (int(some[at]) - 1) * layout.page_size)
    os.ftruncate(fd, layout.size)


def read_pages(fd: int, numbers: Pages, page_size: int, into: Images) -> None:
    """Read the pages `numbers` of the file behind `fd` into the rows of `into`; behind its end are zeros."""
    for begin, end in _runs(numbers):
        for start in range(begin, end, MAX_VECTORS):
            rows = [row.data for row in into[start : min(start + MAX_VECTORS, end)]]
            _read_all(fd, rows, (int(numbers[start]) - 1) * page_size)


def differences(fd: int, old: Layout, other: int, new: Layout) -> Pages:
    """Return the numbers of the pages of the file `other` that the file behind `fd` does not hold.

    Page 1 is always among them. Of another page size, all are.
    """
    if old.page_size != new.page_size:
        return np.arange(1, new.pages + 1, dtype=np.uint32)
    parts = [np.ones(1, dtype=np.uint32)]
    both = min(old.pages, new.pages)
    left, right = (np.zeros((old.chunk, old.page_size), dtype=np.uint8) for _ in range(2))
    for start in range(0, both, old.chunk):
        numbers = np.arange(start + 1, min(start + old.chunk, both) + 1, dtype=np.uint32)
        read_pages(fd, numbers, old.page_size, left)
        read_pages(other, numbers, old.page_size, right)
        count = len(numbers)
        parts.append(numbers[(left[:count] != right[:count]).any(axis=1)])
    parts.append(np.arange(both + 1, new.pages + 1, dtype=np.uint32))
    return _without(np.unique(np.concatenate(parts)), journal.lock_page(new.page_size))


def _without(numbers: Pages, one: int) -> Pages:
    kept: Pages = numbers[numbers != one]
    return kept


def _runs(numbers: Pages) -> Iterator[tuple[int, int]]:
    """Yield where runs of consecutive page numbers begin and end."""
    if not len(numbers):
        return
    breaks = (np.flatnonzero(np.diff(numbers.astype(np.int64)) != 1) + 1).tolist()
    start = 0
    for end in (*breaks, len(numbers)):
        yield start, end
        start = end


def _read_all(fd: int, rows: list[memoryview], at: int) -> None:
    while rows:
        count = os.preadv(fd, rows, at)
        if not count:
            return
        at += count
        while rows and count >= len(rows[0]):
            count -= len(rows[0])
            rows = rows[1:]
        if count:
            rows = [rows[0][count:], *rows[1:]]
