"""A run of LTX files, verified and merged into one step, of which memory holds a bounded part.

Files are taken oldest first, as many as fit; one that is larger than that makes a step by itself, its
pages in a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import takewhile

import numpy as np

from sqlite_recovery_tui.domain import LtxFile, Txid
from sqlite_recovery_tui.errors import FormatError, ObjectNotFound
from sqlite_recovery_tui.formats.ltx import index
from sqlite_recovery_tui.formats.ltx.header import Header, check_name
from sqlite_recovery_tui.formats.ltx.names import LtxName
from sqlite_recovery_tui.formats.ltx.read import Decoded, decode_many
from sqlite_recovery_tui.formats.ltx.stream import LtxReader, Memory, Source
from sqlite_recovery_tui.restore.changes import Step
from sqlite_recovery_tui.restore.fetch import Fetcher
from sqlite_recovery_tui.restore.following.room import U8, U32, Room, newest
from sqlite_recovery_tui.restore.ltx_stream import chunks
from sqlite_recovery_tui.restore.workers import decoders

WHOLE_BYTES = 8 << 20
"""Files up to this size, as stored, are read whole."""
BATCH_BYTES = 4 << 20
"""Pages of about this much are decoded by one call."""
BATCH_FILES = 256


class Spoilt(Exception):
    """A file that does not hold."""

    def __init__(self, file: LtxFile, fault: FormatError) -> None:
        """Name the file and what is wrong with it."""
        super().__init__(fault.message)
        self.file = file
        self.fault = fault


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A whole file as stored, and how many bytes its pages are said to have."""

    file: LtxFile
    data: bytes
    size: int


@dataclass
class _Taken:
    """Files that hold and go on from one another, oldest first."""

    files: list[LtxFile] = field(default_factory=list)
    parts: list[tuple[U32, U8]] = field(default_factory=list)
    header: Header | None = None
    """Of the last one."""

    def take(self, file: LtxFile, decoded: Decoded) -> bool:
        """Take the next file; return False for one whose pages are of another size than those before."""
        if self.header is not None and decoded.header.page_size != self.header.page_size:
            return False
        self.files.append(file)
        self.parts.append((decoded.pgno, decoded.pages))
        self.header = decoded.header
        return True


class LtxFiles:
    """Makes steps of the files of one replica."""

    def __init__(self, fetcher: Fetcher, room: Room) -> None:
        """Take as many pages for one step as `room` holds in memory."""
        self._fetcher = fetcher
        self._room = room

    def step(self, run: Sequence[LtxFile]) -> Step:
        """Return the step that the first files of `run` make, each of which goes on from those before.

        Raises `Spoilt` when the very first one does not hold, `StorageError`, `NoSpaceError`, `Cancelled`.
        """
        first = run[0]
        if first.size > WHOLE_BYTES:
            return self._streamed(first, self._fetcher.stored(first), more=len(run) > 1)
        taken = _Taken()
        for batch in self._batches(run):
            if batch[0].size > self._room.limit:
                return self._streamed(first, Memory(batch[0].data), more=len(run) > 1)
            if not _decode(batch, taken):
                break
        assert taken.header is not None
        pages, images = newest(taken.parts, taken.header.commit, self._room)
        return _step(taken.files, taken.header, pages, images, more=len(taken.files) < len(run))

    def _batches(self, run: Sequence[LtxFile]) -> Iterator[list[_Fetched]]:
        """Yield what is decoded together, in all no more than there is room for, but at least one file."""
        batch: list[_Fetched] = []
        total = waiting = 0
        for item in self._fetched(run):
            total += item.size
            if total > self._room.limit and item.file is not run[0]:
                break
            batch.append(item)
            waiting += item.size
            if waiting >= BATCH_BYTES or len(batch) >= BATCH_FILES:
                yield batch
                batch, waiting = [], 0
        if batch:
            yield batch

    def _fetched(self, run: Sequence[LtxFile]) -> Iterator[_Fetched]:
        """Fetch the leading files that may be read whole; one that is gone ends it."""
        small = tuple(takewhile(lambda file: file.size <= WHOLE_BYTES, run))
        count = 0
        try:
            for file, data in self._fetcher.changes(small):
                count += 1
                yield _Fetched(file, data, _page_bytes(data))
        except ObjectNotFound:
            if not count:
                raise

    def _streamed(self, file: LtxFile, source: Source, *, more: bool) -> Step:
        """Return the step of one file whose pages are too many for memory."""
        spool = self._room.spool()
        numbers: list[U32] = [np.empty(0, dtype=np.uint32)]
        try:
            reader = LtxReader(source)
            _check(file, reader.header)
            with ThreadPoolExecutor(decoders(), thread_name_prefix="decode") as pool:
                for chunk in chunks(reader, pool, self._fetcher.cancel):
                    numbers.append(chunk.pgno.copy())
                    spool.add(chunk.packed())
            images = spool.rows(reader.header.page_size)
        except FormatError as fault:
            raise Spoilt(file, fault) from None
        finally:
            spool.close()
        return _step([file], reader.header, np.concatenate(numbers), images, more=more)


def _decode(batch: Sequence[_Fetched], taken: _Taken) -> bool:
    """Take the files of `batch` up to the first that does not hold; return whether all of them do."""
    for item, result in zip(batch, decode_many([item.data for item in batch]), strict=True):
        try:
            if isinstance(result, FormatError):
                raise result
            _check(item.file, result.header)
        except FormatError as fault:
            if not taken.files:
                raise Spoilt(item.file, fault) from None
            return False
        if not taken.take(item.file, result):
            return False
    return True


def _check(file: LtxFile, header: Header) -> None:
    check_name(LtxName(file.level, file.min_txid, file.max_txid), header)


def _page_bytes(data: bytes) -> int:
    """Return how many bytes the pages of a file have, as far as its index tells."""
    try:
        return len(index.from_tail(data, len(data))) * Header.parse(data).page_size
    except FormatError:  # decoding says what is wrong
        return len(data)


def _step(files: Sequence[LtxFile], header: Header, pages: U32, images: U8, *, more: bool) -> Step:
    return Step(
        pages,
        images,
        header.commit,
        Txid(files[-1].max_txid),
        max(file.time for file in files),
        more=more,
        grows_whole=True,
    )
