"""Write LTX files that Litestream restores, at once or page by page.

    encode_file(header, pgno, pages) -> bytes
    writer = LtxWriter(header);  writer.begin() + writer.add(pgno, pages) + ... + writer.end()

`SIZED` is what Litestream v0.5.16 and later writes, `FRAMED` what earlier ones wrote; the later ones
read both. A file that would break a rule of the format is our own fault, and a `ValueError`.
"""

from __future__ import annotations

import struct

import lz4.block
import numpy as np
import xxhash

from sqlite_recovery_tui.formats.ltx.crc import crc64, page_checksum, seal
from sqlite_recovery_tui.formats.ltx.frames import LZ4_HEADER, SIZED, STORED, Spelling
from sqlite_recovery_tui.formats.ltx.header import HEADER_SIZE, SEAL, Header
from sqlite_recovery_tui.formats.ltx.index import END_OF_PAGES, U8, U32, PageIndex


def encode_file(
    header: Header, pgno: U32, pages: U8, *, spelling: Spelling = SIZED, post_apply: int = 0
) -> bytes:
    """Return the file that holds `pages`, of shape (n, page size), under the numbers `pgno`.

    `post_apply` is as for `LtxWriter.end`.
    """
    writer = LtxWriter(header, spelling)
    return b"".join((writer.begin(), writer.add(pgno, pages), writer.end(post_apply)))


class LtxWriter:
    """Encode one file in order, holding no more than its page index."""

    def __init__(self, header: Header, spelling: Spelling = SIZED) -> None:
        """Write a file with this header, its pages in this spelling."""
        self.header = header
        self._spelling = spelling
        self._crc = 0
        self._at = HEADER_SIZE
        self._index: list[PageIndex] = []
        self._last = 0
        self._pages = 0
        self._database_sum = 0

    def begin(self) -> bytes:
        """Return the file's start."""
        start = self.header.encode()
        self._crc = crc64(start)
        return start

    def add(self, pgno: U32, pages: U8) -> bytes:
        """Return the frames of `pages`, whose numbers rise and lie behind those added before."""
        self._check(pgno, pages)
        frames = [
            self._frame(number, page.tobytes()) for number, page in zip(pgno.tolist(), pages, strict=True)
        ]
        lengths = np.array([len(frame) for frame in frames], dtype=np.uint64)
        offsets = np.uint64(self._at) + np.cumsum(lengths) - lengths
        self._index.append(PageIndex(pgno.astype(np.uint32), offsets, lengths))
        self._at += int(lengths.sum())
        return b"".join(frames)

    def end(self, post_apply: int = 0) -> bytes:
        """Return the file's end.

        Where the header's flags promise a database checksum, that of a base follows from its pages;
        for any other file it is `post_apply`.
        """
        if self.header.is_base and self._pages != self.header.base_pages:
            raise ValueError(f"a base of {self.header.base_pages} pages was given {self._pages}")
        if not self.header.has_database_checksum:
            post_apply = 0
        elif self.header.is_base:
            post_apply = seal(self._database_sum)
        elif not post_apply & SEAL:
            raise ValueError("the header promises a database checksum, and none was given")
        index = PageIndex.join(self._index) if self._index else PageIndex.empty()
        end = END_OF_PAGES + index.encode() + post_apply.to_bytes(8, "big")
        return end + seal(crc64(end, self._crc)).to_bytes(8, "big")

    def _frame(self, pgno: int, page: bytes) -> bytes:
        block = bytes(lz4.block.compress(page, store_size=False))
        head = struct.pack(">IH", pgno, self._spelling.flags)
        if self._spelling is SIZED:
            head += struct.pack(">I", len(block))
            frame = head + block
        else:
            frame = head + _lz4_frame(page, block)
        self._crc = crc64(page, crc64(head, self._crc))
        if self.header.has_database_checksum:
            self._database_sum ^= page_checksum(pgno, page)
        return frame

    def _check(self, pgno: U32, pages: U8) -> None:
        header = self.header
        if pages.shape != (len(pgno), header.page_size):
            raise ValueError(f"{len(pgno)} pages of {header.page_size} bytes cannot have shape {pages.shape}")
        numbers = np.concatenate(([self._last], pgno)).astype(np.int64)
        if (
            (np.diff(numbers) <= 0).any()
            or numbers[-1] > header.commit
            or (numbers == header.lock_page).any()
        ):
            raise ValueError(
                f"page numbers that do not rise, or that no database of {header.commit} pages stores"
            )
        self._last = int(numbers[-1])
        self._pages += len(pgno)


def _lz4_frame(page: bytes, block: bytes) -> bytes:
    """Return the LZ4 frame around one page; what cannot be compressed is stored as it is."""
    word = len(block)
    if len(block) >= len(page):
        block, word = page, len(page) | STORED
    return b"".join(
        (
            LZ4_HEADER,
            struct.pack("<I", word),
            block,
            bytes(4),
            struct.pack("<I", xxhash.xxh32_intdigest(page)),
        )
    )
