"""Whole files are read as they were written, and whatever breaks a rule of the format is named."""

from __future__ import annotations

import struct
import tracemalloc
from dataclasses import replace
from pathlib import Path

import lz4.block
import lz4.frame
import numpy as np
import pytest

from sqlite_recovery_tui.errors import FormatError
from sqlite_recovery_tui.formats.ltx.frames import FRAMED, SIZED
from sqlite_recovery_tui.formats.ltx.header import Header, check_name
from sqlite_recovery_tui.formats.ltx.names import parse_key
from sqlite_recovery_tui.formats.ltx.pages import room_pages
from sqlite_recovery_tui.formats.ltx.read import Decoded, decode_file, decode_frames, decode_many
from sqlite_recovery_tui.formats.ltx.stream import LtxReader, Memory
from sqlite_recovery_tui.formats.ltx.write import encode_file
from tests.formats.ltx.samples import (
    SEAL,
    a_file,
    a_header,
    framed,
    index_block,
    numbers,
    read_slowly,
    sized,
    some_pages,
    tracked,
)
from tests.support import corpus

SIZES = [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536]
PAGES = [page.tobytes() for page in some_pages(4, 512)]
HEADER = a_header(512, 20)


def same(one: Decoded, other: Decoded) -> bool:
    return (
        one.header == other.header
        and np.array_equal(one.pgno, other.pgno)
        and np.array_equal(one.pages, other.pages)
    )


def both_refuse(data: bytes, said: str) -> tuple[FormatError, FormatError]:
    """What decoding at once and as a stream say of a file that both must refuse."""
    with pytest.raises(FormatError, match=said) as whole:
        decode_file(data)
    with pytest.raises(FormatError, match=said) as streamed:
        for _ in LtxReader(Memory(data)).chunks():
            pass
    return whole.value, streamed.value


@pytest.mark.parametrize("case", corpus.cases("v05"))
def test_real_files_decode_and_are_written_back(case: str, tmp_path: Path) -> None:
    replica = corpus.case(case, tmp_path).replica
    files = sorted(replica.rglob("*.ltx"))
    assert files
    for path in files:
        data = path.read_bytes()
        found, slow = decode_file(data), read_slowly(data)
        name = parse_key(path.relative_to(replica).as_posix())
        assert name is not None
        check_name(name, found.header)
        assert dict(zip(found.pgno.tolist(), map(bytes, found.pages), strict=True)) == slow.pages
        assert found.index.encode() == index_block(slow.entries)
        assert found.trailer.encode() == data[-16:]
        for spelling in (SIZED, FRAMED):
            again = encode_file(found.header, found.pgno, found.pages, spelling=spelling)
            assert same(decode_file(again), found)


def test_many_real_files_decode_together(tmp_path: Path) -> None:
    files = [
        path.read_bytes()
        for name in corpus.cases("v05")
        for path in sorted(corpus.FOLDER.glob(f"{name}/**/*.ltx"))
    ]
    for data, found in zip(files, decode_many(files), strict=True):
        assert isinstance(found, Decoded)
        assert same(found, decode_file(data))


@pytest.mark.parametrize("page_size", SIZES)
@pytest.mark.parametrize("frame", [sized, framed])
def test_both_spellings_at_every_page_size(page_size: int, frame: type[sized]) -> None:
    header = a_header(page_size, 3000)
    count = 2 * max(16, (1 << 20) // page_size) + 5 if page_size != 512 else 2100
    pages = [page.tobytes() for page in some_pages(count, page_size)]
    pgnos = range(3, 3 + count)
    data = a_file(header.encode(), [frame(n, page) for n, page in zip(pgnos, pages, strict=True)], pages)
    found = decode_file(data)
    assert found.pgno.tolist() == list(pgnos)
    assert found.pages.tobytes() == b"".join(pages)


def test_each_page_says_its_own_spelling() -> None:
    frames = [framed(1, PAGES[0]), sized(2, PAGES[1]), sized(4, PAGES[2]), framed(9, PAGES[3])]
    data = a_file(HEADER.encode(), frames, PAGES)
    assert read_slowly(data).flags == [0, 1, 1, 0]
    assert decode_file(data).pgno.tolist() == [1, 2, 4, 9]
    assert decode_file(data).pages.tobytes() == b"".join(PAGES)
    assert [chunk.pgno.tolist() for chunk in LtxReader(Memory(data)).chunks()] == [[1], [2, 4], [9]]
    together = decode_many([data, data])
    assert all(isinstance(found, Decoded) and same(found, decode_file(data)) for found in together)


@pytest.mark.parametrize("spelling", [SIZED, FRAMED])
def test_random_pages_take_more_than_a_page(spelling: type[SIZED]) -> None:
    pages = np.frombuffer(np.random.default_rng(1).bytes(65536 * 3), np.uint8).reshape(3, 65536)
    data = encode_file(a_header(65536), numbers([1, 2, 3]), pages, spelling=spelling)
    assert len(data) > pages.size
    assert np.array_equal(decode_file(data).pages, pages)


def test_a_file_without_pages() -> None:
    data = a_file(HEADER.encode(), [], [])
    found = decode_file(data)
    assert found.pages.shape == (0, 512)
    assert len(found) == len(found.index) == 0
    assert list(LtxReader(Memory(data)).chunks()) == []


def test_blocks_of_any_encoder_are_read() -> None:
    block = lz4.block.compress(PAGES[0], mode="high_compression", compression=12, store_size=False)
    data = a_file(HEADER.encode(), [sized(1, PAGES[0], block=block)], PAGES[:1])
    assert decode_file(data).pages.tobytes() == PAGES[0]


def page_frame(pgno: int, flags: int, page: bytes = PAGES[0]) -> bytes:
    frame = bytearray(sized(pgno, page))
    frame[4:6] = struct.pack(">H", flags)
    return bytes(frame)


FRAMES = [sized(pgno, page) for pgno, page in zip((1, 2, 4, 9), PAGES, strict=True)]
ENTRIES = [(1, 100, len(FRAMES[0])), (2, 100 + len(FRAMES[0]), len(FRAMES[1]))]
BOMB = lz4.block.compress(bytes(60000), store_size=False)


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ([FRAMES[1], FRAMES[0]], "page 1 stands behind page 2"),
        ([FRAMES[1], FRAMES[1]], "page 2 stands behind page 2"),
        ([FRAMES[0], sized(21, PAGES[1])], "page 21 lies outside of a database of 20 pages"),
        ([FRAMES[0], sized(0, PAGES[1])], "page without a number"),
        ([FRAMES[0], page_frame(2, 3)], "unknown flags 0x3"),
        ([FRAMES[0], page_frame(2, 0x8001)], "unknown flags 0x8001"),
        ([FRAMES[0], page_frame(2, 2)], "unknown flags 0x2"),
        ([FRAMES[0], sized(2, PAGES[1], block=b"")], "page 2 cannot take 0 bytes"),
        ([FRAMES[0], sized(2, PAGES[1], block=bytes(600))], "page 2 cannot take 600 bytes"),
        ([FRAMES[0], sized(2, PAGES[1], block=b"\xff" * 20)], "page 2 cannot be decoded"),
        ([FRAMES[0], sized(2, PAGES[1], block=BOMB)], "page 2 cannot be decoded"),
        (
            [FRAMES[0], sized(2, b"", block=lz4.block.compress(PAGES[2][:-1], store_size=False))],
            "page 2 cannot be decoded",
        ),
        ([FRAMES[0], framed(2, PAGES[2] + b"more")], "page 2 cannot be decoded"),
        ([FRAMES[0], framed(2, PAGES[2][:-1])], "page 2 cannot be decoded"),
        (
            [FRAMES[0], struct.pack(">IH", 2, 0) + bytes(lz4.frame.compress(PAGES[2]))],
            "page 2 in an LZ4 frame of an unknown kind",
        ),
        (
            [FRAMES[0], framed(2, PAGES[2]).replace(bytes.fromhex("6440a7"), bytes.fromhex("6440a8"))],
            "unknown kind",
        ),
        ([FRAMES[0], framed(2, PAGES[2])[:-8] + b"\1" + framed(2, PAGES[2])[-7:]], "lacks its end mark"),
    ],
)
def test_wrong_page_frames_are_named_with_their_place(frames: list[bytes], said: str) -> None:
    data = a_file(HEADER.encode(), frames, [PAGES[0], PAGES[1]])
    start = 100 + len(frames[0])
    for error in both_refuse(data, said):
        assert start <= error.offset <= start + len(frames[1])


def test_pages_that_make_up_for_each_others_length_are_refused() -> None:
    short, long = PAGES[0][:-1], PAGES[2] + b"x"
    for frame in (sized, framed):
        data = a_file(HEADER.encode(), [frame(1, short), frame(2, long)], [short, long])
        both_refuse(data, "page 1 cannot be decoded")


def test_the_lock_page_is_refused() -> None:
    lock = 16385
    page = bytes(65536)
    data = a_file(a_header(65536, lock + 1).encode(), [sized(lock, page)], [page])
    both_refuse(data, f"holds page {lock}, which SQLite never stores")


@pytest.mark.parametrize(
    ("commit", "pgnos"), [(4, [1, 2, 3]), (3, [1, 3]), (3, [2, 3]), (2_000_000, [1, 2]), (1, [])]
)
def test_a_base_holds_every_page(commit: int, pgnos: list[int]) -> None:
    header = a_header(512, commit, base=True)
    pages = PAGES[: len(pgnos)]
    data = a_file(header.encode(), [sized(n, page) for n, page in zip(pgnos, pages, strict=True)], pages)
    both_refuse(data, f"holds {len(pgnos)} of the database's {commit} pages")


def test_a_base_cannot_claim_pages_it_lacks_the_room_for() -> None:
    header = a_header(512, 2**32 - 1, base=True)
    data = a_file(header.encode(), FRAMES[:2], PAGES[:2])
    tracemalloc.start()
    try:
        both_refuse(data, "holds 2 of the database's 4294967294 pages")
        assert tracemalloc.get_traced_memory()[1] < 12 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"index": index_block([ENTRIES[0]])}, "index"),
        ({"index": index_block([*ENTRIES, ENTRIES[1]])}, "index"),
        ({"index": index_block([ENTRIES[0], (3, *ENTRIES[1][1:])])}, "index does not agree"),
        ({"index": index_block([ENTRIES[0], (2, 101, ENTRIES[1][2])])}, "index"),
        ({"index": index_block([ENTRIES[0], (*ENTRIES[1][:2], 1)])}, "index"),
        ({"index": index_block([ENTRIES[1], ENTRIES[0]])}, "index does not agree"),
        ({"index": index_block(ENTRIES)[:-1] + b"\x01"}, "index"),
        ({"index": b""}, "index|behind its pages"),
        ({"post_apply": SEAL}, "none is allowed"),
        ({"checksum": 5}, "lacks the checksum"),
        ({"checksum": SEAL | 5}, "checksum does not hold"),
        ({"behind": b"\0"}, "goes on behind its trailer"),
        ({"end": b""}, "."),
        ({"end": bytes(5)}, "."),
        ({"end": bytes(7)}, "index does not agree"),
    ],
)
def test_what_stands_behind_the_pages_must_be_right(parts: dict[str, bytes], said: str) -> None:
    data = a_file(HEADER.encode(), FRAMES[:2], PAGES[:2], **parts)  # type: ignore[arg-type]
    pages_end = sum(ENTRIES[1][1:])
    for error in both_refuse(data, said):
        assert pages_end <= error.offset <= len(data)


def test_any_spelling_of_a_number_in_the_index_but_the_shortest_is_refused() -> None:
    index = index_block(ENTRIES)
    longer = b"\x81\x00" + index[1:-8]
    data = a_file(HEADER.encode(), FRAMES[:2], PAGES[:2], index=longer + struct.pack(">Q", len(longer)))
    both_refuse(data, "index")


@pytest.mark.parametrize("frame", [sized, framed])
def test_every_truncation_is_refused(frame: type[sized]) -> None:
    frames = [frame(pgno, page) for pgno, page in zip((1, 2, 4, 9), PAGES, strict=True)]
    data = a_file(HEADER.encode(), frames, PAGES)
    assert len(decode_file(data)) == 4
    for length in range(len(data)):
        for error in both_refuse(data[:length], "cut short"):
            assert error.offset <= length


def test_a_database_checksum_is_verified_where_it_can_be() -> None:
    header, pages = tracked(a_header(512, 4, base=True)), some_pages(4, 512)
    data = encode_file(header, numbers(range(1, 5)), pages)
    assert decode_file(data).trailer.post_apply & SEAL
    for chunk in LtxReader(Memory(data)).chunks():
        assert len(chunk) == 4
    frames = [sized(n, page.tobytes()) for n, page in enumerate(pages, 1)]
    wrong = a_file(header.encode(), frames, list(map(bytes, pages)), post_apply=SEAL | 5)
    both_refuse(wrong, "database checksum does not hold")
    missing = a_file(header.encode(), frames, list(map(bytes, pages)))
    both_refuse(missing, "lacks the database checksum")


def test_a_change_keeps_the_database_checksum_it_came_with() -> None:
    data = encode_file(tracked(HEADER), numbers([2]), some_pages(1, 512), post_apply=SEAL | 77)
    assert decode_file(data).trailer.post_apply == SEAL | 77
    with pytest.raises(ValueError, match="none was given"):
        encode_file(tracked(HEADER), numbers([2]), some_pages(1, 512))


def test_damage_of_one_file_does_not_touch_the_others() -> None:
    good = a_file(HEADER.encode(), FRAMES, PAGES)
    bad_block = a_file(HEADER.encode(), [sized(1, PAGES[0], block=b"\xff" * 9)], PAGES[:1])
    bad_end = a_file(HEADER.encode(), FRAMES, PAGES, checksum=SEAL)
    other_size = encode_file(a_header(4096), numbers([7]), some_pages(1, 4096))
    found = decode_many([good, bad_end, b"", other_size, good])
    assert [type(item) for item in found] == [Decoded, FormatError, FormatError, Decoded, Decoded]
    found = decode_many([good, bad_block, other_size, bad_end, good])
    assert [type(item) for item in found] == [Decoded, FormatError, Decoded, FormatError, Decoded]
    assert "page 1 cannot be decoded" in str(found[1])
    assert isinstance(found[4], Decoded)
    assert same(found[4], decode_file(good))


def test_many_files_are_decoded_in_chunks_of_many_files() -> None:
    files = [
        encode_file(a_header(4096, 1000), numbers(range(n + 1, n + 1 + n % 40)), some_pages(n % 40, 4096, n))
        for n in range(60)
    ]
    for data, found in zip(files, decode_many(files), strict=True):
        assert isinstance(found, Decoded)
        assert same(found, decode_file(data))


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_pages_that_shrink_much_little_or_not_at_all_are_read_in_turn(page_size: int) -> None:
    count = 3 * room_pages(page_size)
    pages = np.random.default_rng(6).integers(0, 256, (4 * count, page_size), dtype=np.uint8)
    pages[:count] = 7
    pages[2 * count :, page_size // 8 :] = 7
    data = encode_file(a_header(page_size, len(pages), base=True), numbers(range(1, len(pages) + 1)), pages)
    at = 0
    for chunk in LtxReader(Memory(data)).chunks():
        assert (chunk.pages == pages[at : at + len(chunk)]).all()
        at += len(chunk)
    assert at == len(pages)


def test_a_wal_place_and_node_survive() -> None:
    header = Header(512, 20, 5, 7, 1, wal_offset=32, wal_size=536, salt1=7, salt2=8, node_id=9)
    assert decode_file(encode_file(header, numbers([3]), some_pages(1, 512))).header == header
    assert (
        decode_file(
            encode_file(replace(header, min_txid=7), numbers([3]), some_pages(1, 512))
        ).header.min_txid
        == 7
    )


@pytest.mark.parametrize(("start", "end"), [(0, 1), (1, 3), (0, 4), (3, 4), (2, 2)])
def test_some_pages_are_decoded_alone(start: int, end: int) -> None:
    frames = [framed(1, PAGES[0]), sized(2, PAGES[1]), sized(4, PAGES[2]), framed(9, PAGES[3])]
    data = a_file(HEADER.encode(), frames, PAGES)
    index = decode_file(data).index.slice(start, end)
    pages = decode_frames(b"".join(frames[start:end]), HEADER, index)
    assert pages.shape == (end - start, 512)
    assert pages.tobytes() == b"".join(PAGES[start:end])


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (FRAMES[1] + FRAMES[2][:-1], "does not agree"),
        (FRAMES[1] + FRAMES[2] + b"\0", "does not agree"),
        (FRAMES[1], "does not agree"),
        (FRAMES[1] + sized(3, PAGES[2]), "does not agree"),
        (b"", "does not agree"),
        (FRAMES[1] + sized(4, b"", block=b"\xff" * (len(FRAMES[2]) - 10)), "page 4 cannot be decoded"),
    ],
)
def test_pages_alone_must_be_those_of_the_index(part: bytes, said: str) -> None:
    index = decode_file(a_file(HEADER.encode(), FRAMES, PAGES)).index.slice(1, 3)
    with pytest.raises(FormatError, match=said) as caught:
        decode_frames(part, HEADER, index)
    assert index.offset[0] <= caught.value.offset <= index.offset[1] + index.length[1]
