"""What can still be read of an LZ4 block that is cut short or damaged (LZ4 block format).

The library decodes a block whole or not at all. Only such a block is decoded here, one step for each of
its sequences, up to the first that makes no sense.
"""

from __future__ import annotations

_MIN_MATCH = 4
_LONG = 15
_TOKEN_MATCH = 0x0F


def readable(block: bytes, *, most: int, before: bytes = b"") -> bytes:
    """Return the beginning of what `block` decodes to, at most `most` bytes.

    `before` is what earlier blocks of the frame decoded to, where this one may refer to it.
    """
    out = bytearray(before)
    base, at, end = len(before), 0, len(block)
    while at < end and len(out) - base < most:
        token = block[at]
        literals, at = _length(block, at + 1, token >> 4)
        out += block[at : at + literals]
        at += literals
        if at + 2 > end:
            break
        offset = block[at] | block[at + 1] << 8
        length, at = _length(block, at + 2, token & _TOKEN_MATCH)
        if not 0 < offset <= len(out) or at > end:
            break
        _copy(out, offset, min(length + _MIN_MATCH, most - (len(out) - base)))
    return bytes(out[base : base + most])


def _length(block: bytes, at: int, length: int) -> tuple[int, int]:
    """Return a length, which goes on in further bytes when it is 15, and where what follows begins."""
    if length < _LONG:
        return length, at
    start = at
    while at < len(block) and block[at] == 0xFF:
        at += 1
    last = block[at] if at < len(block) else 0
    return length + 255 * (at - start) + last, at + 1


def _copy(out: bytearray, offset: int, length: int) -> None:
    """Append `length` bytes from `offset` before the end; they may overlap themselves."""
    start = len(out) - offset
    if offset >= length:
        out += out[start : start + length]
        return
    pattern = bytes(out[start:])
    out += (pattern * (length // offset + 1))[:length]
