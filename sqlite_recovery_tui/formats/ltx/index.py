"""The page index of an LTX file: which page lies where, as three varints each, decoded all at once.

The index is followed by its own length and the trailer, so the end of a file is enough to read it:
`tail_length` says how much of the end is needed, `from_tail` reads it. The frames must fill the file
from the header to the index without a gap, so an index cannot point anywhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats.ltx.header import HEADER_SIZE

TRAILER_SIZE = 16
END_OF_PAGES = bytes(6)
"""A page header of zeros ends the pages."""
LENGTH_SIZE = 8
"""The index's own length stands behind it."""
TAIL_BYTES = 32 << 10
"""How much of a file's end Litestream fetches first; it holds the index of a few thousand pages."""
MIN_FILE_BYTES = HEADER_SIZE + len(END_OF_PAGES) + 1 + LENGTH_SIZE + TRAILER_SIZE

_VARINT_BYTES = 9  # 63 bits: no offset is larger, and nothing overflows
_MAX_PGNO = 0xFFFFFFFF
_COLUMNS = np.arange(_VARINT_BYTES)
_SHIFTS = (7 * _COLUMNS).astype(np.uint64)
_LARGER = np.uint64(1) << _SHIFTS[1:]

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PageIndex:
    """Where the frame of each page begins, in bytes of the file, and how long it is."""

    pgno: U32
    offset: U64
    length: U64

    def __len__(self) -> int:
        return len(self.pgno)

    @classmethod
    def empty(cls) -> PageIndex:
        """Return the index of no pages."""
        return cls(np.empty(0, np.uint32), np.empty(0, np.uint64), np.empty(0, np.uint64))

    @classmethod
    def join(cls, parts: Sequence[PageIndex]) -> PageIndex:
        """Return the entries of all `parts`, in order."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            np.concatenate([part.pgno for part in parts]),
            np.concatenate([part.offset for part in parts]),
            np.concatenate([part.length for part in parts]),
        )

    def slice(self, start: int, end: int) -> PageIndex:
        """Return the entries from number `start` up to, not including, number `end`."""
        return PageIndex(self.pgno[start:end], self.offset[start:end], self.length[start:end])

    def encode(self) -> bytes:
        """Return the index as it is stored, with its end mark and its length behind it."""
        return close(self.encode_entries()[0])

    def encode_entries(self) -> tuple[bytes, I64]:
        """Return the entries as they are stored, and at which byte of that each entry ends."""
        values = np.empty((len(self), 3), dtype=np.uint64)
        values[:, 0], values[:, 1], values[:, 2] = self.pgno, self.offset, self.length
        data, ends = encode_varints(values.ravel())
        return data, ends[2::3]


def close(entries: bytes) -> bytes:
    """Return the index block that holds `entries`: with its end mark and its length behind it."""
    return entries + b"\0" + (len(entries) + 1).to_bytes(LENGTH_SIZE, "big")


def parse(block: bytes | bytearray | memoryview, *, at: int = 0) -> PageIndex:
    """Read a whole index block: entries, end mark and length; `at` is where it begins in the file.

    Raises `FormatError` also when page numbers do not rise.
    """
    size = len(block) - LENGTH_SIZE
    if size < 1:
        raise FormatError("LTX page index cut short", offset=at)
    stored = int.from_bytes(block[size:], "big")
    if stored != size:
        raise FormatError(f"LTX page index says it is {stored} bytes long, and is {size}", offset=at + size)
    values = decode_varints(block[:size], at=at)
    if values[-1] or len(values) % 3 != 1:
        raise FormatError("LTX page index lacks its end mark", offset=at + size - 1)
    entries = values[:-1].reshape(-1, 3)
    pgno = entries[:, 0]
    if len(pgno) and (int(pgno.max()) > _MAX_PGNO or pgno[0] == 0 or (pgno[1:] <= pgno[:-1]).any()):
        raise FormatError("LTX page index whose page numbers do not rise", offset=at)
    return PageIndex(pgno.astype(np.uint32), entries[:, 1].copy(), entries[:, 2].copy())


def tail_length(tail: bytes | bytearray | memoryview, file_size: int) -> int:
    """Return how many bytes of the file's end hold the end of the pages, the index and the trailer.

    `tail` is the file's end, at least 24 bytes of it. Raises `FormatError`.
    """
    if len(tail) < LENGTH_SIZE + TRAILER_SIZE or file_size < MIN_FILE_BYTES:
        raise FormatError(f"LTX file cut short: {file_size} bytes")
    end = len(tail) - TRAILER_SIZE
    size = int.from_bytes(tail[end - LENGTH_SIZE : end], "big")
    length = len(END_OF_PAGES) + size + LENGTH_SIZE + TRAILER_SIZE
    if size < 1 or length > file_size - HEADER_SIZE:
        raise FormatError(
            f"LTX page index cannot be {size} bytes long in a file of {file_size}",
            offset=file_size - TRAILER_SIZE - LENGTH_SIZE,
        )
    return length


def from_tail(tail: bytes | bytearray | memoryview, file_size: int) -> PageIndex:
    """Read the index from the file's end, of which `tail` holds `tail_length` bytes or more.

    Raises `FormatError` also when the frames leave a gap, overlap, or do not end at the index, and
    `ValueError` when `tail` is too short.
    """
    length = tail_length(tail, file_size)
    if len(tail) < length:
        raise ValueError(f"the index needs {length} bytes of the file's end, not {len(tail)}")
    view = memoryview(tail)[len(tail) - length : len(tail) - TRAILER_SIZE]
    pages_end = file_size - length
    if view[: len(END_OF_PAGES)] != END_OF_PAGES:
        raise FormatError("LTX pages lack their end mark in front of the index", offset=pages_end)
    found = parse(view[len(END_OF_PAGES) :], at=pages_end + len(END_OF_PAGES))
    _check_places(found, pages_end)
    return found


def _check_places(index: PageIndex, pages_end: int) -> None:
    """Check that the frames follow each other from the header to `pages_end`."""
    expected = np.full(len(index) + 1, HEADER_SIZE, dtype=np.uint64)
    expected[1:] = index.offset + index.length  # each below 2^63
    actual = np.full(len(index) + 1, pages_end, dtype=np.uint64)
    actual[:-1] = index.offset
    wrong = np.flatnonzero(expected != actual)
    if len(wrong):
        place = int(wrong[0])
        what = f"page {index.pgno[place]}" if place < len(index) else "the end of the pages"
        raise FormatError(f"LTX page index has {what} at the wrong place", offset=int(expected[place]))


def encode_varints(values: U64) -> tuple[bytes, I64]:
    """Return `values` as unsigned LEB128, each as short as it can be, and where each one ends."""
    count = np.searchsorted(_LARGER, values, side="right") + 1
    most = int(count.max(initial=1))
    septets = (values[:, None] >> _SHIFTS[:most]).astype(np.uint8) | 0x80
    ends = np.cumsum(count)
    out = septets[_COLUMNS[:most] < count[:, None]]
    out[ends - 1] &= 0x7F
    return out.tobytes(), ends


def decode_varints(data: bytes | bytearray | memoryview, *, at: int = 0) -> U64:
    """Return the values that fill `data`; `at` is where it begins in the file.

    Raises `FormatError` for one cut short, longer than 9 bytes, or longer than its value needs.
    """
    raw: U8 = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(raw < 0x80)
    if not len(ends) or ends[-1] != len(raw) - 1:
        raise FormatError("LTX page index cut short inside a number", offset=at + len(raw))
    starts = np.empty_like(ends)
    starts[0] = 0
    starts[1:] = ends[:-1] + 1
    count = ends - starts + 1
    wrong: npt.NDArray[Any] = np.flatnonzero((count > _VARINT_BYTES) | ((count > 1) & (raw[ends] == 0)))
    if len(wrong):
        raise FormatError("LTX page index with a number spelt too long", offset=at + int(starts[wrong[0]]))
    values = (raw[starts] & 0x7F).astype(np.uint64)
    for k in range(1, int(count.max())):
        part = np.flatnonzero(count > k)
        values[part] |= (raw[starts[part] + k] & 0x7F).astype(np.uint64) << np.uint64(7 * k)
    return values
