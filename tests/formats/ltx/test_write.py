"""What is written is read back, and nothing is written that breaks a rule of the format."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.formats.ltx.frames import FRAMED, SIZED, Spelling
from sqlite_recovery_tui.formats.ltx.header import Header
from sqlite_recovery_tui.formats.ltx.read import decode_file
from sqlite_recovery_tui.formats.ltx.write import LtxWriter, encode_file
from tests.formats.ltx.samples import a_header, framed, numbers, read_slowly, sized, some_pages
from tests.support.properties import examples

SPELLINGS = [SIZED, FRAMED]


@examples(60)
@given(
    st.sampled_from([512, 1024, 4096]),
    st.sets(st.integers(1, 2**32 - 1), max_size=30),
    st.sampled_from(SPELLINGS),
    st.integers(0, 2**16),
    st.integers(1, 10),
)
def test_random_pages_are_read_back(
    page_size: int, pgnos: set[int], spelling: Spelling, seed: int, step: int
) -> None:
    pgno = numbers(sorted(pgnos - {2**30 // page_size + 1}))
    pages = some_pages(len(pgno), page_size, seed)
    header = Header(page_size, 2**32 - 1, 2, 9, seed)
    data = encode_file(header, pgno, pages, spelling=spelling)
    found, slow = decode_file(data), read_slowly(data)
    assert found.header == header
    assert np.array_equal(found.pgno, pgno)
    assert np.array_equal(found.pages, pages)
    assert list(slow.pages.values()) == [page.tobytes() for page in pages]
    assert set(slow.flags) <= {spelling.flags}
    writer = LtxWriter(header, spelling)
    pieces = [writer.begin()]
    pieces += [writer.add(pgno[at : at + step], pages[at : at + step]) for at in range(0, len(pgno), step)]
    assert b"".join([*pieces, writer.end()]) == data


@pytest.mark.parametrize(("spelling", "frame"), [(SIZED, sized), (FRAMED, framed)])
def test_frames_are_spelt_as_litestream_spells_them(spelling: Spelling, frame: type[sized]) -> None:
    pages = some_pages(3, 4096)
    data = encode_file(a_header(4096), numbers([1, 2, 3]), pages, spelling=spelling)
    expected = b"".join(frame(n, page.tobytes()) for n, page in enumerate(pages, 1))
    assert data[100 : 100 + len(expected)] == expected


@pytest.mark.parametrize(
    ("header", "pgnos", "said"),
    [
        (a_header(512, 10), [2, 2], "do not rise"),
        (a_header(512, 10), [3, 2], "do not rise"),
        (a_header(512, 10), [0, 2], "do not rise"),
        (a_header(512, 10), [2, 11], "no database of 10 pages"),
        (a_header(512, 2**32 - 1), [2, 2097153], "no database"),
        (a_header(512, 10, base=True), [1, 2], "a base of 10 pages was given 2"),
        (a_header(512, 0), [], "without pages"),
        (a_header(1024, 10), [1, 2], "cannot have shape"),
    ],
)
def test_a_file_that_breaks_a_rule_is_not_written(header: Header, pgnos: list[int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        encode_file(header, numbers(pgnos), some_pages(len(pgnos), 512))


def test_pages_rise_over_all_parts() -> None:
    writer = LtxWriter(a_header(512, 10))
    writer.begin()
    writer.add(numbers([4]), some_pages(1, 512))
    with pytest.raises(ValueError, match="do not rise"):
        writer.add(numbers([4]), some_pages(1, 512))
