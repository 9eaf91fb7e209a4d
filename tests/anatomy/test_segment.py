"""WAL segments: every frame and transaction of them, what is proven of each, and where damage begins."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlite_recovery_tui.anatomy.find import around
from sqlite_recovery_tui.anatomy.segment import FrameState, SegmentAnatomy, read_segment
from sqlite_recovery_tui.domain import WalSegment
from sqlite_recovery_tui.formats import lz4
from tests.anatomy.stock import Shelf, three_transactions
from tests.support.wals import Wal


def read(shelf: Shelf, item: WalSegment) -> SegmentAnatomy:
    near = around(shelf.timeline, item)
    return read_segment(shelf.access, item, first=near.first, previous=near.previous)


def states(anatomy: SegmentAnatomy) -> list[FrameState]:
    return [anatomy.frame(number).state for number in range(len(anatomy.frames))]


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_a_whole_wal_frame_by_frame(page_size: int, big_endian: bool) -> None:
    shelf = Shelf()
    made = three_transactions(page_size=page_size, big_endian=big_endian, sequence=7)
    found = read(shelf, shelf.wal(made)[0])
    assert found.proof.holds
    assert not found.faults
    assert found.header is not None
    assert (found.header.page_size, found.header.sequence) == (page_size, 7)
    assert (found.header.salt1, found.header.salt2) == made.salts
    frames = [found.frame(number) for number in range(6)]
    assert [frame.page for frame in frames] == [1, 2, 2, 3, 2, 1]
    assert [frame.commit for frame in frames] == [0, 2, 0, 0, 3, 3]
    assert [frame.offset for frame in frames] == [made.end_of(number) for number in range(6)]
    assert found.image(3) == made.image("d")
    listed = [found.transaction(number) for number in range(found.transactions)]
    assert [(each.first, each.frames, each.pages, each.size) for each in listed] == [
        (0, 2, 2, 2), (2, 3, 2, 3), (5, 1, 1, 3),
    ]  # fmt: skip
    assert listed[1].start == made.end_of(2)
    assert listed[1].end == made.end_of(5)
    assert found.newest_of(2) == 4
    assert found.newest_of(9) is None
    assert [found.transaction_of(number) for number in range(6)] == [0, 0, 1, 1, 1, 2]


def test_in_the_middle_of_a_wal_it_goes_on_from_the_segment_before() -> None:
    shelf = Shelf()
    segments = shelf.wal(three_transactions(), 3, 5)
    middle, last = read(shelf, segments[1]), read(shelf, segments[2])
    assert middle.proof.holds
    assert last.proof.holds
    assert middle.before.header_from == "the first segment of its WAL"
    assert middle.begins_inside
    assert not middle.ends_inside
    assert not last.begins_inside
    assert read(shelf, segments[0]).ends_inside


def test_without_what_is_in_front_the_first_frame_is_not_checked_and_the_others_are() -> None:
    shelf = Shelf()
    segments = shelf.wal(three_transactions(), 1, 3)
    shelf.store.delete([segments[1].key])
    found = read(shelf, segments[2])
    assert found.faults
    assert "does not go on from the segment before it" in found.faults[0].message
    assert states(found) == [FrameState.UNCHECKED, FrameState.PROVEN, FrameState.PROVEN]
    shelf.store.delete([segments[0].key])
    found = read(shelf, segments[2])
    assert found.before.header_from == "its own frames"
    assert found.page_size == 512
    assert not found.faults
    assert found.proof.word == "not proven"
    assert "no segment in front of it is stored" in found.proof.how
    assert states(found) == [FrameState.UNCHECKED, FrameState.PROVEN, FrameState.PROVEN]


def test_the_page_size_of_a_single_frame_is_known_by_its_length() -> None:
    shelf = Shelf()
    segments = shelf.wal(three_transactions(page_size=1024), 5)
    shelf.store.delete([segments[0].key])
    found = read(shelf, segments[1])
    assert (found.page_size, len(found.frames)) == (1024, 1)


def test_a_broken_frame_is_told_from_those_behind_it() -> None:
    shelf = Shelf()
    made = three_transactions()
    data = bytearray(made.data)
    data[made.end_of(2) + 100] ^= 1
    found = read(shelf, shelf.segment(0, 0, bytes(data)))
    assert states(found) == [
        FrameState.PROVEN, FrameState.PROVEN, FrameState.BROKEN,
        FrameState.BEHIND, FrameState.BEHIND, FrameState.BEHIND,
    ]  # fmt: skip
    assert found.proof.fails
    assert f"frame 2, offset {made.end_of(2):08x}" in str(found.faults[0])
    assert found.transaction(0).state is FrameState.PROVEN
    assert found.transaction(1).state is FrameState.BROKEN


def test_frames_of_an_earlier_round_are_told_by_their_salts() -> None:
    shelf = Shelf()
    old, new = three_transactions(), Wal(salts=(1, 2)).transaction([(1, "n")], 2)
    data = bytes(new.data) + bytes(old.data[len(new.data) :])
    found = read(shelf, shelf.segment(0, 0, data))
    assert states(found)[1] is FrameState.FOREIGN
    assert "salts" in found.faults[0].message


def test_an_object_cut_short_is_read_as_far_as_it_goes() -> None:
    shelf = Shelf()
    made = Wal(page_size=512)
    made.transaction(((page, f"row {page * page}") for page in range(1, 200)), 200)
    packed = lz4.compress(bytes(made.data))
    item = shelf.segment(0, 0, bytes(made.data), pack=lambda data: packed[: len(packed) // 2])
    found = read(shelf, item)
    assert 40 < len(found.frames) < 199
    assert set(states(found)) == {FrameState.PROVEN}
    assert found.faults[0].message.startswith("LZ4 block cut short")
    assert found.proof.fails
    assert found.image(5) == made.image("row 36")


def test_half_a_frame_at_the_end_is_said() -> None:
    shelf = Shelf()
    found = read(shelf, shelf.segment(0, 0, bytes(three_transactions().data[:-100])))
    assert len(found.frames) == 5
    assert "frame 5 is cut short: 436 of its 536 bytes" in found.faults[0].message


def test_no_wal_at_all() -> None:
    shelf = Shelf()
    for data, words in ((b"", "cut short"), (b"x" * 600, "not a WAL"), (b"\0" * 32, "not a WAL")):
        found = read(shelf, shelf.segment(0, 0, data))
        assert words in found.faults[0].message
        assert not len(found.frames)
        assert found.to_json()["header"] is None
    found = read(shelf, shelf.segment(3, 77, b"not frames"))
    assert "how large its pages are" in found.faults[0].message


def test_an_empty_wal_is_no_fault() -> None:
    shelf = Shelf()
    found = read(shelf, shelf.segment(0, 0, bytes(Wal().data)))
    assert found.proof.holds
    assert found.transactions == 0


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_flipped_nothing_false_is_called_proven(data: st.DataObject) -> None:
    shelf = Shelf()
    made = three_transactions()
    damaged = bytearray(made.data)
    at = data.draw(st.integers(32, len(damaged) - 1))
    damaged[at] ^= data.draw(st.integers(1, 255))
    found = read(shelf, shelf.segment(0, 0, bytes(damaged)))
    frame = (at - 32) // made.frame_bytes
    assert found.proof.fails
    assert all(state is FrameState.PROVEN for state in states(found)[:frame])
    assert all(state.is_bad for state in states(found)[frame:])


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=3000), st.integers(0, 5000))
def test_noise_is_described_and_never_fails(noise: bytes, offset: int) -> None:
    shelf = Shelf()
    found = read(shelf, shelf.segment(0, offset, noise, pack=lambda data: data))
    assert found.proof.fails
    read(shelf, shelf.segment(0, offset, noise))
