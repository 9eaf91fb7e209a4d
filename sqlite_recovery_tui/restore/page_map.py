"""Where each page of a restore point lies: the newest image in any of the route's files, by their indexes.

Only the files' ends are read, where the indexes are, and the headers of the first and the newest: some
megabytes for a database of many gigabytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from sqlite_recovery_tui.domain import LtxFile
from sqlite_recovery_tui.errors import DamagedError, FormatError
from sqlite_recovery_tui.formats.ltx import index as indexes
from sqlite_recovery_tui.formats.ltx.header import HEADER_SIZE, Header, check_name
from sqlite_recovery_tui.formats.ltx.index import PageIndex
from sqlite_recovery_tui.formats.ltx.names import LtxName
from sqlite_recovery_tui.progress import CancelToken, Progress, ProgressFn, ignore_progress
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.ranges import get_ranges

_TAIL_BYTES = 32 << 10
"""How much of a file's end is read, at most, before the length of its index is known."""
_SMALL_TAIL_BYTES = 512
_TAIL_SHARE = 32
"""An index is seldom longer than this part of its file: an entry takes 8 bytes or so, a page many more."""
_FILES_AT_ONCE = 256
"""Of so many files the ends are held until it is known of which of them more is needed."""

Parts = list[tuple[str, int, int]]


@dataclass(frozen=True)
class PageMap:
    """For each page, page 1 first, the file that holds its newest image and where; file -1: none."""

    page_size: int
    files: tuple[LtxFile, ...]
    file: npt.NDArray[np.int32]
    offset: npt.NDArray[np.uint64]
    length: npt.NDArray[np.uint64]
    bytes_read: int
    """What was fetched to know all this."""

    @property
    def pages(self) -> int:
        """The size of the database."""
        return len(self.file)


def load(
    store: Store,
    files: Sequence[LtxFile],
    *,
    concurrency: int = 16,
    progress: ProgressFn = ignore_progress,
    cancel: CancelToken | None = None,
) -> PageMap:
    """Read the indexes of a route's `files`, the base first, and lay them one over the other.

    Raises `DamagedError` naming the file whose header or index does not hold, `StorageError`, `Cancelled`.
    """
    read = _Reading(store, files, concurrency, progress, cancel)
    base, newest = read.ends_of_route()
    found = _checked(files, base, newest, read.indexes())
    size = newest.commit
    file = np.full(size, -1, dtype=np.int32)
    offset, length = np.zeros(size, dtype=np.uint64), np.zeros(size, dtype=np.uint64)
    for number, index in enumerate(found):
        inside = int(np.searchsorted(index.pgno, size, side="right"))
        places = index.pgno[:inside].astype(np.intp) - 1
        file[places] = number
        offset[places] = index.offset[:inside]
        length[places] = index.length[:inside]
    return PageMap(base.page_size, tuple(files), file, offset, length, read.bytes_read)


def header_part(file: LtxFile) -> tuple[str, int, int]:
    """Return which part of a file holds its header."""
    return file.key, 0, min(HEADER_SIZE, file.size)


def check_header(file: LtxFile, data: bytes, page_size: int = 0) -> Header:
    """Return the header that `data` begins with.

    Raises `DamagedError` unless it is that of `file`, its pages of the given size if one is given.
    """
    try:
        header = Header.parse(data)
        check_name(LtxName(file.level, file.min_txid, file.max_txid), header)
    except FormatError as error:
        raise _damaged(file, error.message) from None
    if page_size not in (0, header.page_size):
        raise _damaged(file, f"its pages have {header.page_size} bytes, not {page_size}")
    return header


@dataclass
class _Reading:
    store: Store
    files: Sequence[LtxFile]
    concurrency: int
    progress: ProgressFn
    cancel: CancelToken | None
    bytes_read: int = 0

    def ends_of_route(self) -> tuple[Header, Header]:
        """Return the headers of the base and of the newest file."""
        for file in self.files:
            if file.size < indexes.MIN_FILE_BYTES:
                raise _damaged(file, f"LTX file cut short: {file.size} bytes")
        ends = list(dict.fromkeys((self.files[0], self.files[-1])))
        headers = [
            check_header(file, data)
            for file, data in zip(ends, self._get([header_part(file) for file in ends]), strict=True)
        ]
        return headers[0], headers[-1]

    def indexes(self) -> Iterator[PageIndex]:
        """Yield the page index of each file, in order."""
        tails = self._get([_tail(file, _likely_tail(file)) for file in self.files])
        number = 0
        for start in range(0, len(self.files), _FILES_AT_ONCE):
            some = self.files[start : start + _FILES_AT_ONCE]
            for index in self._parsed(some, list(islice(tails, len(some)))):
                yield index
                number += 1
                self.progress(Progress("reading page indexes", number, len(self.files), "files"))

    def _parsed(self, files: Sequence[LtxFile], tails: Sequence[bytes]) -> Iterator[PageIndex]:
        """Yield the indexes of `files`, of which `tails` are the likely ends; fetch longer ones together."""
        needed = [_tail_length(file, tail) for file, tail in zip(files, tails, strict=True)]
        longer = self._get(
            [
                _tail(file, length)
                for file, tail, length in zip(files, tails, needed, strict=True)
                if length > len(tail)
            ]
        )
        for file, tail, length in zip(files, tails, needed, strict=True):
            whole = tail if length <= len(tail) else next(longer)
            try:
                yield indexes.from_tail(whole, file.size)
            except FormatError as error:
                raise _damaged(file, error.message) from None

    def _get(self, parts: Parts) -> Iterator[bytes]:
        for part, data in get_ranges(
            self.store, parts, concurrency=self.concurrency, join_bytes=0, cancel=self.cancel
        ):
            self.bytes_read += part.length
            yield data


def _likely_tail(file: LtxFile) -> int:
    """Return how much of a file's end probably holds its index."""
    return min(file.size, _TAIL_BYTES, _SMALL_TAIL_BYTES + file.size // _TAIL_SHARE)


def _tail(file: LtxFile, length: int) -> tuple[str, int, int]:
    return file.key, file.size - length, length


def _tail_length(file: LtxFile, tail: bytes) -> int:
    try:
        return indexes.tail_length(tail, file.size)
    except FormatError as error:
        raise _damaged(file, error.message) from None


def _checked(
    files: Sequence[LtxFile], base: Header, newest: Header, found: Iterator[PageIndex]
) -> list[PageIndex]:
    """Return the indexes, once it is clear that the pages they name make a database of the size stated.

    What an announced size makes us allocate is bounded by the pages that are really there.
    """
    if newest.page_size != base.page_size:
        raise _damaged(files[-1], f"its pages have {newest.page_size} bytes, not {base.page_size}")
    kept: list[PageIndex] = []
    size = 0
    for file, index in zip(files, found, strict=True):
        if not kept and len(index) != base.base_pages:
            raise _damaged(file, f"it holds {len(index)} of the database's {base.base_pages} pages")
        last = int(index.pgno[-1]) if len(index) else 0
        if last > size + len(index) + 1:  # one page is never stored
            raise _damaged(file, f"its index names page {last}, and brings {len(index)} to {size}")
        size = max(size, last)
        kept.append(index)
    if newest.commit > size + 1:
        raise _damaged(
            files[-1], f"it makes the database {newest.commit} pages long and brings {len(kept[-1])}"
        )
    return kept


def _damaged(file: LtxFile, message: str) -> DamagedError:
    return DamagedError(
        f"{file.key}: {message}",
        object=file.key,
        hint="a full restore finds a way around this file where there is one",
    )
