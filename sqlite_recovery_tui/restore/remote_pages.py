"""Single pages of a restore point, fetched from where they are stored: no restore, no copy of the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sqlite_recovery_tui.errors import DamagedError, FormatError
from sqlite_recovery_tui.formats.ltx.page import decode_page
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.restore.page_map import PageMap, check_header, header_part
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.ranges import get_ranges


@dataclass
class RemotePages:
    """The database of a page map, page by page; what it returns is not verified by any file's checksum.

    A file whose pages are looked at is at least the one that its name says: its header comes along.
    """

    store: Store
    map: PageMap
    concurrency: int = 16
    cancel: CancelToken | None = None
    bytes_fetched: int = 0
    """Bytes of page frames and headers asked for so far, without the indexes."""
    _known: set[int] = field(init=False)
    """Numbers of the files whose header was looked at."""

    def __post_init__(self) -> None:
        self._known = {0, len(self.map.files) - 1}  # by what made the map

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
        order = np.lexsort((self.map.offset[places], files)).tolist()
        steps = list(self._steps((numbers[each], int(files[each])) for each in order))
        parts = [self._part(page, number) for page, number in steps]
        found = get_ranges(self.store, parts, concurrency=self.concurrency, cancel=self.cancel)
        pages = {}
        for (page, number), (part, data) in zip(steps, found, strict=True):
            self.bytes_fetched += part.length
            if page:
                pages[page] = self._decode(page, part.key, data)
            else:
                self._check(number, data)
        return pages

    def _steps(self, wanted: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Yield page and file, page 0 for the header of a file that is looked at for the first time."""
        begun: set[int] = set()
        for page, number in wanted:
            if number not in self._known and number not in begun:
                begun.add(number)
                yield 0, number
            yield page, number

    def _part(self, page: int, number: int) -> tuple[str, int, int]:
        file = self.map.files[number]
        if not page:
            return header_part(file)
        return file.key, int(self.map.offset[page - 1]), int(self.map.length[page - 1])

    def _check(self, number: int, data: bytes) -> None:
        """Check the header of a file against its name and the database."""
        check_header(self.map.files[number], data, self.page_size)
        self._known.add(number)

    def _decode(self, page: int, key: str, frame: bytes) -> bytes:
        try:
            return decode_page(frame, page, self.page_size)
        except FormatError as error:
            raise DamagedError(
                f"{key}: {error.message}", object=key, hint="a full restore may find a way around this file"
            ) from None
