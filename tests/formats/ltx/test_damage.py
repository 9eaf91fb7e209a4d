"""Whatever happened to its bytes, a file gives the pages that were written, or a `FormatError`."""

from __future__ import annotations

import struct
import tracemalloc

import lz4.block
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats.ltx.read import Decoded, decode_file, decode_many
from sqlite_recovery_tui.formats.ltx.stream import LtxReader, Memory
from tests.formats.ltx.samples import a_file, a_header, framed, sized, some_pages
from tests.support.properties import examples
from tests.support.soak import usually

PAGES = [page.tobytes() for page in some_pages(7, 512)]
HEADER = a_header(512, 40)
MIXED = a_file(
    HEADER.encode(),
    [(framed if n in (3, 4) else sized)(n + 2, page) for n, page in enumerate(PAGES)],
    PAGES,
)
OLD = a_file(HEADER.encode(), [framed(n + 2, page) for n, page in enumerate(PAGES)], PAGES)
FILES = [MIXED, OLD]


def outcome(data: bytes) -> tuple[object, ...] | None:
    """What the file holds, None when it is refused; one by one, with others, or as a stream."""
    try:
        whole = decode_file(data)
    except FormatError:
        whole = None
    together = decode_many([MIXED, data])[1]
    assert isinstance(together, FormatError) == (whole is None)
    try:
        reader = LtxReader(Memory(data))
        parts = [(chunk.pgno.copy(), chunk.pages.copy()) for chunk in reader.chunks()]
    except FormatError:
        assert whole is None
        return None
    assert whole is not None
    pgno = [number for pgno, _ in parts for number in pgno.tolist()]
    pages = b"".join(pages.tobytes() for _, pages in parts)
    assert isinstance(together, Decoded)
    for found in (whole, together):
        assert found.pgno.tolist() == pgno
        assert found.pages.tobytes() == pages
        assert found.header == reader.header
    return reader.header, pgno, pages


GOOD = (HEADER, list(range(2, 9)), b"".join(PAGES))


def test_the_samples_are_good() -> None:
    assert all(outcome(data) == GOOD for data in FILES)


@pytest.mark.parametrize("data", FILES, ids=["mixed", "old"])
@pytest.mark.parametrize("turn", range(usually(1, 8)))
def test_no_flipped_bit_changes_a_page(data: bytes, turn: int) -> None:
    """At each place one bit, here this and there that; in eight turns all of them."""
    noticed = 0
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 1 << (place * 3 + turn) % 8
        found = outcome(bytes(damaged))
        assert found in (None, GOOD)
        noticed += found is None
    assert noticed > 0.95 * len(data)


@examples(150)
@given(st.data())
def test_any_damage_is_refused_or_harmless(data: st.DataObject) -> None:
    good = data.draw(st.sampled_from(FILES))
    damaged = bytearray(good)
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(damaged)))
        end = data.draw(st.integers(start, min(start + 40, len(damaged))))
        damaged[start:end] = data.draw(st.binary(max_size=40))
    assert outcome(bytes(damaged)) in (None, GOOD)


@examples(150)
@given(st.binary(max_size=400))
def test_random_bytes_behind_a_header_are_refused(data: bytes) -> None:
    assert outcome(HEADER.encode() + data) is None


@examples(100)
@given(st.lists(st.tuples(st.integers(1, 60), st.booleans(), st.binary(max_size=530)), max_size=6))
def test_blocks_that_no_encoder_makes_are_refused_or_decode_to_a_page(
    frames: list[tuple[int, bool, bytes]],
) -> None:
    spelt = []
    for pgno, old, block in frames:
        if old:
            stored = struct.pack("<I", len(block) | 0x80000000)
            spelt.append(framed(pgno, bytes(512))[:13] + stored + block + bytes(8))
        else:
            spelt.append(sized(pgno, b"", block=block))
    found = outcome(a_file(HEADER.encode(), spelt, [block for _, _, block in frames]))
    assert found is None or all(old and len(block) == 512 for _, old, block in frames)


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_no_block_grows_beyond_its_page(page_size: int) -> None:
    bomb = lz4.block.compress(bytes(200 * page_size), store_size=False)[: page_size // 2]
    count = 200
    header = a_header(page_size, count)
    frames = [sized(n, b"", block=bomb) for n in range(1, count + 1)]
    data = a_file(header.encode(), frames, [b""] * count)
    allowed = count * page_size + (12 << 20)
    tracemalloc.start()
    try:
        assert outcome_is_refusal(data)
        assert tracemalloc.get_traced_memory()[1] < allowed
    finally:
        tracemalloc.stop()


def outcome_is_refusal(data: bytes) -> bool:
    for read in (decode_file, lambda data: list(LtxReader(Memory(data)).chunks())):
        with pytest.raises(FormatError, match="page 1 cannot be decoded"):
            read(data)
    return True
