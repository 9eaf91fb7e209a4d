"""The base of an LTX route into the database file, its pages replaced by newer images on the way."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from sqlite_recovery_tui.errors import FormatError, ObjectNotFound
from sqlite_recovery_tui.formats.ltx.header import Header
from sqlite_recovery_tui.formats.ltx.stream import LtxReader, PageChunk
from sqlite_recovery_tui.progress import Progress, ProgressFn
from sqlite_recovery_tui.replica.ltx import LtxRoute
from sqlite_recovery_tui.restore import ltx_faults
from sqlite_recovery_tui.restore.apply import write_pages
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.restore.ltx_merge import Merge
from sqlite_recovery_tui.restore.ltx_stream import chunks

_TAIL_BYTES = 1 << 20
"""Pages of about this much are written at once where the base has none."""


@dataclass
class BaseWriter:
    """Write the database of `route` to `fd`: the base, with the images of `merge` where those are newer."""

    route: LtxRoute
    fetcher: Fetcher
    merge: Merge
    fd: int
    page_size: int
    progress: ProgressFn

    def write(self, header: Header, pool: Executor) -> None:
        """Write all pages; `header` is what the base began with when it was looked at first.

        Raises `Detour`, `StorageError`, `Cancelled`.
        """
        base = self.route.base
        try:
            source = self.fetcher.stored(base)
            reader = LtxReader(source)
            if reader.header != header:
                raise FormatError("it was replaced by another one while it was read")
            for chunk in chunks(reader, pool, self.fetcher.cancel, self._write_chunk):
                detail = f"page {chunk.pgno[-1]} of {header.commit}"
                self.progress(Progress("fetching snapshot", source.consumed, base.size, "bytes", detail))
        except FormatError as error:
            raise ltx_faults.damaged(self.route, {base: error}) from None
        except ObjectNotFound as error:
            raise ltx_faults.gone(error, base.key) from None
        self._write_tail(header.commit)

    def _write_chunk(self, chunk: PageChunk) -> None:
        """Write pages of the base, or what is newer; in the thread that decoded them."""
        count = int(np.searchsorted(chunk.pgno, self.merge.pages, side="right"))
        if not count:
            return
        numbers, pages = chunk.pgno[:count], chunk.pages[:count]
        if self.merge.overlay is not None:
            self.merge.overlay.patch(numbers, pages)
        write_pages(self.fd, self.page_size, numbers, [page.data for page in pages])

    def _write_tail(self, last: int) -> None:
        """Write the pages that lie behind the base's end."""
        most = max(1, _TAIL_BYTES // self.page_size)
        overlay = self.merge.overlay
        while overlay is not None and (found := overlay.behind(last, most)) is not None:
            self.fetcher.cancel.check()
            numbers, images = found
            write_pages(self.fd, self.page_size, numbers, [image.data for image in images])
            last = int(numbers[-1])
