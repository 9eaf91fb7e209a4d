"""A header that parses keeps every rule of the format, and is written back bit for bit."""

from __future__ import annotations

import struct
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats.ltx.header import HEADER_SIZE, SEAL, Header, check_name, lock_page
from sqlite_recovery_tui.formats.ltx.names import LtxName
from tests.support.properties import examples

HEADER = Header(4096, 12, 2, 3, 1795357763176, wal_offset=32, wal_size=4120, salt1=1, salt2=2, node_id=3)
TRACKED = replace(HEADER, flags=0, pre_apply=SEAL | 5)


def patched(header: Header, offset: int, value: bytes) -> bytes:
    data = bytearray(header.encode())
    data[offset : offset + len(value)] = value
    return bytes(data)


@pytest.mark.parametrize("header", [HEADER, TRACKED, replace(TRACKED, min_txid=1, pre_apply=0)])
def test_a_header_is_read_back(header: Header) -> None:
    data = header.encode()
    assert len(data) == HEADER_SIZE
    assert Header.parse(data + b"more") == header


def test_fields_lie_where_the_format_puts_them() -> None:
    fields = struct.pack(">4s3I", b"LTX1", 2, 4096, 12) + struct.pack(">4Q", 2, 3, 1795357763176, 0)
    fields += struct.pack(">2Q2IQ", 32, 4120, 1, 2, 3) + bytes(20)
    assert HEADER.encode() == fields


def test_time_is_in_utc() -> None:
    assert HEADER.time == datetime(2026, 11, 22, 14, 29, 23, 176000, UTC)
    assert replace(HEADER, timestamp_ms=-1).time == datetime(1969, 12, 31, 23, 59, 59, 999000, UTC)


def test_reserved_bytes_are_ignored() -> None:
    assert Header.parse(patched(HEADER, 80, b"\xff" * 20)) == HEADER


@pytest.mark.parametrize(
    ("header", "offset", "value", "said"),
    [
        (HEADER, 0, b"LTX2", "magic number is 4c545832"),
        (HEADER, 4, b"\0\0\0\1", "unknown flags 0x1"),
        (HEADER, 4, b"\x80\0\0\2", "unknown flags"),
        (HEADER, 8, b"\0\0\1\0", "page size 256"),
        (HEADER, 8, b"\0\2\0\0", "page size 131072"),
        (HEADER, 8, b"\0\0\x10\1", "page size 4097"),
        (HEADER, 12, b"\0\0\0\0", "without pages"),
        (HEADER, 16, bytes(8), "no range"),
        (HEADER, 16, b"\0\0\0\0\0\0\0\4", "no range"),
        (HEADER, 32, b"\x7f" + b"\xff" * 7, "no date"),
        (HEADER, 32, b"\x80" + bytes(7), "no date"),
        (HEADER, 40, b"\x80" + bytes(7), "none is allowed"),
        (HEADER, 48, b"\xff" * 8, "negative"),
        (HEADER, 56, b"\xff" * 8, "negative"),
        (HEADER, 48, bytes(8), "no place in it"),
        (TRACKED, 40, bytes(8), "lacks the database checksum"),
        (TRACKED, 40, b"\x7f" + bytes(7), "lacks the database checksum"),
        (TRACKED, 16, b"\0\0\0\0\0\0\0\1", "none is allowed"),
    ],
)
def test_every_broken_rule_is_named_with_its_place(
    header: Header, offset: int, value: bytes, said: str
) -> None:
    with pytest.raises(FormatError, match=said) as caught:
        Header.parse(patched(header, offset, value))
    assert caught.value.offset in (offset, 48, 40)
    assert caught.value.offset == offset or offset in (16, 56)


def test_a_header_that_breaks_a_rule_is_not_written() -> None:
    with pytest.raises(ValueError, match="without pages"):
        replace(HEADER, commit=0).encode()


@pytest.mark.parametrize("length", [0, 4, 99])
def test_a_short_header_is_refused(length: int) -> None:
    with pytest.raises(FormatError, match=f"{length} of 100 bytes"):
        Header.parse(HEADER.encode()[:length])


@examples(200)
@given(st.binary(min_size=96, max_size=96))
def test_random_bytes_give_a_header_or_a_format_error(data: bytes) -> None:
    try:
        header = Header.parse(b"LTX1" + data)
    except FormatError:
        return
    assert header.time.tzinfo is UTC
    assert Header.parse(header.encode()) == header


def test_a_file_under_a_wrong_name_is_told() -> None:
    check_name(LtxName(0, 2, 3), HEADER)
    for wrong in (LtxName(0, 1, 3), LtxName(0, 2, 4)):
        with pytest.raises(FormatError, match="header is that of 0000000000000002-0000000000000003"):
            check_name(wrong, HEADER)


@pytest.mark.parametrize(("page_size", "page"), [(512, 2097153), (4096, 262145), (65536, 16385)])
def test_the_lock_page_is_the_one_at_one_gibibyte(page_size: int, page: int) -> None:
    assert lock_page(page_size) == page
    base = replace(HEADER, page_size=page_size, min_txid=1)
    assert replace(base, commit=page - 1).base_pages == page - 1
    assert replace(base, commit=page).base_pages == page - 1
    assert replace(base, commit=page + 1).base_pages == page
