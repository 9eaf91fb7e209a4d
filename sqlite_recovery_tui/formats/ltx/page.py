"""One page of an LTX file by itself, as its index entry places it.

No checksum covers a single page: that its frame is well formed, bears the right number and decodes to
exactly one page is all that can be told of it. Only the whole file can be verified.
"""

from __future__ import annotations

import struct

import lz4.block
import lz4.frame

from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats.ltx.frames import FRAMED, SIZED

_HEAD = struct.Struct(">IH")
_LENGTH = struct.Struct(">I")


def decode_page(frame: bytes, pgno: int, page_size: int) -> bytes:
    """Return the page that `frame` holds; raise `FormatError` when it is not page `pgno`, whole."""
    if len(frame) <= SIZED.block:
        raise FormatError(f"LTX page {pgno} cannot take {len(frame)} bytes")
    found, flags = _HEAD.unpack_from(frame)
    if found != pgno:
        raise FormatError(f"LTX page index places page {pgno} where page {found} is")
    if flags == SIZED.flags:
        page = _sized(frame, page_size)
    elif flags == FRAMED.flags:
        page = _framed(frame, page_size)
    else:
        raise FormatError(f"LTX page {pgno} with unknown flags {flags:#x}", offset=4)
    if len(page) != page_size:
        raise FormatError(f"LTX page {pgno} cannot be decoded", offset=SIZED.head)
    return page


def _sized(frame: bytes, page_size: int) -> bytes:
    (length,) = _LENGTH.unpack_from(frame, SIZED.head - _LENGTH.size)
    if length != len(frame) - SIZED.block:
        return b""
    try:
        return bytes(lz4.block.decompress(frame[SIZED.block :], uncompressed_size=page_size))
    except lz4.block.LZ4BlockError:
        return b""


def _framed(frame: bytes, page_size: int) -> bytes:
    decoder = lz4.frame.LZ4FrameDecompressor()
    try:
        page = bytes(decoder.decompress(frame[FRAMED.head :], max_length=page_size + 1))
    except RuntimeError:
        return b""
    return page if decoder.eof and not decoder.unused_data else b""
