"""LZ4 frames (LZ4 frame format 1.6): headers, a walk over blocks, and bounded decoding.

Litestream writes one frame per object: independent blocks of 4 MiB and a content checksum. The blocks
of such a frame can be decoded one by one, in parallel; every other legal frame goes through liblz4.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import lz4.block
import lz4.frame
import xxhash

from sqlite_recovery_tui.errors import FormatError

MAGIC = 0x184D2204
BLOCK_BYTES = 4 << 20
"""Uncompressed bytes in each block that Litestream writes, the last one excepted."""
MAX_RATIO = 256
"""No LZ4 block grows more than this many times when it is decoded."""

_SKIPPABLE = range(0x184D2A50, 0x184D2A60)
_BLOCK_MAX = {4: 64 << 10, 5: 256 << 10, 6: 1 << 20, 7: 4 << 20}
_STORED = 0x80000000


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """What a frame says of itself; `size` is the header's own length in bytes."""

    size: int
    block_max: int
    independent_blocks: bool
    block_checksums: bool
    content_checksum: bool
    content_size: int | None

    @property
    def is_parallel(self) -> bool:
        """True when blocks can be decoded one by one, in any order."""
        return self.independent_blocks and not self.block_checksums


def header_size(data: bytes | memoryview) -> int:
    """Return how long the header is that begins with these 7 bytes or more."""
    if len(data) < 7:
        raise FormatError(f"LZ4 frame cut short in its header: {len(data)} bytes")
    return 7 + (8 if data[4] & 0x08 else 0) + (4 if data[4] & 0x01 else 0)


def parse_header(data: bytes | memoryview) -> FrameHeader:
    """Read a frame header; raise `FormatError` when there is none, or not a whole one."""
    size = header_size(data)
    (magic, flags, descriptor) = struct.unpack_from("<IBB", data)
    if magic != MAGIC:
        raise FormatError(_not_a_frame(bytes(data[:32])))
    if flags >> 6 != 1 or flags & 0x02 or descriptor & 0x8F or descriptor >> 4 not in _BLOCK_MAX:
        raise FormatError("LZ4 frame header with an unknown version or reserved bits", offset=4)
    if len(data) < size:
        raise FormatError(f"LZ4 frame cut short in its header: {len(data)} of {size} bytes")
    return FrameHeader(
        size=size,
        block_max=_BLOCK_MAX[descriptor >> 4],
        independent_blocks=bool(flags & 0x20),
        block_checksums=bool(flags & 0x10),
        content_checksum=bool(flags & 0x04),
        content_size=struct.unpack_from("<Q", data, 6)[0] if flags & 0x08 else None,
    )


def block_length(word: int, header: FrameHeader) -> tuple[int, bool]:
    """Return a block's length in bytes and whether it is stored uncompressed, from its first word.

    A length of 0 is the frame's end mark. Raises `FormatError` for a length the frame does not allow.
    """
    length = word & ~_STORED
    if length > header.block_max:
        raise FormatError(f"LZ4 block of {length} bytes is larger than its frame allows")
    return length, bool(word & _STORED)


def decompress(data: bytes | memoryview, *, max_bytes: int) -> bytes:
    """Decode all frames in `data`, at most `max_bytes` of output; raise `FormatError`.

    Block and content checksums are verified where the frame has them.
    """
    parts: list[bytes] = []
    rest = memoryview(data)
    room = max_bytes
    context = lz4.frame.create_decompression_context()
    while True:
        part, length = _decode_frame(context, rest, room)
        parts.append(part)
        room -= len(part)
        rest = rest[length:]
        if not len(rest):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _decode_frame(context: Any, data: memoryview, room: int) -> tuple[bytes, int]:
    """Return what the frame at the start of `data` decodes to, and how many bytes it is long."""
    if not len(data):
        raise FormatError("object is empty: no LZ4 frame")
    if int.from_bytes(data[:4], "little") not in _SKIPPABLE:
        parse_header(data)
    # The decoder allocates all it may return, so the bound is no larger than this input can need.
    bound = min(room + 1, len(data) * MAX_RATIO + BLOCK_BYTES)
    try:
        part, length, whole = lz4.frame.decompress_chunk(context, data, max_length=bound)
    except RuntimeError as error:
        raise FormatError(f"LZ4 frame cannot be decoded: {reason(error)}") from None
    if len(part) > room:
        raise FormatError(f"LZ4 frame decodes to more than the {room} bytes allowed here")
    if not whole:
        raise FormatError("LZ4 frame cut short: its end mark or content checksum is missing")
    return part, length


def compress(data: bytes | memoryview) -> bytes:
    """Encode `data` as the single frame that Litestream v0.3 writes and reads."""
    return b"".join(compress_pieces((data,)))


def compress_pieces(pieces: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """Encode pieces as the one frame that Litestream v0.3 writes, without holding the whole.

    Encoding in one call would choose smaller blocks for small data.
    """
    encoder = lz4.frame.LZ4FrameCompressor(
        block_size=lz4.frame.BLOCKSIZE_MAX4MB, block_linked=False, content_checksum=True
    )
    yield encoder.begin()
    for piece in pieces:
        yield encoder.compress(piece)
    yield encoder.flush()


def encode_block(piece: bytes | memoryview) -> bytes:
    """Encode up to `BLOCK_BYTES` as one block of a frame, stored as it is where that is shorter.

    Lets other threads run meanwhile.
    """
    packed: bytes = lz4.block.compress(piece, store_size=False)
    if len(packed) < len(piece):
        return len(packed).to_bytes(4, "little") + packed
    return (len(piece) | _STORED).to_bytes(4, "little") + piece


class FrameOfBlocks:
    """What stands around blocks that were encoded apart, in the frame that Litestream v0.3 writes."""

    def __init__(self) -> None:
        """Begin a frame."""
        self._content = xxhash.xxh32()

    def begin(self) -> bytes:
        """Return the frame's header."""
        return bytes.fromhex("04224d186470b9")

    def see(self, piece: bytes | memoryview) -> None:
        """Take in what a block holds, block by block in their order."""
        self._content.update(piece)

    def end(self) -> bytes:
        """Return the end mark and the content's checksum."""
        return bytes(4) + self._content.intdigest().to_bytes(4, "little")


def reason(error: RuntimeError) -> str:
    """Return liblz4's own words without the call they came from."""
    return str(error).rpartition("code: ")[2] or str(error)


def _not_a_frame(start: bytes) -> str:
    if start.startswith(b"age-enc"):  # all of it that the first seven bytes show
        return "object is age-encrypted, and no age identity is configured for this replica"
    return "not an LZ4 frame: its magic number is missing"
