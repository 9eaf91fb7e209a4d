"""Segments read as one chain give just the frames that hold, and the first thing that does not by name."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.domain import Position, WalSegment
from sqlite_recovery_tui.formats import generations as names
from sqlite_recovery_tui.formats import wal
from sqlite_recovery_tui.replica import chain as chains
from sqlite_recovery_tui.replica.chain import (
    Batch,
    Chain,
    ChainFault,
    PositionBeyondEnd,
    SnapshotMismatch,
    commit_ends,
)
from tests.support.listings import A, B, at
from tests.support.properties import examples
from tests.support.wals import Wal

PAGE = 512
Piece = tuple[WalSegment, bytes]


def segment(index: int, offset: int, data: bytes, generation: str = A) -> Piece:
    key = names.segment_key(generation, index, offset)
    return WalSegment(generation, index, offset, key, len(data), at(index)), bytes(data)


def cut(made: Wal, index: int, *frames: int) -> list[Piece]:
    """A WAL's segments, cut behind the given numbers of frames."""
    edges = [0, *(made.end_of(count) for count in frames), len(made.data)]
    return [
        segment(index, start, bytes(made.data[start:end])) for start, end in pairwise(edges) if start < end
    ]


def a_wal(transactions: int = 4, *, salt: int = 1, big_endian: bool = False, pages: int = 2) -> Wal:
    """A WAL of transactions of a few pages each, never page 1, which has a counter."""
    made = Wal(PAGE, big_endian, salts=(salt, salt * 7))
    for number in range(transactions):
        made.transaction([(2 + page, (salt, number, page)) for page in range(pages)], 10)
    return made


def history() -> list[Piece]:
    """Three WALs, the first in three segments, the second in two."""
    return cut(a_wal(), 5, 2, 6) + cut(a_wal(salt=2), 6, 3) + cut(a_wal(2, salt=3), 7)


def read(pieces: Iterable[Piece], **options: object) -> tuple[list[Batch], ChainFault | None]:
    """Everything that is given out, and the fault that ended it."""
    batches = []
    try:
        for batch in Chain(PAGE, **options).read(pieces):  # type: ignore[arg-type]
            batches.append(batch)
    except ChainFault as fault:
        return batches, fault
    return batches, None


def frames_of(batches: Iterable[Batch]) -> list[tuple[int, int, bytes]]:
    """Every frame with its place."""
    found = []
    for batch in batches:
        for number, row in enumerate(batch.frames.data):
            found.append((batch.index, batch.end_of(number), row.tobytes()))
    return found


TRUTH = frames_of(read(history())[0])
KEYS = [piece[0].key for piece in history()]


# --- what holds -------------------------------------------------------------------------------------------


def test_a_whole_chain_gives_every_frame_in_its_place() -> None:
    assert len(TRUTH) == 8 + 8 + 4
    raw = {index: b"".join(data for seg, data in history() if seg.index == index) for index in (5, 6, 7)}
    for index, end, row in TRUTH:
        assert raw[index][end - len(row) : end] == row
    batches, fault = read(history())
    assert fault is None
    assert [batch.index for batch in batches if batch.ends_index] == [5, 6]
    assert [seg.key for batch in batches for seg in batch.segments] == KEYS


@examples(60)
@given(st.data(), st.booleans(), st.sampled_from([1, 600, 2000, 4 << 20]))
def test_cuts_and_batches_make_no_difference(data: st.DataObject, big_endian: bool, size: int) -> None:
    pieces = []
    for index in range(data.draw(st.integers(1, 3))):
        made = a_wal(data.draw(st.integers(1, 5)), salt=index + 1, big_endian=big_endian)
        cuts = data.draw(st.lists(st.integers(0, made.frames), max_size=4))
        pieces += cut(made, index, *sorted(cuts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chains, "BATCH_BYTES", size)
        batches, fault = read(pieces)
    assert fault is None
    whole = b"".join(seg_data[32 if seg.offset == 0 else 0 :] for seg, seg_data in pieces)
    assert b"".join(row for _, _, row in frames_of(batches)) == whole
    ends = [batch.index for batch in batches if batch.ends_index]
    assert ends == sorted({seg.index for seg, _ in pieces})[:-1]
    for batch in batches:
        for end in commit_ends(batch).tolist():
            assert batch.segment_at(end - 1).offset < end


def test_a_wal_of_a_header_alone_is_whole() -> None:
    made = Wal(PAGE)
    batches, fault = read([*cut(made, 0), *cut(a_wal(salt=9), 1)])
    assert fault is None
    assert [(batch.index, len(batch.frames), batch.ends_index) for batch in batches] == [
        (0, 0, True),
        (1, 8, False),
    ]


def test_segments_need_not_end_at_commits() -> None:
    made = a_wal(2, pages=5)
    batches, fault = read(cut(made, 0, 3, 7))
    assert fault is None
    assert sum(len(batch.frames) for batch in batches) == 10


def test_a_transaction_left_open_at_the_very_end_is_no_damage() -> None:
    made = a_wal(2)
    made.frame(9, 0, made.image("open"))
    batches, fault = read(cut(made, 0, 2))
    assert fault is None
    assert [int(end) for batch in batches for end in commit_ends(batch)] == [made.end_of(2), made.end_of(4)]


def test_without_a_snapshot_the_first_wal_says_how_large_pages_are() -> None:
    chain = Chain(None)
    list(chain.read(history()))
    assert chain.page_size == PAGE
    assert sorted(chain.headers) == [5, 6, 7]
    assert chain.end == Position(A, 7, a_wal(2).end_of(4))


# --- what does not hold -----------------------------------------------------------------------------------


def without_end(index: int, offset: int) -> list[tuple[int, int, bytes]]:
    """The truth without what lies behind `offset` in one WAL."""
    return [frame for frame in TRUTH if frame[0] != index or frame[1] <= offset]


@pytest.mark.parametrize("number", range(len(KEYS)))
def test_every_truncation_of_a_segment_is_named_or_is_only_the_end(number: int) -> None:
    pieces = history()
    item, data = pieces[number]
    follows = pieces[number + 1][0] if number + 1 < len(pieces) else None
    frame = PAGE + 24
    for length in range(len(data)):
        damaged = list(pieces)
        damaged[number] = item, data[:length]
        batches, fault = read(damaged)
        got = frames_of(batches)
        left = without_end(item.index, item.offset + length)
        assert got == left[: len(got)], "frames that are not of the truth, or out of order"
        assert fault is not None or got == left
        body = length - (32 if item.offset == 0 else 0)
        if body < 0 or body % frame:
            assert fault is not None
            assert fault.object == item.key
        elif follows is not None and follows.index == item.index:
            assert fault is not None
            assert fault.object == names.segment_key(A, item.index, item.offset + length)
            assert "bytes of WAL are missing" in fault.message
            assert fault.segment == follows
        elif follows is not None:
            # The end of a WAL that another one follows: inside a transaction it is seen.
            ends_at_commit = (item.offset + length - 32) // frame % 2 == 0
            assert (fault is None) == ends_at_commit
            if fault is not None:
                assert fault.object == names.segment_key(A, item.index, item.offset + length)
                assert fault.index == item.index
        else:
            assert fault is None


@pytest.mark.parametrize("number", range(len(KEYS)))
def test_every_flipped_bit_ends_the_chain_at_its_object(number: int) -> None:
    pieces = history()
    item, data = pieces[number]
    before = [frame for frame in TRUTH if (frame[0], frame[1]) <= (item.index, item.offset or 32)]
    for bit in range(0, len(data) * 8, 1 if len(data) < 600 else 7):
        spoilt = bytearray(data)
        spoilt[bit // 8] ^= 1 << bit % 8
        damaged = list(pieces)
        damaged[number] = item, bytes(spoilt)
        batches, fault = read(damaged)
        assert fault is not None, f"bit {bit} of {item.key} passed"
        assert fault.object == item.key
        got = frames_of(batches)
        assert got == TRUTH[: len(got)]
        assert len(got) >= len(before)


@pytest.mark.parametrize("number", range(len(KEYS)))
def test_every_missing_segment_is_named_as_it_would_be_called(number: int) -> None:
    pieces = history()
    missing = pieces.pop(number)[0]
    batches, fault = read(pieces)
    follows = pieces[number][0] if number < len(pieces) else None
    left = without_end(missing.index, missing.offset)
    got = frames_of(batches)
    assert got == left[: len(got)]
    if follows is None or (missing.offset == 0 and follows.index != missing.index):
        assert fault is None  # the newest, or a whole WAL: for names to tell
    elif missing == history()[2][0]:
        assert fault is None  # up to a commit, of a WAL that another one follows: for other evidence
    else:
        assert fault is not None
        assert fault.object == missing.key
    assert fault is not None or got == left


def test_a_segment_that_does_not_decode_leaves_what_is_in_front_of_it() -> None:
    def decoded() -> Iterator[Piece]:
        for item, data in history():
            if item.key == KEYS[2]:
                raise ChainFault(item, "LZ4 frame cannot be decoded")
            yield item, data

    batches, fault = read(decoded())
    assert fault is not None
    assert fault.object == KEYS[2]
    assert len(frames_of(batches)) == 6


@pytest.mark.parametrize(
    ("pieces", "blamed", "message"),
    [
        (cut(a_wal(), 0, 2)[1:], names.segment_key(A, 0, 0), "begins at offset"),
        (
            [cut(a_wal(), 0, 4)[0], segment(0, 32 + 2 * 536, b"x" * 536)],
            None,
            "overlaps the segment before it",
        ),
        (
            [cut(a_wal(), 0, 4)[0], segment(0, 32 + 4 * 536, bytes(a_wal(salt=5).data[32 + 4 * 536 :]))],
            None,
            "salts",
        ),
        (
            [cut(a_wal(), 0, 4)[0], segment(0, 32 + 4 * 536, bytes(a_wal().data[32 : 32 + 4 * 536]))],
            None,
            "chain",
        ),
        ([segment(0, 0, bytes(Wal(1024).data))], None, "page size is 1024, that of the snapshot 512"),
        ([segment(0, 0, b"not a WAL at all" * 40)], None, "not a WAL"),
        ([segment(0, 0, b"")], None, "cut short"),
    ],
    ids=["no start", "overlap", "of another WAL", "an earlier piece again", "page size", "garbage", "empty"],
)
def test_objects_that_do_not_belong_are_named(pieces: list[Piece], blamed: str | None, message: str) -> None:
    _, fault = read(pieces)
    assert fault is not None
    assert fault.object == (blamed or pieces[-1][0].key)
    assert message in fault.message


def test_two_segments_exchanged_are_noticed() -> None:
    made = a_wal(6)
    first, second, third, fourth = cut(made, 0, 4, 6, 8)
    exchanged = [first, (second[0], third[1]), (third[0], second[1]), fourth]
    batches, fault = read(exchanged)
    assert fault is not None
    assert fault.object == second[0].key
    assert len(frames_of(batches)) == 4


def test_rolled_back_frames_with_the_right_salts_end_the_chain() -> None:
    made = a_wal(2)
    good = len(made.data)
    spill = a_wal(4)
    made.data += spill.data[spill.end_of(3) :]
    batches, fault = read(cut(made, 0))
    assert fault is not None
    assert "checksum" in fault.message
    assert frames_of(batches)[-1][1] == good


# --- a wanted end -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 1200, 4 << 20])
@pytest.mark.parametrize("past", [0, 1, 535])
def test_frames_behind_the_wanted_end_are_kept_back(
    size: int, past: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chains, "BATCH_BYTES", size)
    pieces = [piece for piece in history() if piece[0].index < 7]
    for count in range(9):
        until = Position(A, 6, min(32 + count * 536 + past, 32 + 8 * 536))
        chain = Chain(PAGE, until=until)
        wanted = [frame for frame in TRUTH if frame[:2] <= (6, until.offset)]
        got = frames_of(chain.read(pieces))
        assert got == wanted
        rest = frames_of(chain.read_on([]))
        assert wanted + rest == [frame for frame in TRUTH if frame[0] < 7]


def test_the_chain_goes_on_behind_the_wanted_end() -> None:
    pieces = history()
    chain = Chain(PAGE, until=Position(A, 5, 32 + 3 * 536))
    first = frames_of(chain.read(pieces[:2]))
    rest = frames_of(chain.read_on(pieces[2:]))
    assert first + rest == TRUTH
    assert len(first) == 3


@pytest.mark.parametrize("offset", [32 + 8 * 536 + 1, 1 << 40])
def test_an_end_beyond_what_is_stored_is_refused_with_where_it_ends(offset: int) -> None:
    chain = Chain(PAGE, until=Position(A, 6, offset))
    with pytest.raises(PositionBeyondEnd) as caught:
        list(chain.read([piece for piece in history() if piece[0].index < 7]))
    assert caught.value.end == Position(A, 6, 32 + 8 * 536)


def test_damage_behind_the_wanted_end_takes_nothing_away() -> None:
    pieces = history()[:2]
    item, data = pieces[1]
    pieces[1] = item, data[:-100] + bytes(100)
    chain = Chain(PAGE, until=Position(A, 5, 32 + 4 * 536))
    assert frames_of(chain.read(pieces)) == TRUTH[:4]


# --- page 1's change counter --------------------------------------------------------------------------------


def counted(salt: int, *counters: int) -> Wal:
    """A WAL with a transaction per counter, each writing page 1 with it."""
    made = Wal(PAGE, salts=(salt, salt))
    for counter in counters:
        page = bytearray(made.image(counter))
        struct.pack_into(">I", page, 24, counter)
        made.frame(1, 3, bytes(page))
    return made


@pytest.mark.parametrize(
    ("snapshot", "first", "second", "fault"),
    [
        (None, (5, 6), (7, 8), None),
        (None, (5, 6), (6, 7), None),
        (4, (5, 6), (7,), None),
        (6, (5, 6), (7,), None),
        (5, (5, 6), (7,), None),
        (None, (0xFFFFFFFE, 0xFFFFFFFF), (0, 1), None),
        (None, (5, 6), (8, 9), "commits are missing between WAL 00000000 and WAL 00000001"),
        (None, (5, 6), (106,), "goes from 6 to 106"),
        (None, (5, 6), (5,), "the order of commits is broken"),
        (2, (5, 6), (7,), "not of one history"),
        (9, (5, 6), (7,), "not of one history"),
    ],
)
def test_the_change_counter_goes_on_by_one_at_most(
    snapshot: int | None, first: tuple[int, ...], second: tuple[int, ...], fault: str | None
) -> None:
    pieces = cut(counted(1, *first), 0) + cut(counted(2, *second), 1)
    batches, found = read(pieces, counter=snapshot)
    if fault is None:
        assert found is None
        return
    assert found is not None
    assert fault in found.message
    assert isinstance(found, SnapshotMismatch) == (snapshot is not None)
    if snapshot is None:
        assert found.object == names.segment_key(A, 0, 32 + 2 * 536)
        assert len(frames_of(batches)) == 2
    else:
        assert found.object == names.snapshot_key(A, 0)


def test_a_wal_that_never_writes_page_1_says_nothing() -> None:
    pieces = cut(counted(1, 5, 6), 0) + cut(a_wal(salt=2), 1) + cut(counted(3, 7), 2)
    assert read(pieces)[1] is None
    jumped = cut(counted(1, 5, 6), 0) + cut(a_wal(salt=2), 1) + cut(counted(3, 9), 2)
    assert read(jumped)[1] is not None


def test_what_never_committed_does_not_count() -> None:
    made = counted(1, 5, 6)
    page = bytearray(made.image("open"))
    struct.pack_into(">I", page, 24, 99)
    made.frame(1, 0, bytes(page))
    assert read(cut(made, 0))[1] is None


def test_other_generations_salts_do_not_fit(tmp_path: object) -> None:
    mine, other = a_wal(salt=1), a_wal(salt=2)
    foreign = segment(0, mine.end_of(4), bytes(other.data[other.end_of(4) :]), B)
    _, fault = read([cut(mine, 0, 4)[0], foreign])
    assert fault is not None
    assert "salts" in fault.message
    assert np.array_equal(wal.split_frames(bytes(mine.data[32:]), PAGE).pgno[:2], [2, 3])
