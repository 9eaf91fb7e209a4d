"""The base of an LTX route into the database file, its pages replaced by newer images on the way."""

from __future__ import annotations

import os
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np

from sqlite_recovery_tui.errors import FormatError, ObjectNotFound
from sqlite_recovery_tui.formats.ltx.header import Header, check_name
from sqlite_recovery_tui.formats.ltx.names import LtxName
from sqlite_recovery_tui.formats.ltx.stream import LtxReader, PageChunk
from sqlite_recovery_tui.progress import Progress, ProgressFn
from sqlite_recovery_tui.replica.ltx import LtxRoute
from sqlite_recovery_tui.restore import ltx_faults
from sqlite_recovery_tui.restore.apply import write_pages
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.restore.ltx_changes import Changes
from sqlite_recovery_tui.restore.ltx_stream import chunks
from sqlite_recovery_tui.restore.place import check_space
from sqlite_recovery_tui.restore.work import WorkDir

_SLACK_BYTES = 1 << 20
_TAIL_BYTES = 1 << 20
"""Pages of about this much are written at once where the base has none."""


@dataclass
class BaseWriter:
    """Write the database of `route` to `fd`: the base, with the images of `changes` where those are newer."""

    route: LtxRoute
    fetcher: Fetcher
    work: WorkDir
    changes: Changes
    fd: int
    progress: ProgressFn
    _size: Header = field(init=False)

    def write(self, pool: Executor) -> Header:
        """Return the header that gives the database's size; raise `Detour`, `StorageError`, `Cancelled`."""
        base = self.route.base
        try:
            source = self.fetcher.stored(base)
            reader = LtxReader(source)
            self._size = self._check(reader.header)
            for chunk in chunks(reader, pool, self.fetcher.cancel, self._write_chunk):
                detail = f"page {chunk.pgno[-1]} of {reader.header.commit}"
                self.progress(Progress("fetching snapshot", source.consumed, base.size, "bytes", detail))
        except FormatError as error:
            raise ltx_faults.damaged(self.route, {base: error}) from None
        except ObjectNotFound as error:
            raise ltx_faults.gone(error, base.key) from None
        self._write_tail(reader.header.commit)
        return self._size

    def _check(self, header: Header) -> Header:
        """Hold the base's header against its name and the changes; return that of the newest file."""
        base = self.route.base
        check_name(LtxName(base.level, base.min_txid, base.max_txid), header)
        newest = self.changes.newest or header
        if header.page_size != newest.page_size:
            raise FormatError(
                f"its pages have {header.page_size} bytes, those of the newest file {newest.page_size}",
                offset=8,
            )
        size = newest.commit * newest.page_size
        check_space(self.work.path, size - os.fstat(self.fd).st_blocks * 512 + _SLACK_BYTES)
        self.changes.check_growth(header)
        return newest

    def _write_chunk(self, chunk: PageChunk) -> None:
        """Write pages of the base, or what is newer; in the thread that decoded them."""
        count = int(np.searchsorted(chunk.pgno, self._size.commit, side="right"))
        if not count:
            return
        numbers, pages = chunk.pgno[:count], chunk.pages[:count]
        if self.changes.overlay is not None:
            self.changes.overlay.patch(numbers, pages)
        write_pages(self.fd, self._size.page_size, numbers, [page.data for page in pages])

    def _write_tail(self, last: int) -> None:
        """Write the pages that lie behind the base's end."""
        overlay = self.changes.overlay
        most = max(1, _TAIL_BYTES // self._size.page_size)
        while overlay is not None and (found := overlay.behind(last, most)) is not None:
            self.fetcher.cancel.check()
            numbers, images = found
            write_pages(self.fd, self._size.page_size, numbers, [image.data for image in images])
            last = int(numbers[-1])
