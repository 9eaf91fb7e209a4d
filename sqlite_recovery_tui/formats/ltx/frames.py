"""Page frames of an LTX file: their two spellings, and a walk from one to the next.

Litestream v0.5.16 and later writes a page number, flags of 1, a length and one LZ4 block. Earlier ones
write a page number, flags of 0 and an LZ4 frame of one block. Which it is, each page says for itself;
a run is a stretch of pages of the same spelling.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats.ltx.header import Header

STORED = 0x80000000
"""Set in the length of an LZ4 block that is stored as it is."""
LZ4_HEADER = bytes.fromhex("04224d186440a7")
"""Of the frame around a page: independent blocks of at most 64 KiB, and a content checksum."""
MIN_WALK = 10
"""Bytes behind a page's frame that must be at hand to tell what follows; every file has more."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """How one kind of page frame is laid out, in bytes."""

    flags: int
    head: int
    """How much of the frame's start the file checksum covers."""
    block: int
    """Where the LZ4 block begins; its length stands in the 4 bytes before."""
    foot: int
    """What stands behind the block: an end mark and a content checksum."""


SIZED: Final = Spelling(flags=1, head=10, block=10, foot=0)
FRAMED: Final = Spelling(flags=0, head=6, block=17, foot=8)
SPELLINGS = {spelling.flags: spelling for spelling in (SIZED, FRAMED)}

_HEAD = struct.Struct(">IHI")
_BLOCK_LENGTH = struct.Struct("<I")


@dataclass(slots=True)
class Run:
    """Whole frames of one spelling, one behind the other, in a buffer that holds part of a file."""

    spelling: Spelling
    pgno: array[int]
    offset: array[int]
    """Where each frame begins in the file."""
    end: int
    """Where the last frame ends in the file."""
    base: int
    """Where in the file the buffer begins."""

    def __len__(self) -> int:
        return len(self.pgno)

    def split(self, most: int) -> Iterator[Run]:
        """Yield the run in parts of at most `most` frames."""
        if len(self) <= most:
            yield self
            return
        for start in range(0, len(self), most):
            end = self.offset[start + most] if start + most < len(self) else self.end
            part = slice(start, start + most)
            yield Run(self.spelling, self.pgno[part], self.offset[part], end, self.base)


def block_bound(page_size: int) -> int:
    """Return how long the LZ4 block of one page can be at most: a page that cannot be compressed."""
    return page_size + page_size // 255 + 16


def frame_bound(page_size: int) -> int:
    """Return how long a page's frame can be at most, in either spelling."""
    return block_bound(page_size) + max(spelling.block + spelling.foot for spelling in (SIZED, FRAMED))


@dataclass(slots=True)
class Walker:
    """Find the frames of one file, in order, and check their page numbers; stops at the pages' end."""

    header: Header
    pages: int = 0
    """Pages found so far."""
    ended: bool = False
    """Whether the six zero bytes behind the last page were reached."""
    _last: int = 0

    def walk(self, data: bytes | bytearray | memoryview, at: int, most: int, base: int = 0) -> Run | None:
        """Return the run of at most `most` whole frames that begins at `at`; None when there is none.

        Byte 0 of `data` is byte `base` of the file, as errors count. Raises `FormatError` for a frame
        that breaks a rule, also when only its start is there.
        """
        header, last = self.header, self._last
        commit, lock = header.commit, header.lock_page
        bound = block_bound(header.page_size)
        pgnos, offsets = array("Q"), array("Q")
        spelling: Spelling | None = None
        unpack = _HEAD.unpack_from
        stop = len(data) - MIN_WALK
        for _ in range(most):
            if at > stop:
                break
            pgno, flags, length = unpack(data, at)
            if not (pgno or flags):
                self.ended = True
                break
            if spelling is None:
                spelling = _spelling(flags, base + at)
            elif flags != spelling.flags:
                break
            if not last < pgno <= commit or pgno == lock:
                raise FormatError(self._wrong_page(pgno, last), offset=base + at)
            if flags == 0:
                if at + FRAMED.block > len(data):
                    break
                if data[at + 6 : at + 13] != LZ4_HEADER:
                    raise FormatError(
                        f"LTX page {pgno} in an LZ4 frame of an unknown kind", offset=base + at + 6
                    )
                length = _BLOCK_LENGTH.unpack_from(data, at + 13)[0] & ~STORED
            if not 0 < length <= bound:
                raise FormatError(
                    f"LTX page {pgno} cannot take {length} bytes", offset=base + at + spelling.block - 4
                )
            following = at + spelling.block + length + spelling.foot
            if following > len(data):
                break
            pgnos.append(pgno)
            offsets.append(base + at)
            last, at = pgno, following
        self._last = last
        self.pages += len(offsets)
        if self.ended:
            self._check_whole(base + at)
        return Run(spelling, pgnos, offsets, base + at, base) if spelling is not None and offsets else None

    def _check_whole(self, at: int) -> None:
        """Raise `FormatError` when this is a base, and has not all pages of the database."""
        if self.header.is_base and self.pages != self.header.base_pages:
            raise FormatError(
                f"LTX base holds {self.pages} of the database's {self.header.base_pages} pages", offset=at
            )

    def _wrong_page(self, pgno: int, last: int) -> str:
        header = self.header
        if pgno == 0:
            return "LTX page without a number"
        if pgno <= last:
            return f"LTX page {pgno} stands behind page {last}"
        if pgno > header.commit:
            return f"LTX page {pgno} lies outside of a database of {header.commit} pages"
        return f"LTX file holds page {pgno}, which SQLite never stores"


def _spelling(flags: int, at: int) -> Spelling:
    spelling = SPELLINGS.get(flags)
    if spelling is None:
        raise FormatError(f"LTX page with unknown flags {flags:#x}", offset=at + 4)
    return spelling
