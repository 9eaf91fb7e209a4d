"""Read an LTX file of any size in bounded memory, in order, and with several threads if wanted.

One thread:

    reader = LtxReader(source)               # reads the header
    for chunk in reader.chunks(): ...        # pages in order, valid until the next chunk

Several threads: the owner of the reader cuts and accepts, in the order of the file; others decode.

    while reader.cut(room := free.pop()):    # a Room of reader.new_room(), its frames copied into it
        running.append(pool.submit(reader.decode, room))
        ...
        chunk = running.popleft().result()
        reader.accept(chunk)                     # in the order in which they were cut
        free.append(chunk.room)                  # once the pages are no longer needed
    reader.finish()                          # index, trailer, checksum, end

Pages are only as good as the file: none of them can be trusted before `finish`, which `chunks` calls
at its end. A source is anything with `fill(view) -> int`, which returns fewer bytes only at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats.ltx.crc import combine, crc64
from sqlite_recovery_tui.formats.ltx.frames import Walker, frame_bound
from sqlite_recovery_tui.formats.ltx.header import HEADER_SIZE, Header
from sqlite_recovery_tui.formats.ltx.index import END_OF_PAGES, LENGTH_SIZE, TRAILER_SIZE, U8, U32
from sqlite_recovery_tui.formats.ltx.pages import CHUNK_BYTES, Room, Rows, room_pages
from sqlite_recovery_tui.formats.ltx.trailer import Trailer


class Source(Protocol):
    """Where a file's bytes come from, in order."""

    def fill(self, view: memoryview, /) -> int:
        """Copy the next bytes into `view`; return how many there were, fewer only at the end."""
        ...


class Memory:
    """A file that is in memory, as a source."""

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        """Read `data` from its start."""
        self._rest = memoryview(data)

    def fill(self, view: memoryview, /) -> int:
        """Copy the next bytes into `view`; return how many there were."""
        count = min(len(view), len(self._rest))
        view[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


@dataclass(frozen=True, slots=True)
class PageChunk:
    """Consecutive pages of a file, and what the reader needs of them to verify the whole."""

    rows: Rows
    room: Room
    """Where the pages are; they last until it is used again."""
    crc: int
    entries: bytes
    """The pages' part of the page index, as it must be stored."""
    database_sum: int
    """Of the page checksums, where the file keeps a checksum of the database."""

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def pgno(self) -> U32:
        return self.rows.index.pgno

    @property
    def pages(self) -> U8:
        """The pages, of shape (n, page size); rows do not touch in memory."""
        return self.rows.pages

    def packed(self) -> U8:
        """Return a copy of the pages without gaps, ready to be written; it lasts as long as they do."""
        return self.room.pack(self.rows)


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a file was read: all that is needed to go on from there with `LtxReader.resume`."""

    header: str
    """In hex digits."""
    position: int
    """Where the first frame begins that was not accepted yet."""
    pages: int
    last: int
    """Number of the last page."""
    crc: int
    entries_crc: int
    entries_size: int
    database_sum: int


class LtxReader:
    """Cut one file into chunks of pages, and verify it; every fault is a `FormatError` with its place."""

    header: Header

    def __init__(self, source: Source) -> None:
        """Read the header from `source`; raise `FormatError`."""
        start = memoryview(bytearray(HEADER_SIZE))
        self._begin(source, start[: source.fill(start)])

    @classmethod
    def resume(cls, source: Source, mark: Mark) -> LtxReader:
        """Go on behind the pages of `mark`; the source begins at its position."""
        reader = cls.__new__(cls)
        reader._begin(source, memoryview(bytes.fromhex(mark.header)))
        reader._base = mark.position
        reader._walker = Walker(reader.header, mark.pages, False, mark.last)
        reader._accepted = mark
        return reader

    def _begin(self, source: Source, start: memoryview) -> None:
        self._source = source
        self.header = Header.parse(start)
        self._chunk_pages = room_pages(self.header.page_size)
        self._likely = frame_bound(self.header.page_size) + self._chunk_pages * self.header.page_size // 2
        self._base = HEADER_SIZE
        self._rest = memoryview(b"")
        self._walker = Walker(self.header)
        self._tracked = self.header.is_base and self.header.has_database_checksum
        self._accepted = Mark(start.hex(), HEADER_SIZE, 0, 0, crc64(start), 0, 0, 0)

    @property
    def mark(self) -> Mark:
        """How far chunks were accepted."""
        return self._accepted

    @property
    def position(self) -> int:
        """How many bytes of the file were cut so far."""
        return self._base

    @property
    def pages(self) -> int:
        """How many pages were cut so far."""
        return self._walker.pages

    def new_room(self) -> Room:
        """Return a room that `cut` can fill."""
        return Room(self.header.page_size, self._chunk_pages)

    def chunks(self) -> Iterator[PageChunk]:
        """Yield all pages in order, each chunk until the next, and verify the whole file at the end."""
        room = self.new_room()
        while self.cut(room):
            chunk = self.decode(room)
            self.accept(chunk)
            yield chunk
        self.finish()

    def cut(self, room: Room) -> bool:
        """Read the next frames into `room`; return False when there are no more pages."""
        space, filled = room.space, 0
        for wanted in (self._likely, len(space)):
            filled += self._read(space[filled:wanted])
            run = self._walker.walk(space[:filled], 0, room.capacity, self._base)
            if run is not None or self._walker.ended:
                break
        if run is None and not self._walker.ended:
            raise FormatError(
                f"LTX file cut short inside its pages, at {self._base + filled} bytes", offset=self._base
            )
        used = run.end - self._base if run is not None else 0
        self._rest = memoryview(bytes(space[used:filled]) + self._rest)
        self._base += used
        if run is None:
            return False
        room.take(run)
        # Whatever is read beyond what the room takes has to be moved to the next one.
        self._likely = frame_bound(self.header.page_size) + used * room.capacity // len(run)
        return True

    def decode(self, room: Room) -> PageChunk:
        """Decode the frames in `room`. Runs beside other threads, with a room of its own each."""
        rows = room.decode()
        entries, _ = rows.index.encode_entries()
        total = rows.database_sum() if self._tracked else 0
        return PageChunk(rows, room, crc64(rows.covered), entries, total)

    def accept(self, chunk: PageChunk) -> None:
        """Take the next decoded chunk, in the order of the file, into the checksums."""
        before, index = self._accepted, chunk.rows.index
        self._accepted = Mark(
            before.header,
            int(index.offset[-1] + index.length[-1]),
            before.pages + len(chunk),
            int(index.pgno[-1]),
            combine(before.crc, chunk.crc, len(chunk.rows.covered)),
            crc64(chunk.entries, before.entries_crc),
            before.entries_size + len(chunk.entries),
            before.database_sum ^ chunk.database_sum,
        )

    def finish(self) -> Trailer:
        """Verify all that stands behind the pages, and the checksums, once all chunks were accepted."""
        crc = self._check_entries()
        start = self.position
        end = self._take(1 + LENGTH_SIZE)
        if end != b"\0" + (self._accepted.entries_size + 1).to_bytes(LENGTH_SIZE, "big"):
            raise FormatError("LTX page index is not as long as its pages need", offset=start)
        at = self.position
        stored = self._take(TRAILER_SIZE)
        trailer = Trailer.parse(stored, self.header, at=at)
        trailer.check(crc64(stored[:8], crc64(end, crc)), at=at)
        if self._tracked:
            trailer.check_database(self._accepted.database_sum, at=at)
        if self._read(memoryview(bytearray(1))):
            raise FormatError("LTX file goes on behind its trailer", offset=at + TRAILER_SIZE)
        return trailer

    def _check_entries(self) -> int:
        """Check that the stored index has the entries that follow from the pages; return the CRC so far."""
        crc = crc64(self._take(len(END_OF_PAGES)), self._accepted.crc)
        start, left = self.position, self._accepted.entries_size
        stored = 0
        while left:
            piece = self._take(min(left, CHUNK_BYTES))
            stored = crc64(piece, stored)
            crc = crc64(piece, crc)
            left -= len(piece)
        if stored != self._accepted.entries_crc:
            raise FormatError("LTX page index does not agree with the pages", offset=start)
        return crc

    def _take(self, count: int) -> bytes:
        """Return the next `count` bytes; raise `FormatError` at the end."""
        piece = bytearray(count)
        found = self._read(memoryview(piece))
        if found < count:
            end = self._base + found
            raise FormatError(f"LTX file cut short behind its pages, at {end} bytes", offset=end)
        self._base += count
        return bytes(piece)

    def _read(self, view: memoryview) -> int:
        """Copy the next bytes into `view`; return how many there were, fewer only at the end."""
        count = min(len(view), len(self._rest))
        view[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count + self._source.fill(view[count:]) if count < len(view) else count
