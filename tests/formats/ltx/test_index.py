"""Page indexes are written and read in bulk, and cannot point outside of their file."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats.ltx import index as indexes
from sqlite_recovery_tui.formats.ltx.index import PageIndex
from tests.support import corpus
from tests.support.properties import examples

values_63 = st.integers(0, 2**63 - 1)


def an_index(pages: list[tuple[int, int]]) -> PageIndex:
    """An index of frames (page, length) that follow the header."""
    lengths = np.array([length for _, length in pages], dtype=np.uint64)
    offsets = np.uint64(100) + np.cumsum(lengths, dtype=np.uint64) - lengths
    return PageIndex(np.array([page for page, _ in pages], dtype=np.uint32), offsets, lengths)


def same(one: PageIndex, other: PageIndex) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("pgno", "offset", "length")
    )


def a_tail(index: PageIndex) -> tuple[bytes, int]:
    """The end of a file with this index, and the file's size."""
    tail = bytes(6) + index.encode() + bytes(16)
    return tail, 100 + int(index.length.sum()) + len(tail)


def leb128(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


@examples(100)
@given(st.lists(values_63 | st.integers(0, 300), max_size=40))
def test_varints_are_those_of_the_definition(values: list[int]) -> None:
    data, ends = indexes.encode_varints(np.array(values, dtype=np.uint64))
    assert data == b"".join(map(leb128, values))
    assert np.diff(ends, prepend=0).tolist() == [len(leb128(value)) for value in values]
    if values:
        assert indexes.decode_varints(data).tolist() == values


@pytest.mark.parametrize(
    ("data", "offset", "said"),
    [
        (b"", 7, "cut short"),
        (b"\x01\x80", 9, "cut short"),
        (b"\x01\x80\x00", 8, "spelt too long"),
        (b"\x01\xff\x80\x00", 8, "spelt too long"),
        (b"\x05\x01" + b"\xff" * 9 + b"\x01", 9, "spelt too long"),
    ],
)
def test_varints_that_no_writer_makes_are_refused(data: bytes, offset: int, said: str) -> None:
    with pytest.raises(FormatError, match=said) as caught:
        indexes.decode_varints(data, at=7)
    assert caught.value.offset == offset


@examples(100)
@given(st.lists(st.tuples(st.integers(1, 2**32 - 1), st.integers(1, 70000)), unique_by=lambda page: page[0]))
def test_an_index_is_read_back_from_the_end_of_a_file(pages: list[tuple[int, int]]) -> None:
    index = an_index(sorted(pages))
    assert same(indexes.parse(index.encode()), index)
    tail, size = a_tail(index)
    assert indexes.tail_length(tail[-24:], size) == len(tail)
    assert same(indexes.from_tail(b"frames" + tail, size), index)


@examples(300)
@given(st.binary(max_size=60))
def test_random_bytes_give_an_index_or_a_format_error(data: bytes) -> None:
    block = data + len(data).to_bytes(8, "big")
    for read in (lambda: indexes.parse(block), lambda: indexes.from_tail(bytes(6) + block + bytes(16), 1000)):
        try:
            found = read()
        except FormatError:
            continue
        assert (found.pgno[1:] > found.pgno[:-1]).all()
        assert found.encode() == block


INDEX = an_index([(1, 20), (2, 30), (300, 40)])


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (b"", "cut short"),
        (bytes(8), "cut short"),
        (INDEX.encode()[:-1], "says it is"),
        (INDEX.encode()[:-8] + bytes(7) + b"\x05", "says it is 5 bytes"),
        (b"\x01\x01\x01\x01" + bytes(7) + b"\x04", "end mark"),
        (b"\x01\x01\x00" + bytes(7) + b"\x03", "end mark"),
        (b"\x02\x01\x01\x02\x01\x01\x00" + bytes(7) + b"\x07", "do not rise"),
        (b"\x02\x01\x01\x01\x01\x01\x00" + bytes(7) + b"\x07", "do not rise"),
        (b"\x00\x01\x01\x01\x01\x01\x00" + bytes(7) + b"\x07", "do not rise"),
        (b"\x80\x80\x80\x80\x10\x01\x01\x00" + bytes(7) + b"\x08", "do not rise"),
    ],
)
def test_damaged_blocks_are_refused(block: bytes, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        indexes.parse(block)


def test_frames_leave_no_gap() -> None:
    tail, size = a_tail(INDEX)
    for wrong, place in (
        (PageIndex(INDEX.pgno, INDEX.offset + np.uint64(1), INDEX.length), "page 1"),
        (PageIndex(INDEX.pgno, INDEX.offset, INDEX.length - np.array([0, 1, 0], np.uint64)), "page 300"),
        (PageIndex(INDEX.pgno, INDEX.offset, INDEX.length + np.array([0, 0, 1], np.uint64)), "the end"),
    ):
        with pytest.raises(FormatError, match=place):
            indexes.from_tail(bytes(6) + wrong.encode() + bytes(16), size)
    with pytest.raises(FormatError, match="end mark in front"):
        indexes.from_tail(b"\1" + tail[1:], size)


def test_a_short_tail_says_how_much_it_needs() -> None:
    tail, size = a_tail(INDEX)
    assert indexes.tail_length(tail[-24:], size) == len(tail)
    with pytest.raises(ValueError, match=f"needs {len(tail)} bytes"):
        indexes.from_tail(tail[1:], size)
    with pytest.raises(FormatError, match="cut short"):
        indexes.tail_length(tail[-23:], size)
    with pytest.raises(FormatError, match="cut short"):
        indexes.tail_length(tail[-24:], 130)


@pytest.mark.parametrize("claimed", [0, 10**4, 2**63, 2**64 - 1])
def test_an_index_larger_than_its_file_is_refused_without_memory(claimed: int) -> None:
    tail, size = a_tail(INDEX)
    forged = tail[:-24] + claimed.to_bytes(8, "big") + tail[-16:]
    tracemalloc.start()
    try:
        for read in (indexes.tail_length, indexes.from_tail):
            with pytest.raises(FormatError, match="cannot be"):
                read(forged, size)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("case", corpus.cases("v05"))
def test_real_indexes_are_read_and_written_back(case: str, tmp_path: Path) -> None:
    files = sorted(corpus.case(case, tmp_path).replica.rglob("*.ltx"))
    assert files
    for path in files:
        data = path.read_bytes()
        length = indexes.tail_length(data[-24:], len(data))
        found = indexes.from_tail(data[-length:], len(data))
        assert found.encode() == data[-length + 6 : -16]
        assert len(found)


def test_a_large_index_takes_a_fraction_of_a_second() -> None:
    index = an_index([(page, 3000) for page in range(1, 300_001)])
    began = time.process_time()
    assert same(indexes.parse(index.encode()), index)
    assert time.process_time() - began < 3
