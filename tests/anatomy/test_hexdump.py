"""Hexadecimal lines: every byte is there, where its offset says, and nothing else is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.anatomy.hexdump import hex_width, hexdump, letters, pair_at, pairs


def test_a_line_is_what_people_expect() -> None:
    data = b"SQLite format 3\0\x10\x00\x02\x02"
    assert list(hexdump(data)) == [
        "00000000  53 51 4c 69 74 65 20 66  6f 72 6d 61 74 20 33 00  SQLite format 3.",
        "00000010  10 00 02 02                                       ....",
    ]


def test_offsets_begin_where_they_are_told() -> None:
    assert list(hexdump(b"abcd", 2, start=0x1FE, digits=4)) == ["01fe  61 62  ab", "0200  63 64  cd"]


@given(st.binary(max_size=200), st.sampled_from((1, 4, 7, 8, 16, 32)), st.integers(0, 1 << 40))
def test_every_byte_can_be_read_back(data: bytes, columns: int, start: int) -> None:
    found = bytearray()
    for number, line in enumerate(hexdump(data, columns, start=start, digits=12)):
        assert int(line[:12], 16) == start + number * columns
        found += bytes.fromhex(line[14 : 14 + hex_width(columns)])
        assert line.isascii()
        assert line.isprintable()
    assert found == data


@given(st.binary(min_size=1, max_size=40))
def test_places_of_pairs_are_where_the_pairs_are(piece: bytes) -> None:
    shown = pairs(piece)
    assert [int(shown[pair_at(i) : pair_at(i) + 2], 16) for i in range(len(piece))] == list(piece)
    assert len(letters(piece)) == len(piece)
