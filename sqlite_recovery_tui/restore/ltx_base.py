"""The base of an LTX route into the database file, its pages replaced by newer images on the way."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from sqlite_recovery_tui.errors import FormatError, ObjectNotFound, StorageError
from sqlite_recovery_tui.formats.ltx.header import Header, lock_page
from sqlite_recovery_tui.formats.ltx.pages import room_pages
from sqlite_recovery_tui.formats.ltx.stream import LtxReader, Mark, PageChunk
from sqlite_recovery_tui.progress import Progress, ProgressFn
from sqlite_recovery_tui.replica.ltx import LtxRoute
from sqlite_recovery_tui.restore import ltx_faults
from sqlite_recovery_tui.restore.blocks import U8, BlockWriter
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.restore.ltx_journal import LtxJournal
from sqlite_recovery_tui.restore.ltx_merge import Merge
from sqlite_recovery_tui.restore.ltx_stream import chunks

JOURNAL_BYTES = 64 << 20
"""How much is written between two entries of the journal."""


@dataclass
class BaseWriter:
    """Write the database of `route`: the base, with the images of `merge` where those are newer."""

    route: LtxRoute
    fetcher: Fetcher
    merge: Merge
    blocks: BlockWriter
    page_size: int
    journal: LtxJournal
    progress: ProgressFn

    def write(self, header: Header, pool: Executor, resume: Mark | None) -> None:
        """Write all pages; `header` is what the base began with when it was looked at first.

        With `resume` the pages in front of that mark are in the file. Raises `Detour`, `StorageError`,
        `Cancelled`.
        """
        base = self.route.base
        try:
            self._write_base(header, pool, resume)
        except FormatError as error:
            raise ltx_faults.damaged(self.route, {base: error}) from None
        except ObjectNotFound as error:
            raise ltx_faults.gone(error, base.key) from None
        self._write_tail(header.commit)
        self.blocks.wait()

    def _write_base(self, header: Header, pool: Executor, resume: Mark | None) -> None:
        base = self.route.base
        start = resume.position if resume else 0
        source = self.fetcher.stored(base, start=start)
        reader = LtxReader.resume(source, resume) if resume else LtxReader(source)
        if reader.header != header:
            raise FormatError("it was replaced by another one while it was read")
        saved = reader.mark
        try:
            for chunk in chunks(reader, pool, self.fetcher.cancel, self._write_chunk):
                if (reader.mark.pages - saved.pages) * self.page_size >= JOURNAL_BYTES:
                    saved = self._save(reader)
                detail = f"page {chunk.pgno[-1]} of {header.commit}"
                self.progress(
                    Progress("fetching snapshot", start + source.consumed, base.size, "bytes", detail)
                )
        except StorageError:
            self._save(reader)
            raise

    def _save(self, reader: LtxReader) -> Mark:
        """Note how far the file is written."""
        mark = reader.mark
        self.blocks.wait()
        self.journal.save(mark)
        return mark

    def _write_chunk(self, chunk: PageChunk) -> None:
        """Write pages of the base, or what is newer; in the thread that decoded them."""
        count = int(np.searchsorted(chunk.pgno, self.merge.pages, side="right"))
        if not count:
            return
        numbers, pages = chunk.pgno[:count].astype(np.int64), chunk.pages[:count]
        first, last = int(numbers[0]), int(numbers[-1])
        lacking = last + 1 - first - count
        if lacking > (first < lock_page(self.page_size) < last):
            raise FormatError(f"LTX base lacks pages between {first} and {last}")
        with self._room(first, last) as rows:
            if lacking:
                rows[:] = 0
                rows[numbers - first] = pages
            else:
                rows[:] = pages

    def _write_tail(self, last: int) -> None:
        """Write the pages that lie behind the base's end."""
        most = room_pages(self.page_size)
        for first in range(last + 1, self.merge.pages + 1, most):
            self.fetcher.cancel.check()
            with self._room(first, min(first + most - 1, self.merge.pages)) as rows:
                rows[:] = 0

    @contextmanager
    def _room(self, first: int, last: int) -> Iterator[U8]:
        """Give room for the pages `first` to `last`; newer images are laid over them."""
        size = self.page_size
        with self.blocks.piece((first - 1) * size, (last + 1 - first) * size) as data:
            rows = data.reshape(-1, size)
            yield rows
            if self.merge.overlay is not None:
                self.merge.overlay.patch(first, rows)
