"""Read whole LTX files, one or many at a time, from memory.

    decode_file(data) -> Decoded                 raises FormatError
    decode_many(files) -> [Decoded | FormatError, ...]
    decode_frames(data, header, index) -> pages  of a part of a file, which no checksum covers

Nothing is returned of a file that breaks any rule of the format, its checksum included. What is
returned may take some 250 times as much memory as the file does; `LtxReader` in `stream` reads a file
of any size within a few megabytes.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats.ltx import index as indexes
from sqlite_recovery_tui.formats.ltx.crc import crc64
from sqlite_recovery_tui.formats.ltx.frames import Run, Walker
from sqlite_recovery_tui.formats.ltx.header import HEADER_SIZE, Header
from sqlite_recovery_tui.formats.ltx.index import TRAILER_SIZE, U8, U32, PageIndex
from sqlite_recovery_tui.formats.ltx.pages import Room, Rows
from sqlite_recovery_tui.formats.ltx.trailer import Trailer

Data = bytes | bytearray | memoryview

_threads = threading.local()


@dataclass(frozen=True, slots=True)
class Decoded:
    """A whole file: `pages` has shape (n, page size), and its rows need not touch in memory."""

    header: Header
    index: PageIndex
    pages: U8
    trailer: Trailer

    def __len__(self) -> int:
        return len(self.pages)

    @property
    def pgno(self) -> U32:
        return self.index.pgno


def decode_file(data: Data) -> Decoded:
    """Decode and verify one file; raise `FormatError` for the first rule it breaks."""
    file = _File.scan(data)
    _decode_pages([file])
    return file.finish()


def decode_many(files: Sequence[Data]) -> list[Decoded | FormatError]:
    """Decode and verify many files with few calls, which pays for small ones.

    Each file gives its own result, in the order of `files`; damage of one does not touch the others.
    """
    scanned = [_scan(data) for data in files]
    try:
        _decode_pages([file for file in scanned if isinstance(file, _File)])
    except FormatError:  # of which file, only decoding each alone can tell
        return [_decode_alone(data) for data in files]
    return [_finish(file) if isinstance(file, _File) else file for file in scanned]


def decode_frames(data: Data, header: Header, index: PageIndex) -> U8:
    """Decode neighbouring pages alone: those of `index`, whose frames are all that `data` holds.

    Returns shape (n, page size). Raises `FormatError` when a frame is damaged or not where `index`
    says; that the pages are those that were written, only the checksum of the whole file shows.
    """
    base = int(index.offset[0]) if len(index) else 0
    file, at, walker = _File(data, header, [], 0), 0, Walker(header)
    while (run := walker.walk(data, at, len(index), base)) is not None:
        file.runs.append(run)
        at = run.end - base
    _decode_pages([file])
    found, pages = file.joined()
    if at != len(data) or found.encode() != index.encode():
        raise FormatError("LTX page index does not agree with the pages", offset=base + at)
    return pages


@dataclass(slots=True)
class _Part:
    """The decoded pages of one run, and their entries in the page index as they are stored."""

    rows: Rows
    entries: bytes


@dataclass(slots=True)
class _File:
    """A file whose frames were found, and whose pages are decoded run by run."""

    data: Data
    header: Header
    runs: list[Run]
    end: int
    """Where the pages end."""
    parts: list[_Part] = field(default_factory=list)

    @classmethod
    def scan(cls, data: Data) -> _File:
        """Read the header and find all page frames; raise `FormatError`."""
        header = Header.parse(data)
        walker = Walker(header)
        runs: list[Run] = []
        at = HEADER_SIZE
        while not walker.ended:
            run = walker.walk(data, at, len(data))
            if run is not None:
                runs.append(run)
                at = run.end
            elif not walker.ended:
                raise FormatError(f"LTX file cut short inside its pages, at {len(data)} bytes", offset=at)
        return cls(data, header, runs, at)

    def finish(self) -> Decoded:
        """Check all that stands behind the pages, and the checksums; raise `FormatError`."""
        crc = crc64(memoryview(self.data)[:HEADER_SIZE])
        for part in self.parts:
            crc = crc64(part.rows.covered, crc)
        trailer = self._check_end(b"".join(part.entries for part in self.parts), crc)
        if self.header.is_base and self.header.has_database_checksum:
            total = 0
            for part in self.parts:
                total ^= part.rows.database_sum()
            trailer.check_database(total, at=len(self.data) - TRAILER_SIZE)
        index, pages = self.joined()
        return Decoded(self.header, index, pages, trailer)

    def _check_end(self, entries: bytes, crc: int) -> Trailer:
        behind = memoryview(self.data)[self.end :]
        expected = indexes.END_OF_PAGES + indexes.close(entries)
        at = self.end + len(expected)
        if behind[: len(expected)] != expected:
            raise _wrong_index(behind, expected, self.end)
        if len(behind) > len(expected) + TRAILER_SIZE:
            raise FormatError("LTX file goes on behind its trailer", offset=at + TRAILER_SIZE)
        trailer = Trailer.parse(behind[len(expected) :], self.header, at=at)
        trailer.check(crc64(behind[: len(expected) + 8], crc), at=at)
        return trailer

    def joined(self) -> tuple[PageIndex, U8]:
        """Return the index and the pages of all parts as one."""
        if len(self.parts) == 1:
            return self.parts[0].rows.index, self.parts[0].rows.pages
        if not self.parts:
            return PageIndex.empty(), np.empty((0, self.header.page_size), dtype=np.uint8)
        index = PageIndex.join([part.rows.index for part in self.parts])
        return index, np.concatenate([part.rows.pages for part in self.parts])


def _scan(data: Data) -> _File | FormatError:
    try:
        return _File.scan(data)
    except FormatError as error:
        return error


def _finish(file: _File) -> Decoded | FormatError:
    try:
        return file.finish()
    except FormatError as error:
        return error


def _decode_alone(data: Data) -> Decoded | FormatError:
    try:
        return decode_file(data)
    except FormatError as error:
        return error


def _decode_pages(files: Sequence[_File]) -> None:
    """Decode the pages of all files, those of one kind together; raise `FormatError`."""
    groups: dict[tuple[int, int], list[tuple[_File, Run]]] = {}
    for file in files:
        for run in file.runs:
            groups.setdefault((file.header.page_size, run.spelling.flags), []).append((file, run))
    for (page_size, _), members in groups.items():
        rows = _decode_runs(page_size, [(file.data, run) for file, run in members])
        entries, ends = rows.index.encode_entries()
        stops = [0, *ends.tolist()]
        at = 0
        for file, run in members:
            end = at + len(run)
            file.parts.append(_Part(rows.slice(at, end), entries[stops[at] : stops[end]]))
            at = end
    for file in files:
        if len(file.parts) > 1:
            file.parts.sort(key=lambda part: int(part.rows.index.offset[0]))


def _decode_runs(page_size: int, runs: Sequence[tuple[Data, Run]]) -> Rows:
    """Decode runs of one spelling, of any number of files, into rows that follow each other."""
    head = runs[0][1].spelling.head
    total = sum(len(run) for _, run in runs)
    data = np.empty((total, head + page_size), dtype=np.uint8)
    room = _own_room(page_size)
    found: list[PageIndex] = []
    at = 0

    def decode() -> int:
        end = at + len(room)
        found.append(room.decode(data[at:end]).index)
        room.clear()
        return end

    for source, run in runs:
        for part in run.split(room.capacity):
            if len(room) + len(part) > room.capacity:
                at = decode()
            room.load(source, part)
    decode()
    return Rows(PageIndex.join(found), head, data)


def _own_room(page_size: int) -> Room:
    """Return this thread's room, empty; a fresh one costs more than decoding a small file."""
    room = getattr(_threads, "room", None)
    if not isinstance(room, Room) or room.page_size != page_size:
        room = _threads.room = Room(page_size)
    room.clear()
    return room


def _wrong_index(found: memoryview, expected: bytes, at: int) -> FormatError:
    """Return the error for what stands behind the pages, and is not the `expected` end and index."""
    common = min(len(found), len(expected))
    if found[:common] == expected[:common]:
        return FormatError(
            f"LTX file cut short in its page index, at {at + common} bytes", offset=at + common
        )
    different = np.frombuffer(found[:common], np.uint8) != np.frombuffer(expected[:common], np.uint8)
    return FormatError(
        "LTX page index does not agree with the pages", offset=at + int(np.flatnonzero(different)[0])
    )
