"""Single pages of a restore point, fetched from where they are stored: no restore, no copy of the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sqlite_recovery_tui.errors import DamagedError, FormatError
from sqlite_recovery_tui.formats.ltx.page import decode_page
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.restore.page_map import PageMap
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.ranges import get_ranges


@dataclass
class RemotePages:
    """The database of a page map, page by page; what it returns is not verified by any file's checksum."""

    store: Store
    map: PageMap
    concurrency: int = 16
    cancel: CancelToken | None = None
    bytes_fetched: int = 0
    """Bytes of page frames asked for so far, without the indexes."""

    @property
    def page_size(self) -> int:
        """Bytes of a page."""
        return self.map.page_size

    @property
    def pages(self) -> int:
        """The size of the database in pages."""
        return self.map.pages

    def fetch(self, numbers: Sequence[int]) -> Mapping[int, bytes]:
        """Return the pages with these numbers; raise `DamagedError` for one that cannot be read."""
        places = np.asarray(numbers, dtype=np.intp) - 1
        files = self.map.file[places]
        lost = np.flatnonzero(files < 0)
        if len(lost):
            raise DamagedError(
                f"page {numbers[int(lost[0])]} of the database is in no file", hint="restore another point"
            )
        order = np.lexsort((self.map.offset[places], files))
        wanted = [numbers[number] for number in order.tolist()]
        parts = [(self.map.files[self.map.file[page - 1]].key, *self._span(page)) for page in wanted]
        found = get_ranges(self.store, parts, concurrency=self.concurrency, cancel=self.cancel)
        pages = {}
        for page, (part, frame) in zip(wanted, found, strict=True):
            pages[page] = self._decode(page, part.key, frame)
            self.bytes_fetched += part.length
        return pages

    def _span(self, page: int) -> tuple[int, int]:
        return int(self.map.offset[page - 1]), int(self.map.length[page - 1])

    def _decode(self, page: int, key: str, frame: bytes) -> bytes:
        try:
            return decode_page(frame, page, self.page_size)
        except FormatError as error:
            raise DamagedError(
                f"{key}: {error.message}", object=key, hint="a full restore may find a way around this file"
            ) from None
