"""Pictures by the first bytes of their files: which kind, how wide, how high. Nothing is decoded.

Sources: PNG 3rd edition 11.2.1; GIF89a 18; ITU T.81 B.2.2 (JPEG frame header); RFC 9649 2.7 (WebP);
BITMAPINFOHEADER of BMP.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

_Read = Callable[[bytes], tuple[int, int]]
_BMP_HEADERS = tuple(size.to_bytes(4, "little") for size in (12, 40, 52, 56, 64, 108, 124))
_JPEG_FRAMES = frozenset((*range(0xC0, 0xD0),)) - {0xC4, 0xC8, 0xCC}
_JPEG_ALONE = frozenset((0x01, *range(0xD0, 0xD8)))


@dataclass(frozen=True, slots=True)
class Picture:
    """What the header of a picture says of it."""

    kind: str
    width: int | None = None
    """In pixels; None where the header is cut off or broken."""
    height: int | None = None

    @property
    def words(self) -> str:
        size = f", {self.width:,} × {self.height:,} pixels" if self.width is not None else ""
        return f"{self.kind} picture{size}"


def picture_of(data: bytes) -> Picture | None:
    """Return what picture the beginning of a file is of; None for anything else."""
    for magic, kind, read in _KINDS:
        if data.startswith(magic):
            return _read(kind, read, data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _read("WebP", _webp, data)
    if data[:2] == b"BM" and data[14:18] in _BMP_HEADERS:
        return _read("BMP", _bmp, data)
    return None


def _read(kind: str, read: _Read, data: bytes) -> Picture:
    try:
        width, height = read(data)
    except (struct.error, IndexError):
        return Picture(kind)
    return Picture(kind, width, height)


def _png(data: bytes) -> tuple[int, int]:
    if data[12:16] != b"IHDR":
        raise IndexError
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _gif(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _bmp(data: bytes) -> tuple[int, int]:
    (size,) = struct.unpack_from("<I", data, 14)
    if size == 12:
        width, height = struct.unpack_from("<HH", data, 18)
    else:
        width, height = struct.unpack_from("<ii", data, 18)
    return width, abs(height)


def _jpeg(data: bytes) -> tuple[int, int]:
    place = 2
    while True:
        if data[place] != 0xFF:
            raise IndexError
        marker = data[place + 1]
        if marker == 0xFF:
            place += 1
        elif marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, place + 5)
            return width, height
        elif marker in _JPEG_ALONE:
            place += 2
        else:
            (length,) = struct.unpack_from(">H", data, place + 2)
            place += 2 + max(2, length)


def _webp(data: bytes) -> tuple[int, int]:
    match data[12:16]:
        case b"VP8X":
            return _three(data, 24) + 1, _three(data, 27) + 1
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", data, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
    raise IndexError


def _three(data: bytes, place: int) -> int:
    low, high = struct.unpack_from("<HB", data, place)
    return int(low) | int(high) << 16


_KINDS: tuple[tuple[bytes, str, _Read], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG", _png),
    (b"\xff\xd8\xff", "JPEG", _jpeg),
    (b"GIF87a", "GIF", _gif),
    (b"GIF89a", "GIF", _gif),
)
