"""Bytes as people read them: an offset, hexadecimal pairs in groups of eight, and the printable letters."""

from __future__ import annotations

from collections.abc import Iterator

GROUP = 8
"""Bytes between two wider gaps."""
_LETTERS = bytes(byte if 0x20 <= byte < 0x7F else 0x2E for byte in range(256))


def hexdump(data: bytes | memoryview, columns: int = 16, *, start: int = 0, digits: int = 8) -> Iterator[str]:
    """Yield `data` line by line, `columns` bytes on each; `start` is the offset of its first byte."""
    width = hex_width(columns)
    for at in range(0, len(data), columns):
        piece = bytes(data[at : at + columns])
        yield f"{start + at:0{digits}x}  {pairs(piece):<{width}}  {letters(piece)}"


def pairs(piece: bytes) -> str:
    """Return hexadecimal pairs, a wider gap after each group of eight."""
    return "  ".join(piece[at : at + GROUP].hex(" ") for at in range(0, len(piece), GROUP))


def letters(piece: bytes) -> str:
    """Return a letter for each byte, a dot for what is not printable ASCII."""
    return piece.translate(_LETTERS).decode("ascii")


def pair_at(column: int) -> int:
    """Return at which letter of `pairs` the byte number `column` begins."""
    return column * 3 + column // GROUP


def hex_width(columns: int) -> int:
    """Return how many letters `pairs` has for a whole line."""
    return pair_at(columns - 1) + 2
