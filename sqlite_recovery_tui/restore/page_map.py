"""Where each page of a restore point lies: the newest image in any of the route's files, by their indexes.

Only headers and page indexes are read, not the pages: some megabytes for a database of many gigabytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

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

TAIL_BYTES = 32 << 10
"""How much of a file's end is read before the length of its index is known."""

WHOLE_BYTES = 64 << 10
"""Files up to this size are read whole: that is one request, not two."""

Parts = list[tuple[str, int, int]]
Item = TypeVar("Item", bound=np.generic)


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
    builder = _Builder()
    for number, (file, header, index) in enumerate(read.files()):
        builder.lay(number, file, header, index)
    return PageMap(
        builder.page_size, tuple(files), builder.file, builder.offset, builder.length, read.bytes_read
    )


@dataclass
class _Reading:
    store: Store
    wanted: Sequence[LtxFile]
    concurrency: int
    progress: ProgressFn
    cancel: CancelToken | None
    bytes_read: int = 0

    def files(self) -> Iterator[tuple[LtxFile, Header, PageIndex]]:
        """Yield each file with its header and its page index, in order."""
        parts: Parts = []
        for file in self.wanted:
            if file.size <= WHOLE_BYTES:
                parts.append((file.key, 0, file.size))
            else:
                parts += [(file.key, 0, HEADER_SIZE), (file.key, file.size - TAIL_BYTES, TAIL_BYTES)]
        found = self._get(parts)
        for number, file in enumerate(self.wanted, start=1):
            head = next(found)
            tail = head if file.size <= WHOLE_BYTES else next(found)
            yield self._parse(file, head, tail)
            self.progress(Progress("reading page indexes", number, len(self.wanted), "files"))

    def _parse(self, file: LtxFile, head: bytes, tail: bytes) -> tuple[LtxFile, Header, PageIndex]:
        try:
            header = Header.parse(head)
            check_name(LtxName(file.level, file.min_txid, file.max_txid), header)
            needed = indexes.tail_length(tail, file.size)
            if needed > len(tail):
                (tail,) = self._get([(file.key, file.size - needed, needed)])
            return file, header, indexes.from_tail(tail, file.size)
        except FormatError as error:
            raise _damaged(file, error.message) from None

    def _get(self, parts: Parts) -> Iterator[bytes]:
        for part, data in get_ranges(
            self.store, parts, concurrency=self.concurrency, join_bytes=0, cancel=self.cancel
        ):
            self.bytes_read += part.length
            yield data


class _Builder:
    """The pages of the files laid so far."""

    def __init__(self) -> None:
        self.page_size = 0
        self.file: npt.NDArray[np.int32] = np.zeros(0, dtype=np.int32)
        self.offset: npt.NDArray[np.uint64] = np.zeros(0, dtype=np.uint64)
        self.length: npt.NDArray[np.uint64] = np.zeros(0, dtype=np.uint64)

    def lay(self, number: int, file: LtxFile, header: Header, index: PageIndex) -> None:
        if self.page_size not in (0, header.page_size):
            raise _damaged(file, f"its pages have {header.page_size} bytes, not {self.page_size}")
        if len(index) and int(index.pgno[-1]) > header.commit:
            raise _damaged(file, f"its index names page {index.pgno[-1]} of {header.commit}")
        if header.is_base and len(index) != header.base_pages:
            raise _damaged(file, f"it holds {len(index)} of the database's {header.base_pages} pages")
        # What an announced size makes us allocate is bounded by the pages that were really there.
        if header.commit > len(self.file) + len(index) + 1:
            raise _damaged(file, f"it makes the database {header.commit} pages long and brings {len(index)}")
        self.page_size = header.page_size
        self.file = _sized(self.file, header.commit, -1)
        self.offset = _sized(self.offset, header.commit, 0)
        self.length = _sized(self.length, header.commit, 0)
        places = index.pgno.astype(np.intp) - 1
        self.file[places] = number
        self.offset[places] = index.offset
        self.length[places] = index.length


def _sized(known: npt.NDArray[Item], count: int, filler: int) -> npt.NDArray[Item]:
    """Return `known` with room for `count` items, what is new set to `filler`."""
    sized = np.full(count, filler, dtype=known.dtype)
    kept = min(count, len(known))
    sized[:kept] = known[:kept]
    return sized


def _damaged(file: LtxFile, message: str) -> DamagedError:
    return DamagedError(
        f"{file.key}: {message}",
        object=file.key,
        hint="a full restore finds a way around this file where there is one",
    )
