"""The checksums of LTX: CRC-64/ISO, whose stored values have bit 63 set.

`crc64` chains through its second argument; `combine` joins checksums of neighbours that were computed
apart, so that parts of a file can be checksummed at the same time.
"""

from __future__ import annotations

from functools import lru_cache

from fastcrc import crc64 as _crc64

from sqlite_recovery_tui.formats.ltx.header import SEAL

_POLYNOMIAL = 0xD800000000000000  # x^4 + x^3 + x + 1 below x^64; bit 63 is the constant term
_ONE = 1 << 63


def crc64(data: bytes | bytearray | memoryview, start: int = 0) -> int:
    """Return the CRC of `data` behind bytes whose CRC is `start`. Lets other threads run."""
    return _crc64.go_iso(data, start)


def seal(crc: int) -> int:
    """Return a CRC as it is stored."""
    return crc | SEAL


def page_checksum(pgno: int, page: bytes | bytearray | memoryview) -> int:
    """Return the checksum of one page, of which a database's checksum is the sum."""
    return seal(crc64(page, crc64(pgno.to_bytes(4, "big"))))


def combine(first: int, second: int, length: int) -> int:
    """Return the CRC of two neighbours from that of each; `length` is the second one's, in bytes."""
    return _multiply(first, _power(length)) ^ second


@lru_cache(maxsize=64)
def _power(length: int) -> int:
    """Return x^(8 * length) modulo the polynomial, its lowest power in bit 63."""
    result, square = _ONE, _ONE >> 8
    while length:
        if length & 1:
            result = _multiply(result, square)
        square = _multiply(square, square)
        length >>= 1
    return result


def _multiply(a: int, b: int) -> int:
    """Return the product of two polynomials modulo the CRC's own."""
    product = 0
    while a:
        if a & _ONE:
            product ^= b
        a = (a << 1) & 0xFFFFFFFFFFFFFFFF
        b = (b >> 1) ^ _POLYNOMIAL if b & 1 else b >> 1
    return product
