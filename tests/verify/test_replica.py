"""The proof of a replica finds what no restore can see, and says where good data begins and ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import lz4.frame
import pytest

from sqlite_recovery_tui.domain import RestorePoint
from sqlite_recovery_tui.errors import Cancelled, NotFoundError, StorageError
from sqlite_recovery_tui.formats import lz4 as frames
from sqlite_recovery_tui.progress import CancelToken, Progress
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.restore.target import AtPosition, AtTime, Target
from sqlite_recovery_tui.storage.memory import MemoryStore
from sqlite_recovery_tui.verify.replica import verify_replica
from tests.support.generation_writer import GenerationWriter
from tests.support.shelf import Shelf, at, content_of, proof_of
from tests.support.wals import rechained

PAGE = 512


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """WAL 0 to 4 of three segments each, a snapshot in front of each of them but 3, one row a segment."""
    shelf = Shelf()
    with GenerationWriter(tmp_path / "app.db", shelf.take, page_size=PAGE) as writer:
        writer.connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, word TEXT)")
        writer.connection.execute("CREATE TABLE cold(word TEXT); INSERT INTO cold VALUES ('frozen')")
        writer.checkpoint("TRUNCATE")
        writer.new_generation(at(0))
        for index in range(5):
            if index not in (0, 3):
                writer.snapshot(at(100 * index))
            for number in range(3):
                writer.connection.execute("INSERT INTO t(word) VALUES (?)", (f"{index}.{number}" * 30,))
                writer.ship(at(100 * index + 10 * number + 10))
            writer.checkpoint("TRUNCATE")
    return shelf


def segments(shelf: Shelf, index: int) -> list[str]:
    return shelf.keys(f"wal/{index:08x}_")


def snapshot(shelf: Shelf, index: int) -> str:
    (key,) = shelf.keys(f"snapshots/{index:08x}")
    return key


def reseal(shelf: Shelf, index: int, change: Callable[[bytearray], None]) -> None:
    """Alter a whole WAL and seal it again: every checksum holds."""
    keys = segments(shelf, index)
    lengths = [len(shelf.decoded(key)) for key in keys]
    data = bytearray(b"".join(shelf.decoded(key) for key in keys))
    change(data)
    sealed = rechained(bytes(data))
    for key, length in zip(keys, lengths, strict=True):
        shelf.replace(key, frames.compress(sealed[:length]))
        sealed = sealed[length:]


def forge(data: bytearray) -> None:
    """Change a row in a WAL's frames."""
    where = data.rindex(b"1.2")
    data[where : where + 3] = b"9.9"


def to(point: RestorePoint | None) -> Target:
    assert point is not None
    end = point.end
    if end is None or end.offset == 0:
        return AtTime(point.time)
    return AtPosition(end.index, end.offset, end.generation)


def test_ends_that_later_snapshots_attest_are_proven(shelf: Shelf) -> None:
    proof = proof_of(shelf)
    (generation,) = proof.generations
    assert (proof.verdict, proof.faults, generation.attested) == ("proven", (), (0, 1, 2, 3))


def test_ends_that_nothing_attests_are_listed(shelf: Shelf) -> None:
    shelf.drop(snapshot(shelf, 4))
    proof = proof_of(shelf)
    (generation,) = proof.generations
    assert (proof.verdict, generation.attested) == ("consistent", (0, 1))
    assert [text.partition(" is ")[0][-8:] for text in generation.unproven] == ["00000002", "00000003"]


@pytest.mark.parametrize("index", [0, 1, 3])
@pytest.mark.parametrize("count", [1, 2])
def test_a_missing_tail_is_named_by_its_name(index: int, count: int, shelf: Shelf) -> None:
    """Nothing in the WAL itself says how long it was; the snapshot behind it does."""
    tail = segments(shelf, index)[-count:]
    shelf.drop(*tail)
    (fault,) = proof_of(shelf).faults
    assert fault.object == tail[0]
    assert fault.last_good is not None
    assert fault.next_good is not None
    assert (fault.last_good.key, fault.next_good.key) == (
        snapshot(shelf, 2 if index == 3 else index),
        snapshot(shelf, index + 1),
    )


def test_a_segment_that_was_forged_and_sealed_again_is_found(shelf: Shelf) -> None:
    whole = content_of(shelf, at(130))
    reseal(shelf, 1, forge)
    assert content_of(shelf, at(130)) != whole  # every checksum holds
    proof = proof_of(shelf)
    (fault,) = proof.faults
    assert "snapshot 00000001 and snapshot 00000002 do not join" in fault.message
    assert proof.generations[0].attested == (0, 2, 3)
    assert fault.last_good is not None
    assert fault.last_good.key == snapshot(shelf, 1)


def test_a_snapshot_that_was_forged_and_sealed_again_is_told_from_the_chain(shelf: Shelf) -> None:
    key = snapshot(shelf, 1)
    data = bytearray(shelf.decoded(key))
    where = data.rindex(b"frozen")
    data[where : where + 6] = b"melted"
    shelf.replace(key, frames.compress(bytes(data)))
    proof = proof_of(shelf)
    (fault,) = proof.faults
    assert (fault.object, proof.generations[0].attested) == (key, (0, 1, 2, 3))
    assert fault.last_good is not None
    assert fault.last_good.key == segments(shelf, 0)[-1]


@pytest.mark.parametrize("index", [0, 1, 4])
def test_a_damaged_snapshot_does_not_hide_what_is_behind_it(index: int, shelf: Shelf) -> None:
    key = snapshot(shelf, index)
    shelf.replace(key, shelf.data(key)[:-9])
    broken = segments(shelf, index)[1]
    shelf.replace(broken, shelf.data(broken)[:-1])
    proof = proof_of(shelf)
    assert {fault.object for fault in proof.faults} == {key, broken}
    for fault in proof.faults:
        if index < 4:
            assert fault.next_good is not None
            assert fault.next_good.key == snapshot(shelf, index + 1)
            assert content_of(shelf, to(fault.next_good))
        else:
            assert fault.next_good is None
        if index:
            assert content_of(shelf, to(fault.last_good))
        else:
            assert fault.last_good is None


def test_every_stretch_is_looked_at(shelf: Shelf) -> None:
    broken = [segments(shelf, index)[1] for index in (0, 1, 4)]
    for key in broken:
        shelf.replace(key, shelf.data(key)[:-1])
    proof = proof_of(shelf)
    assert [fault.object for fault in proof.faults] == broken
    assert proof.generations[0].attested == (2, 3)


def test_the_points_around_a_fault_can_be_restored(shelf: Shelf) -> None:
    broken = segments(shelf, 3)[1]
    good = content_of(shelf, shelf.time(segments(shelf, 3)[0]))
    shelf.replace(broken, b"")
    (fault,) = proof_of(shelf).faults
    assert content_of(shelf, to(fault.last_good)) == good
    assert b"3.2" in content_of(shelf, to(fault.next_good))


def test_any_legal_frame_will_do(shelf: Shelf) -> None:
    for key in list(shelf.objects):
        data = shelf.decoded(key)
        shelf.replace(key, lz4.frame.compress(data, block_size=lz4.frame.BLOCKSIZE_MAX64KB, store_size=True))
    assert proof_of(shelf).verdict == "proven"


def test_it_reports_every_object_and_leaves_nothing(shelf: Shelf, tmp_path: Path) -> None:
    reports: list[Progress] = []
    store = shelf.store()
    proof = verify_replica(store, scan(store), folder=tmp_path, progress=reports.append)
    assert [report.done for report in reports] == list(range(1, len(shelf.objects) + 1))
    assert {report.total for report in reports} == {len(shelf.objects)}
    assert proof.objects >= len(shelf.objects)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("sqlrecover")]


def test_it_stops_when_asked(shelf: Shelf, tmp_path: Path) -> None:
    cancel = CancelToken()
    store = shelf.store()
    with pytest.raises(Cancelled):
        verify_replica(store, scan(store), folder=tmp_path, progress=lambda _: cancel.cancel(), cancel=cancel)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("sqlrecover")]


def test_an_object_that_cannot_be_fetched_is_no_damage(shelf: Shelf) -> None:
    store = shelf.store()
    timeline = scan(store)
    store.delete(segments(shelf, 2)[:1])
    with pytest.raises(StorageError):
        verify_replica(store, timeline)


def test_nothing_there_is_nothing_found() -> None:
    store = MemoryStore("empty")
    with pytest.raises(NotFoundError):
        verify_replica(store, scan(store))
