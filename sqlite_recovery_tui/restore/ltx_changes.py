"""All changes of an LTX route, fetched, decoded by parallel threads and verified, newest first.

Small files are read whole and decoded many at once, large ones are streamed; memory is bounded by what
their pages take, whatever they take as stored.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, field
from itertools import groupby

from sqlite_recovery_tui.domain import LtxFile
from sqlite_recovery_tui.errors import FormatError, ObjectNotFound
from sqlite_recovery_tui.formats.ltx.read import Decoded, decode_many
from sqlite_recovery_tui.formats.ltx.stream import LtxReader, Memory, Source
from sqlite_recovery_tui.progress import Progress, ProgressFn
from sqlite_recovery_tui.replica.ltx import LtxRoute
from sqlite_recovery_tui.restore import ltx_faults
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.restore.ltx_merge import Merge
from sqlite_recovery_tui.restore.ltx_stream import chunks
from sqlite_recovery_tui.restore.workers import decoders

SMALL_BYTES = 256 << 10
"""Files up to this size, as stored, are read whole."""
BATCH_BYTES = 4 << 20
"""Pages of about this much are decoded by one call."""
BATCH_FILES = 256
_INDEX_LENGTH = slice(-24, -16)  # in front of the trailer
_ENTRY_BYTES = 5  # of a page in the index: seldom fewer, often some more
_PAGE_SIZE = slice(8, 12)


@dataclass
class _Batch:
    """Small files that are decoded together."""

    files: list[LtxFile] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)
    size: int = 0
    """About how many bytes their pages have."""

    @property
    def is_full(self) -> bool:
        return self.size >= BATCH_BYTES or len(self.files) >= BATCH_FILES

    def decode(self) -> list[Decoded | FormatError]:
        """Decode all files."""
        return decode_many(self.data)


@dataclass
class ChangeReader:
    """Read the changes of `route` into what `begun` gives, which need not be there at first."""

    route: LtxRoute
    fetcher: Fetcher
    begun: Future[Merge]
    pool: Executor
    progress: ProgressFn
    _done_bytes: int = field(default=0, init=False)
    _done_files: int = field(default=0, init=False)
    _total_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self._total_bytes = sum(file.size for file in self.route.changes)

    @property
    def merge(self) -> Merge:
        """What takes the changes; raise what keeps it from being there."""
        return self.begun.result()

    def read(self) -> None:
        """Verify every change; raise `Detour` for what does not hold, once all were looked at."""
        newest_first = self.route.changes[::-1]
        for is_small, group in groupby(newest_first, key=lambda file: file.size <= SMALL_BYTES):
            if is_small:
                self._small(list(group))
                continue
            for file in group:
                self._large(file, self.fetcher.stored_change(file))
        self.merge.finish()

    def _small(self, files: Sequence[LtxFile]) -> None:
        """Decode small files in batches by parallel threads, and take them in order."""
        running: deque[tuple[_Batch, Future[list[Decoded | FormatError]]]] = deque()
        most = decoders()
        try:
            for batch in self._batches(files):
                self.fetcher.cancel.check()
                is_one = len(batch.files) == 1 and batch.size > BATCH_BYTES
                if not is_one:
                    running.append((batch, self.pool.submit(batch.decode)))
                while running and (is_one or len(running) > most):
                    self._take(*running.popleft())
                if is_one:
                    self._large(batch.files[0], Memory(batch.data[0]))
            while running:
                self._take(*running.popleft())
        finally:
            wait([future for _, future in running])

    def _batches(self, files: Sequence[LtxFile]) -> Iterator[_Batch]:
        """Put files together; one that holds many pages in few bytes comes alone."""
        batch = _Batch()
        for file, data in self._fetched(files):
            size = _decoded_bytes(data)
            if batch.files and (batch.is_full or batch.size + size > 2 * BATCH_BYTES):
                yield batch
                batch = _Batch()
            batch.files.append(file)
            batch.data.append(data)
            batch.size += size
        if batch.files:
            yield batch

    def _fetched(self, files: Sequence[LtxFile]) -> Iterator[tuple[LtxFile, bytes]]:
        try:
            yield from self.fetcher.changes(files)
        except ObjectNotFound as error:
            raise ltx_faults.gone(error, error.object) from None

    def _take(self, batch: _Batch, decoded: Future[list[Decoded | FormatError]]) -> None:
        merge, whole = self.merge, []
        for file, result in zip(batch.files, decoded.result(), strict=True):
            try:
                if isinstance(result, FormatError):
                    raise result
                merge.check(file, result.header)
            except FormatError as error:
                merge.refuse(file, error)
            else:
                whole.append((file, result.header, result.pgno, result.pages))
        merge.take_files(whole)
        self._count(batch.files)

    def _large(self, file: LtxFile, source: Source) -> None:
        """Decode one file chunk by chunk, and take it."""
        try:
            reader = LtxReader(source)
            self.merge.check(file, reader.header)
            for chunk in chunks(reader, self.pool, self.fetcher.cancel):
                self.merge.take_part(chunk.pgno, chunk.pages)
            self.merge.passed(file, reader.header)
        except FormatError as error:
            self.merge.refuse(file, error)
        except ObjectNotFound as error:
            raise ltx_faults.gone(error, file.key) from None
        self._count([file])

    def _count(self, files: Sequence[LtxFile]) -> None:
        self._done_bytes += sum(file.size for file in files)
        self._done_files += len(files)
        detail = f"file {self._done_files} of {len(self.route.changes)}"
        self.progress(Progress("fetching changes", self._done_bytes, self._total_bytes, "bytes", detail))


def _decoded_bytes(data: bytes) -> int:
    """Return about how many bytes the pages of a file have, as its index says; nothing vouches for it."""
    index = int.from_bytes(data[_INDEX_LENGTH], "big")
    return min(index, len(data)) // _ENTRY_BYTES * int.from_bytes(data[_PAGE_SIZE], "big")
