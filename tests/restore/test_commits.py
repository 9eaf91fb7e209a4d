"""The commits inside one object: exact positions, restorable one by one, and nothing that does not hold."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import replica_from_url
from sqlite_recovery_tui.domain import LtxFile, Position, Txid, WalSegment
from sqlite_recovery_tui.errors import Cancelled, DamagedError
from sqlite_recovery_tui.formats import lz4, wal
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.restore.commits import ObjectCommits, commits
from sqlite_recovery_tui.restore.target import AtPosition
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.memory import MemoryStore
from sqlite_recovery_tui.storage.open import open_store
from tests.support.generation_writer import GenerationWriter
from tests.support.listings import A, at
from tests.support.ltx_small import SmallReplica, small
from tests.support.shelf import Shelf, restore_to
from tests.support.wals import Wal


def stored(made: Wal, *edges: int) -> tuple[MemoryStore, Timeline]:
    """A snapshot and one WAL, cut into segments behind these numbers of frames."""
    store = MemoryStore("commits")
    put(store, f"generations/{A}/snapshots/00000000.snapshot.lz4", bytes(made.page_size))
    bounds = [0, *(made.end_of(count) for count in edges), len(made.data)]
    for start, end in pairwise(bounds):
        put(store, f"generations/{A}/wal/00000000_{start:08x}.wal.lz4", bytes(made.data[start:end]))
    return store, scan(store)


def put(store: MemoryStore, key: str, data: bytes) -> None:
    store.put(key, lz4.compress(data))
    store.set_time(key, at(1))


def segments(timeline: Timeline) -> tuple[WalSegment, ...]:
    return timeline.generations[0].segments


def three() -> Wal:
    """Transactions of one, two and three frames; the last writes one page twice."""
    return (
        Wal()
        .transaction([(2, "a")], 5)
        .transaction([(2, "b"), (3, "c")], 5)
        .transaction([(4, "d"), (6, "e"), (4, "f")], 6)
    )


def test_a_segment_tells_each_commit_with_its_position_pages_and_size() -> None:
    made = three()
    store, timeline = stored(made)
    found = commits(store, timeline, segments(timeline)[0])
    assert [commit.place for commit in found.commits] == [
        Position(A, 0, made.end_of(count)) for count in (1, 3, 6)
    ]
    assert [(commit.pages, commit.database_pages) for commit in found.commits] == [(1, 5), (2, 5), (2, 6)]
    assert {commit.time for commit in found.commits} == {None}, "v0.3 dates no commit"
    assert found.notes == ()


def test_a_later_segment_is_verified_against_the_frame_in_front_of_it() -> None:
    made = three()
    store, timeline = stored(made, 1, 3)
    last = segments(timeline)[2]
    assert [commit.place for commit in commits(store, timeline, last).commits] == [
        Position(A, 0, made.end_of(6))
    ]
    other = Wal().transaction([(2, "x")], 5).transaction([(2, "y"), (3, "z")], 5)
    put(store, segments(timeline)[1].key, bytes(other.data[other.end_of(1) :]))
    with pytest.raises(DamagedError, match="does not continue the chain") as caught:
        commits(store, timeline, last)
    assert caught.value.object == last.key


def test_a_transaction_that_is_cut_by_a_segment_is_said_and_counted_where_it_ends() -> None:
    made = three()
    store, timeline = stored(made, 2, 5)
    first, middle, last = (commits(store, timeline, each) for each in segments(timeline))
    assert [len(each.commits) for each in (first, middle, last)] == [1, 1, 1]
    assert (first.begins_inside, first.ends_inside) == (False, True)
    assert (middle.begins_inside, middle.ends_inside) == (True, True)
    assert (last.begins_inside, last.ends_inside) == (True, False)
    assert "begins inside a transaction" in middle.notes[0]
    assert middle.commits[0].place == Position(A, 0, made.end_of(3))


@pytest.mark.parametrize("at_frame", [0, 4])
def test_a_flipped_bit_is_named(at_frame: int) -> None:
    made = three()
    made.data[made.end_of(at_frame) + wal.FRAME_HEADER_SIZE + 7] ^= 1
    store, timeline = stored(made)
    with pytest.raises(DamagedError, match=f"offset {made.end_of(at_frame):08x} does not hold"):
        commits(store, timeline, segments(timeline)[0])


def test_an_object_that_does_not_decode_is_named() -> None:
    store, timeline = stored(three(), 3)
    store.put(segments(timeline)[1].key, b"not lz4 at all")
    with pytest.raises(DamagedError, match=r"00000000_00000668") as caught:
        commits(store, timeline, segments(timeline)[1])
    assert caught.value.object == segments(timeline)[1].key


@pytest.mark.parametrize(("missing", "words"), [(0, "start of its WAL"), (1, "is missing")])
def test_without_what_lies_in_front_nothing_is_claimed(missing: int, words: str) -> None:
    store, timeline = stored(three(), 1, 3)
    store.delete([segments(timeline)[missing].key])
    timeline = scan(store)
    with pytest.raises(DamagedError, match=words):
        commits(store, timeline, segments(timeline)[-1])


def test_every_commit_of_a_segment_can_be_restored_by_itself(tmp_path: Path) -> None:
    shelf = Shelf()
    with GenerationWriter(tmp_path / "app.db", shelf.take, keep_states=True) as writer:
        writer.new_generation(at(0))
        for number in range(3):
            writer.connection.execute(f"CREATE TABLE t{number}(x)")
        writer.ship(at(1))
        truth = {commit.position: commit.state for commit in writer.commits}
    store = shelf.store()
    timeline = scan(store)
    found = commits(store, timeline, segments(timeline)[0])
    assert len(found.commits) == 3
    for number, commit in enumerate(found.commits):
        assert isinstance(commit.place, Position)
        target = AtPosition(commit.place.index, commit.place.offset, commit.place.generation)
        result = restore_to(tmp_path / f"{number}.db", store, target)
        assert result.position == commit.place
        restored = (tmp_path / f"{number}.db").read_bytes()
        assert restored == truth[commit.place]
        assert len(restored) == commit.database_pages * found.page_size


# LTX


@pytest.fixture
def replica(tmp_path: Path) -> SmallReplica:
    return small(tmp_path, {0: "4 5 6", 1: "3-4", 9: "1-2"})


def opened(replica: SmallReplica) -> Store:
    return open_store(replica_from_url(replica.url))


def read(replica: SmallReplica, level: int, last: int) -> ObjectCommits:
    store = opened(replica)
    timeline = scan(store)
    assert timeline.ltx is not None
    file = next(each for each in timeline.ltx.files if (each.level, each.max_txid) == (level, last))
    return commits(store, timeline, file)


def test_a_sync_is_one_state_with_its_time(replica: SmallReplica) -> None:
    found = read(replica, 0, 5)
    (only,) = found.commits
    assert only.place == Txid(5)
    assert only.time == replica.time(5)
    assert only.database_pages * found.page_size == len(replica.states[5])
    assert only.pages == len(replica.ltx(5, 5).pages)
    assert found.hidden == 0


def test_a_compaction_hides_all_but_its_last_state_and_says_so(replica: SmallReplica) -> None:
    found = read(replica, 1, 4)
    assert [commit.place for commit in found.commits] == [Txid(4)]
    assert found.hidden == 1
    assert "TXIDs 0000000000000003 to 0000000000000004 are one state" in found.notes[0]


def test_a_snapshot_says_that_it_is_the_whole_database(replica: SmallReplica) -> None:
    assert "whole database" in read(replica, 9, 2).notes[0]


def test_a_damaged_file_is_named(replica: SmallReplica) -> None:
    path = replica.path(0, 5)
    replica.change(path, lambda data: data[:150] + bytes([data[150] ^ 1]) + data[151:])
    with pytest.raises(DamagedError) as caught:
        read(replica, 0, 5)
    assert caught.value.object.endswith("0000000000000005-0000000000000005.ltx")


@pytest.mark.parametrize("layout", ["v0.3", "v0.5"])
def test_reading_can_be_cancelled(layout: str, replica: SmallReplica) -> None:
    token = CancelToken()
    token.cancel()
    store, timeline = stored(three())
    item: WalSegment | LtxFile = segments(timeline)[0]
    if layout == "v0.5":
        store = opened(replica)  # type: ignore[assignment]
        timeline = scan(store)
        assert timeline.ltx is not None
        item = timeline.ltx.files[0]
    with pytest.raises(Cancelled):
        commits(store, timeline, item, cancel=token)
