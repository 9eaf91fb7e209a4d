"""All changes of an LTX route, verified, and the newest image of every page that they hold.

They are read newest first, so that a page is kept once, whatever the number of files that have it. Nothing
is written to the database before every one of them has proved whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import numpy as np

from sqlite_recovery_tui.domain import LtxFile
from sqlite_recovery_tui.errors import FormatError, ObjectNotFound
from sqlite_recovery_tui.formats.ltx.header import Header, check_name
from sqlite_recovery_tui.formats.ltx.names import LtxName
from sqlite_recovery_tui.formats.ltx.read import Decoded, decode_many
from sqlite_recovery_tui.formats.ltx.stream import LtxReader, Memory, Source
from sqlite_recovery_tui.progress import Progress, ProgressFn
from sqlite_recovery_tui.replica.ltx import LtxRoute
from sqlite_recovery_tui.restore import ltx_faults
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.restore.ltx_stream import WORKERS, chunks
from sqlite_recovery_tui.restore.overlay import U8, U32, Overlay

SMALL_BYTES = 256 << 10
"""Files up to this size, as stored, are read whole."""
BATCH_BYTES = 4 << 20
"""Pages of about this much are decoded by one call."""
BATCH_FILES = 256
_INDEX_END = 16 + 8  # the trailer, and the index's own length in front of it
_PAGE_SIZE = slice(8, 12)
_NO_LIMIT = 1 << 32


@dataclass
class Returned:
    """Pages that were cut off and came back without content: by which file, the first one, how many."""

    by: LtxFile | None
    first: int
    count: int


@dataclass
class Batch:
    """Small files that are decoded together."""

    files: list[LtxFile] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)
    size: int = 0
    """About how many bytes their pages have."""

    def add(self, file: LtxFile, data: bytes, size: int) -> None:
        self.files.append(file)
        self.data.append(data)
        self.size += size

    @property
    def is_full(self) -> bool:
        return self.size >= BATCH_BYTES or len(self.files) >= BATCH_FILES

    def decode(self) -> list[Decoded | FormatError]:
        """Decode all files."""
        return decode_many(self.data)


class Changes:
    """Read the changes of `route` into an overlay; use `collect` once, then the attributes."""

    def __init__(
        self, route: LtxRoute, fetcher: Fetcher, folder: Path, pool: Executor, progress: ProgressFn
    ) -> None:
        self._route = route
        self._fetcher = fetcher
        self._folder = folder
        self._pool = pool
        self._progress = progress
        self._done_bytes = self._done_files = 0
        self._total_bytes = sum(file.size for file in route.changes)
        self._faults: dict[LtxFile, FormatError] = {}
        self.overlay: Overlay | None = None
        """None as long as there is no change."""
        self.newest: Header | None = None
        """Of the newest file: it says how large the database is."""
        self.returned: Returned | None = None
        self.unchecked = 0
        """Files that tell a checksum of the whole database, with which nothing was compared."""
        self._low = _NO_LIMIT
        """The smallest size of the database, in pages, after any file read so far."""
        self._lowest: LtxFile | None = None
        self._commits: list[tuple[LtxFile, int]] = []

    def close(self) -> None:
        """Let go of the images."""
        if self.overlay is not None:
            self.overlay.close()

    def collect(self) -> None:
        """Verify every change; raise `Detour` for damaged and missing ones, once all were looked at."""
        newest_first = self._route.changes[::-1]
        for is_small, group in groupby(newest_first, key=lambda file: file.size <= SMALL_BYTES):
            if is_small:
                self._small(list(group))
            else:
                for file in group:
                    self._large(file, self._fetcher.stored_change(file))
        if self._faults:
            raise ltx_faults.damaged(self._route, self._faults)
        if self.overlay is not None:
            self.overlay.seal()

    def check_growth(self, base: Header) -> None:
        """Check that every page behind the base's end is there, and note pages that came back.

        Raises `Detour` for the file that grew the database without saying what the new pages hold.
        """
        if self.newest is None or self.overlay is None:
            return
        end, lock = self.newest.commit, self.newest.lock_page
        for first, last in _around_page(base.commit + 1, end, lock):
            page = self.overlay.first_unknown(first, last)
            if page is not None:
                file, fault = self._grown_without(page)
                raise ltx_faults.damaged(self._route, {file: fault})
        for first, last in _around_page(self._low + 1, min(base.commit, end), lock):
            came_back = last + 1 - first - self.overlay.known(first, last)
            page = self.overlay.first_unknown(first, last)
            if page is not None:
                self._note_return(page, came_back)

    def _grown_without(self, page: int) -> tuple[LtxFile, FormatError]:
        """Return the last file that brought the database up to `page`, and what is wrong with it."""
        before = 0
        found = self._commits[-1]
        for file, commit in reversed(self._commits):
            if before < page <= commit:
                found = file, commit
            before = commit
        return found[0], FormatError(
            f"it grows the database to {found[1]} pages, and neither it nor any later file holds page {page}"
        )

    def _small(self, files: Sequence[LtxFile]) -> None:
        """Decode small files in batches by parallel threads, and take them in order."""
        running: deque[tuple[Batch, Future[list[Decoded | FormatError]]]] = deque()
        try:
            for work in self._batches(files):
                self._fetcher.cancel.check()
                if isinstance(work, Batch):
                    running.append((work, self._pool.submit(work.decode)))
                while running and (len(running) > WORKERS or not isinstance(work, Batch)):
                    self._take_batch(*running.popleft())
                if not isinstance(work, Batch):
                    file, data = work
                    self._large(file, Memory(data))
            while running:
                self._take_batch(*running.popleft())
        finally:
            wait([future for _, future in running])

    def _batches(self, files: Sequence[LtxFile]) -> Iterator[Batch | tuple[LtxFile, bytes]]:
        """Put files together; one that holds many pages in few bytes comes alone."""
        batch = Batch()
        for file, data in self._fetched(files):
            size = _decoded_bytes(data)
            if size > BATCH_BYTES:
                if batch.files:
                    yield batch
                    batch = Batch()
                yield file, data
                continue
            batch.add(file, data, size)
            if batch.is_full:
                yield batch
                batch = Batch()
        if batch.files:
            yield batch

    def _fetched(self, files: Sequence[LtxFile]) -> Iterator[tuple[LtxFile, bytes]]:
        try:
            yield from self._fetcher.changes(files)
        except ObjectNotFound as error:
            raise ltx_faults.gone(error, error.object) from None

    def _take_batch(self, batch: Batch, decoded: Future[list[Decoded | FormatError]]) -> None:
        parts: list[tuple[U32, U8]] = []
        lows: list[int] = []
        for file, result in zip(batch.files, decoded.result(), strict=True):
            try:
                if isinstance(result, FormatError):
                    raise result
                self._check(file, result.header)
            except FormatError as error:
                self._faults[file] = error
            else:
                parts.append((result.pgno, result.pages))
                lows.append(self._low)
                self._passed(file, result.header)
            self._count(file)
        if parts:
            self._keep(parts, lows)

    def _large(self, file: LtxFile, source: Source) -> None:
        """Decode one file chunk by chunk, and take it."""
        try:
            reader = LtxReader(source)
            self._check(file, reader.header)
            for chunk in chunks(reader, self._pool, self._fetcher.cancel):
                self._keep([(chunk.pgno, chunk.pages)], [self._low])
            self._passed(file, reader.header)
        except FormatError as error:
            self._faults[file] = error
        except ObjectNotFound as error:
            raise ltx_faults.gone(error, file.key) from None
        self._count(file)

    def _check(self, file: LtxFile, header: Header) -> None:
        """Hold a file's header against its name and its neighbours; raise `FormatError`."""
        check_name(LtxName(file.level, file.min_txid, file.max_txid), header)
        if self.newest is None and not self._faults:
            self.newest = header
            self.overlay = Overlay(self._folder, header.page_size, header.commit)
        if self.newest is not None and header.page_size != self.newest.page_size:
            raise FormatError(
                f"its pages have {header.page_size} bytes, those of the newest file {self.newest.page_size}",
                offset=8,
            )

    def _passed(self, file: LtxFile, header: Header) -> None:
        """Note what a whole file means for those that are older."""
        self.unchecked += header.has_database_checksum
        self._commits.append((file, header.commit))
        if header.commit < self._low:
            self._low, self._lowest = header.commit, file

    def _keep(self, parts: Sequence[tuple[U32, U8]], lows: Sequence[int]) -> None:
        """Keep what is new of the next files; `lows` are the smallest sizes that the database had since."""
        if self._faults or self.overlay is None:
            return
        kept, part_of = self.overlay.add(parts)
        came_back = kept[kept > np.array(lows)[part_of]]
        if len(came_back):
            self._note_return(int(came_back.min()), len(came_back))

    def _note_return(self, first: int, count: int) -> None:
        """Note pages that were cut off and came back without content: an older image has to do."""
        if self.returned is None:
            self.returned = Returned(self._lowest, first, count)
        else:
            self.returned.first = min(first, self.returned.first)
            self.returned.count += count

    def _count(self, file: LtxFile) -> None:
        self._done_bytes += file.size
        self._done_files += 1
        detail = f"file {self._done_files} of {len(self._route.changes)}"
        self._progress(Progress("fetching changes", self._done_bytes, self._total_bytes, "bytes", detail))


def _decoded_bytes(data: bytes) -> int:
    """Return about how many bytes the pages of a file have, as its index says; nothing vouches for it."""
    end = len(data) - _INDEX_END
    if end < 0:
        return 0
    size = int.from_bytes(data[end : end + 8], "big")
    entries = np.frombuffer(data, dtype=np.uint8)[max(0, end - size) : end]
    numbers = int(np.count_nonzero(entries < 0x80))
    return numbers // 3 * int.from_bytes(data[_PAGE_SIZE], "big")


def _around_page(first: int, last: int, page: int) -> Iterator[tuple[int, int]]:
    """Yield what is left of the range `first` to `last` without `page`."""
    for start, end in ((first, min(last, page - 1)), (max(first, page + 1), last)):
        if start <= end:
            yield start, end
