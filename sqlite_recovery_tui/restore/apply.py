"""Committed pages into a database file, without SQLite: newest image per page, sorted, coalesced.

The result is what SQLite's own checkpoints would leave, one after each WAL: pages beyond the size that a
WAL's last commit gives are dropped there and are zero when the file grows again without them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sqlite_recovery_tui.formats.wal import FRAME_HEADER_SIZE, Frames
from sqlite_recovery_tui.replica.chain import Batch

MAX_VECTORS = 1024
"""As many buffers as one `pwritev` takes on Linux (IOV_MAX)."""

BeforeWrite = Callable[[npt.NDArray[np.uint32]], None]


class PageWriter:
    """Collect the frames of a chain and write committed pages to the file behind `fd`.

    At most about `memory_bytes` of frames are held; a single transaction larger than that waits in
    the file `spool` until its commit arrives.
    """

    def __init__(
        self,
        fd: int,
        page_size: int,
        *,
        memory_bytes: int,
        spool: Path,
        before_write: BeforeWrite | None = None,
    ) -> None:
        """Write to `fd`; `before_write` sees the numbers of the pages about to be written."""
        self._fd = fd
        self._page_size = page_size
        self._memory_bytes = memory_bytes
        self._spool = spool
        self._before_write = before_write
        self._committed: list[Frames] = []
        self._open: list[Frames] = []
        self._held = 0
        self._spooled = 0
        self._lowest = -1
        """The smallest database size, in pages, at the end of any WAL since the last write."""
        self.pages: int | None = None
        """Database size in pages after the last commit; None before the first."""
        self.written = 0
        """Pages written, each counted as often as it was written."""

    def add(self, batch: Batch) -> None:
        """Take verified frames; they count once their commit frame is among them."""
        frames = batch.frames
        count = frames.last_commit
        if count:
            self._committed += [*self._open, frames.head(count)]
            self._open = []
            self.pages = int(frames.commit[count - 1])
            frames = frames.slice(count, len(frames))
        if len(frames):
            self._open.append(frames)
        self._held += batch.frames.data.nbytes
        if self._held >= self._memory_bytes:
            self.flush()
            self._spill()
        if batch.ends_index:
            self._end_index()

    def preview(self, look: BeforeWrite) -> None:
        """Let `look` see the numbers of the pages that are held and not yet written."""
        if self._committed:
            look(np.unique(np.concatenate([part.pgno for part in self._committed])))

    def flush(self) -> None:
        """Write every committed page that is held."""
        if self._committed:
            parts, self._committed = self._committed, []
            self._write(parts)
        self._held = sum(part.data.nbytes for part in self._open if not isinstance(part.data, np.memmap))

    def finish(self) -> None:
        """Write what is left and give the file the size of the last commit."""
        self.flush()
        self._cut_off()
        if self.pages is not None:
            os.ftruncate(self._fd, self.pages * self._page_size)

    def _end_index(self) -> None:
        """A following WAL begins: what never committed is gone, what was cut off stays cut off."""
        self._open = []
        if self.pages is None:
            return
        if self._lowest < 0 or self.pages < self._lowest:
            self._lowest = self.pages
        kept = (_within(part, self.pages) for part in self._committed)
        self._committed = [part for part in kept if len(part)]

    def _cut_off(self) -> None:
        """Drop what lay beyond the end of the database when a WAL since the last write ended."""
        if 0 <= self._lowest * self._page_size < os.fstat(self._fd).st_size:
            os.ftruncate(self._fd, self._lowest * self._page_size)
        self._lowest = -1

    def _write(self, parts: list[Frames]) -> None:
        """Write the newest image of each page; what lies beyond the database's end is cut off later."""
        self._cut_off()
        numbers = np.concatenate([part.pgno for part in parts])
        order = np.argsort(numbers, kind="stable")
        ordered = numbers[order]
        newest = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
        pages, frames = ordered[newest], order[newest]
        if self._before_write is not None:
            self._before_write(pages)
        self._write_sorted(pages, frames, parts)
        self.written += len(pages)

    def _write_sorted(
        self, pages: npt.NDArray[np.uint32], frames: npt.NDArray[np.intp], parts: list[Frames]
    ) -> None:
        """Write runs of consecutive pages with one call each."""
        starts = np.cumsum([0, *(len(part) for part in parts)])
        part_of = np.searchsorted(starts, frames, side="right") - 1
        frame_size = self._page_size + FRAME_HEADER_SIZE
        from_byte = (frames - starts[part_of]) * frame_size + FRAME_HEADER_SIZE
        views = [part.data.data.cast("B") for part in parts]
        images = [
            views[part][at : at + self._page_size]
            for part, at in zip(part_of.tolist(), from_byte.tolist(), strict=True)
        ]
        write_pages(self._fd, self._page_size, pages, images)

    def _spill(self) -> None:
        """Move the frames of a transaction that is too large to hold into the spool file."""
        if self._held < self._memory_bytes:
            return
        if not any(isinstance(part.data, np.memmap) for part in self._open):
            self._spool.unlink(missing_ok=True)  # what it held of earlier transactions is written
            self._spooled = 0
        self._open = [
            part if isinstance(part.data, np.memmap) else self._to_spool(part) for part in self._open
        ]
        self._held = 0

    def _to_spool(self, part: Frames) -> Frames:
        at = self._spooled
        with self._spool.open("ab") as file:
            file.write(part.data.tobytes())
        self._spooled += part.data.nbytes
        mapped = np.memmap(self._spool, dtype=np.uint8, mode="r", offset=at, shape=part.data.shape)
        return Frames(part.pgno, part.commit, mapped)


def write_pages(fd: int, page_size: int, pages: npt.NDArray[np.uint32], images: list[memoryview]) -> None:
    """Write the `images` of `pages`, whose numbers rise: those that are neighbours with one call."""
    numbers = pages.astype(np.int64)
    to_byte = ((numbers - 1) * page_size).tolist()
    breaks = (np.flatnonzero(np.diff(numbers) != 1) + 1).tolist()
    start = 0
    for end in (*breaks, len(images)):
        if end - start == 1 and os.pwrite(fd, images[start], to_byte[start]) == page_size:
            start = end
            continue
        for at in range(start, end, MAX_VECTORS):
            write_all(fd, images[at : min(at + MAX_VECTORS, end)], to_byte[at])
        start = end


def write_all(fd: int, buffers: list[memoryview], at: int) -> None:
    """Write all `buffers` one behind the other from byte `at`, whatever the kernel takes at once."""
    first = 0
    while first < len(buffers):
        count = os.pwritev(fd, buffers[first:] if first else buffers, at)
        at += count
        while first < len(buffers) and count >= len(buffers[first]):
            count -= len(buffers[first])
            first += 1
        if count:
            buffers = [*buffers[:first], buffers[first][count:], *buffers[first + 1 :]]


def _within(part: Frames, pages: int) -> Frames:
    keep = part.pgno <= pages
    if keep.all():
        return part
    return Frames(part.pgno[keep], part.commit[keep], part.data[keep])
