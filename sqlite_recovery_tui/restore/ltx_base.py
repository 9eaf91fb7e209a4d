"""The base of an LTX route into the database file, its pages replaced by newer images on the way."""

from __future__ import annotations

from concurrent.futures import Executor
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
                    saved = reader.mark
                    self.journal.save(saved)
                detail = f"page {chunk.pgno[-1]} of {header.commit}"
                self.progress(
                    Progress("fetching snapshot", start + source.consumed, base.size, "bytes", detail)
                )
        except StorageError:
            self.journal.save(reader.mark)
            raise

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
        rows = self._room(first, last)
        if lacking:
            rows[:] = 0
            rows[numbers - first] = pages
        else:
            rows[:] = pages
        self._write_rows(first, rows)

    def _write_tail(self, last: int) -> None:
        """Write the pages that lie behind the base's end."""
        most = room_pages(self.page_size)
        for first in range(last + 1, self.merge.pages + 1, most):
            self.fetcher.cancel.check()
            rows = self._room(first, min(first + most - 1, self.merge.pages))
            rows[:] = 0
            self._write_rows(first, rows)

    def _room(self, first: int, last: int) -> U8:
        """Return a buffer for the pages `first` to `last`."""
        size = self.page_size
        return self.blocks.room((first - 1) * size, (last + 1 - first) * size).reshape(-1, size)

    def _write_rows(self, first: int, rows: U8) -> None:
        if self.merge.overlay is not None:
            self.merge.overlay.patch(first, rows)
        self.blocks.write(rows.reshape(-1), (first - 1) * self.page_size)
