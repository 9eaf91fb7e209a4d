"""Decode many pages with one call into C, and give the bytes that the file checksum covers.

Each page is an LZ4 block of its own. A `Room` turns a run of page frames, in place, into one LZ4 frame
(format 1.6) of independent blocks: the length in front of each page's block becomes the frame's block
length, and what else stands between two blocks becomes a short block that is stored uncompressed. One
call then decodes all pages while other threads run. Nothing grows beyond the room: the frame states
how long it is, and the decoder stops there.

The content checksum that early versions put behind each page is not looked at: the file checksum
covers the page itself.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cramjam
import lz4.block
import numpy as np
import numpy.typing as npt
import xxhash

from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats.ltx.crc import page_checksum
from sqlite_recovery_tui.formats.ltx.frames import (
    FRAMED,
    LZ4_HEADER,
    MIN_WALK,
    SIZED,
    STORED,
    Run,
    Spelling,
    block_bound,
    frame_bound,
)
from sqlite_recovery_tui.formats.ltx.index import I64, U8, U64, PageIndex

CHUNK_BYTES = 2 << 20
"""Pages of about this much are decoded at once: of more the caches lose sight, fewer are not worth a call."""

_CARRIER_HEADER = 15  # an LZ4 frame header that states the content's size
_CARRIER_DESCRIPTOR = struct.Struct("<BBQ")
_CARRIER_FLAGS = 0x68  # version 1, independent blocks, content size, no checksums
_WORD = 4
_LEAD = _CARRIER_HEADER + FRAMED.foot

_PATCH = np.dtype([("stored", "<u4"), ("mark", "<u2"), ("length", "<u4")])
_SIZED_HEAD = np.dtype([("pgno", ">u4"), ("flags", ">u2"), ("length", ">u4")])
_FRAMED_HEAD = np.dtype([("pgno", ">u4"), ("flags", ">u2")])


@dataclass(frozen=True, slots=True)
class Rows:
    """Decoded pages, each behind the start of its frame: together the bytes the file checksum covers."""

    index: PageIndex
    head: int
    """Bytes in front of each page."""
    data: U8
    """Shape (pages, head + page size)."""

    def __len__(self) -> int:
        return len(self.data)

    @property
    def covered(self) -> memoryview:
        """All bytes, in the order in which the file checksum covers them."""
        return self.data.reshape(-1).data

    @property
    def pages(self) -> U8:
        """The pages alone, of shape (pages, page size); a view whose rows do not touch."""
        return self.data[:, self.head :]

    def slice(self, start: int, end: int) -> Rows:
        """Return the rows from number `start` up to, not including, number `end`."""
        return Rows(self.index.slice(start, end), self.head, self.data[start:end])

    def database_sum(self) -> int:
        """Return the sum of the page checksums; the database's checksum is the sum over all pages."""
        total = 0
        for pgno, page in zip(self.index.pgno.tolist(), self.pages, strict=True):
            total ^= page_checksum(pgno, page.data)
        return total


def room_pages(page_size: int) -> int:
    """Return how many pages are worth one call."""
    return max(16, CHUNK_BYTES // page_size)


class Room:
    """Buffers for one chunk of pages, used again and again; for one thread at a time."""

    def __init__(self, page_size: int, pages: int = 0) -> None:
        """Make room for `pages` pages of `page_size` bytes; 0: as many as are worth one call."""
        self.page_size = page_size
        self.capacity = pages or room_pages(page_size)
        packed = _LEAD + self.capacity * frame_bound(page_size) + MIN_WALK
        self._packed: U8 = np.empty(packed, dtype=np.uint8)
        self._plain: U8 = np.empty(self.capacity * (page_size + _gap(FRAMED)), dtype=np.uint8)
        self._rows: U8 = np.empty(0, dtype=np.uint8)
        self.clear()

    def __len__(self) -> int:
        return len(self._pgno)

    def clear(self) -> None:
        """Forget all frames."""
        self._spelling = SIZED
        self._pgno = array("Q")
        self._offset = array("Q")
        self._moved: list[int] = []
        self._counts: list[int] = []
        self._end = _LEAD

    @property
    def space(self) -> memoryview:
        """Where frames can be put for `take`: as many as there is room for, and what follows them."""
        return self._packed[_LEAD:].data

    def take(self, run: Run) -> None:
        """Take the frames of `run`, which stand at the start of the space, and nothing else."""
        self.clear()
        self._add(run)

    def load(self, data: bytes | bytearray | memoryview, run: Run) -> None:
        """Copy the frames of `run` out of `data`, behind those here, which have the same spelling."""
        start, length = run.offset[0], run.end - run.offset[0]
        source = np.frombuffer(data, dtype=np.uint8, count=length, offset=start - run.base)
        self._packed[self._end : self._end + length] = source
        self._add(run)

    def _add(self, run: Run) -> None:
        """Note frames that are in the room, behind those that were noted before."""
        start, length = run.offset[0], run.end - run.offset[0]
        self._spelling = run.spelling
        self._moved.append(start - self._end)
        self._counts.append(len(run.offset))
        self._pgno.extend(run.pgno)
        self._offset.extend(run.offset)
        self._end += length

    def decode(self, rows: U8 | None = None) -> Rows:
        """Decode all frames; raise `FormatError` for the first page that is none.

        The rows are made in `rows` if given, of shape (pages, head + page size), else in this room,
        where they last until it is used again. Runs beside other threads.
        """
        spelling = self._spelling
        pgno = np.frombuffer(self._pgno, dtype=np.uint64)
        offset = np.frombuffer(self._offset, dtype=np.uint64)
        place = self._places(offset)
        length = np.empty(len(place), dtype=np.uint64)
        length[:-1] = place[1:] - place[:-1]
        length[-1] = self._end - place[-1]
        index = PageIndex(pgno.astype(np.uint32), offset, length)
        if rows is None:
            rows = self._own_rows(spelling)
        found = Rows(index, spelling.head, rows)
        _write_heads(spelling, index, rows)
        plain = self._decode_at_once(spelling, index, place)
        if plain is not None and self._fits(spelling, index, plain):
            found.pages[:] = plain[:, _gap(spelling) :]
        else:
            self._decode_one_by_one(spelling, found, place)
        return found

    def pack(self, rows: Rows) -> U8:
        """Return the pages of `rows`, which this room decoded, without gaps, as they lie in a database.

        They last until the room is used again.
        """
        packed = self._plain[: len(rows) * self.page_size].reshape(len(rows), self.page_size)
        packed[:] = rows.pages
        return packed

    def _own_rows(self, spelling: Spelling) -> U8:
        count, width = len(self), spelling.head + self.page_size
        if not len(self._rows):
            self._rows = np.empty(self.capacity * (SIZED.head + self.page_size), dtype=np.uint8)
        return self._rows[: count * width].reshape(count, width)

    def _places(self, offset: U64) -> I64:
        """Return where in this room each frame begins."""
        place: I64 = offset.astype(np.int64)
        place -= self._moved[0] if len(self._moved) == 1 else np.repeat(self._moved, self._counts)
        return place

    def _decode_at_once(self, spelling: Spelling, index: PageIndex, place: I64) -> U8 | None:
        """Return each page behind the bytes between the blocks; None when some page is damaged."""
        start, end = _LEAD - spelling.foot, self._end - spelling.foot
        if spelling is FRAMED:
            self._check_end_marks(index, place)
        self._patch(spelling, index, place)
        size = len(index) * (_gap(spelling) + self.page_size)
        self._packed[start - _CARRIER_HEADER : start] = _carrier_header(self.page_size, size)
        self._packed[end : end + _WORD] = 0
        carrier = self._packed[start - _CARRIER_HEADER : end + _WORD]
        plain = self._plain[:size]
        try:
            written = cramjam.lz4.decompress_into(carrier.data, plain.data)
        except cramjam.DecompressionError:
            return None
        return plain.reshape(len(index), -1) if written == size else None

    def _patch(self, spelling: Spelling, index: PageIndex, place: I64) -> None:
        """Turn what stands in front of each block into a stored block and the block's length."""
        if spelling is SIZED:
            patch = np.empty(len(index), dtype=_PATCH)
            patch["stored"] = STORED | _gap(SIZED)
            patch["mark"] = index.pgno
            patch["length"] = index.length - np.uint64(SIZED.block)
            self._at_any_byte(_PATCH)[place] = patch
        else:
            self._at_any_byte(np.dtype("<u4"))[place - FRAMED.foot] = STORED | _gap(FRAMED)

    def _fits(self, spelling: Spelling, index: PageIndex, plain: U8) -> bool:
        """Tell whether what stood between the blocks stands between the pages: each has its full size."""
        between = plain[:, : _gap(spelling)]
        if spelling is SIZED:
            return bool((between.copy().view("<u2")[:, 0] == index.pgno.astype(np.uint16)).all())
        heads = np.empty((len(index), FRAMED.head), dtype=np.uint8)
        _write_heads(FRAMED, index, heads)
        return bool((between[:, 4:10] == heads).all())

    def _check_end_marks(self, index: PageIndex, place: I64) -> None:
        marks = self._at_any_byte(np.dtype("<u4"))[place + index.length.astype(np.int64) - FRAMED.foot]
        wrong = np.flatnonzero(marks)
        if len(wrong):
            page = int(wrong[0])
            end = int(index.offset[page] + index.length[page]) - FRAMED.foot
            raise FormatError(f"LTX page {index.pgno[page]}: its LZ4 frame lacks its end mark", offset=end)

    def _at_any_byte(self, kind: np.dtype[Any]) -> npt.NDArray[Any]:
        """View the packed bytes as overlapping items, one at each byte."""
        return np.ndarray((len(self._packed) - kind.itemsize + 1,), kind, self._packed, 0, (1,))

    def _decode_one_by_one(self, spelling: Spelling, found: Rows, place: I64) -> None:
        """Decode what could not be decoded at once; raise `FormatError` for the first damaged page."""
        pages = found.pages
        for i, (pgno, at, length) in enumerate(
            zip(found.index.pgno.tolist(), place.tolist(), found.index.length.tolist(), strict=True)
        ):
            frame = self._packed[at : at + length].tobytes()
            offset = int(found.index.offset[i])
            page = _decode_block(frame, spelling, self.page_size)
            if len(page) != self.page_size:
                raise FormatError(f"LTX page {pgno} cannot be decoded", offset=offset + spelling.block)
            pages[i] = np.frombuffer(page, dtype=np.uint8)


def _gap(spelling: Spelling) -> int:
    """Return what lies between the blocks of two pages, without the two lengths that stand there."""
    return spelling.foot + spelling.block - 2 * _WORD


def _write_heads(spelling: Spelling, index: PageIndex, rows: U8) -> None:
    """Write the start of each frame, as the checksum covers it, in front of its page."""
    heads = np.empty(len(index), dtype=_SIZED_HEAD if spelling is SIZED else _FRAMED_HEAD)
    heads["pgno"] = index.pgno
    heads["flags"] = spelling.flags
    if spelling is SIZED:
        heads["length"] = index.length - np.uint64(SIZED.block)
    rows[:, : spelling.head] = heads.view(np.uint8).reshape(len(index), spelling.head)


@lru_cache(maxsize=64)
def _carrier_header(page_size: int, content: int) -> U8:
    """Return the header of an LZ4 frame of blocks that hold a page each, `content` bytes in all."""
    block_max = 4 if block_bound(page_size) <= 64 << 10 else 5
    descriptor = _CARRIER_DESCRIPTOR.pack(_CARRIER_FLAGS, block_max << 4, content)
    check = xxhash.xxh32_intdigest(descriptor) >> 8 & 0xFF
    return np.frombuffer(LZ4_HEADER[:4] + descriptor + bytes([check]), dtype=np.uint8)


def _decode_block(frame: bytes, spelling: Spelling, page_size: int) -> bytes:
    """Decode a single page; return something of another length when it is damaged."""
    block = frame[spelling.block : len(frame) - spelling.foot]
    if spelling is FRAMED and frame[spelling.block - 1] & 0x80:
        return block
    try:
        return bytes(lz4.block.decompress(block, uncompressed_size=page_size))
    except lz4.block.LZ4BlockError:
        return b""
