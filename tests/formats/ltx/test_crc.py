"""The checksum is Go's CRC-64/ISO, chains, and joins parts that were computed apart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.formats.ltx import crc
from tests.support.properties import examples


def test_the_check_value_of_the_algorithm() -> None:
    assert crc.crc64(b"123456789") == 0xB90956C775A41001


@examples(100)
@given(st.binary(max_size=300), st.binary(max_size=300))
def test_parts_chain_and_combine(first: bytes, second: bytes) -> None:
    whole = crc.crc64(first + second)
    assert crc.crc64(second, crc.crc64(first)) == whole
    assert crc.combine(crc.crc64(first), crc.crc64(second), len(second)) == whole


def test_large_parts_combine() -> None:
    first, second = b"a" * 10, bytes(5_000_001)
    assert crc.combine(crc.crc64(first), crc.crc64(second), len(second)) == crc.crc64(first + second)


def test_stored_checksums_are_sealed() -> None:
    assert crc.seal(5) == (1 << 63) | 5
    assert crc.page_checksum(7, b"page") == crc.seal(crc.crc64(b"\0\0\0\7page"))
