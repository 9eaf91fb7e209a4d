"""Damage that the field suffers: each is named with what is lost and the good points around it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import replica_from_url
from sqlite_recovery_tui.domain import Position, RestorePoint, Snapshot, WalSegment
from sqlite_recovery_tui.errors import DamagedError
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.restore.plan import make_plan
from sqlite_recovery_tui.restore.run import RestoreOptions, RestoreResult, restore
from sqlite_recovery_tui.restore.target import AtPosition, AtTime, Latest, Target
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.open import open_store
from sqlite_recovery_tui.verify.proof import ReplicaProof
from sqlite_recovery_tui.verify.replica import verify_replica
from tests.support.generation_writer import GenerationWriter

START = datetime(2026, 3, 26, 10, 0, tzinfo=UTC)
ROWS_PER_SEGMENT = 3


@dataclass
class History:
    """One generation: WAL 0 to 3 of four segments each, snapshots at 0 and 2, three rows per segment."""

    folder: Path
    objects: list[Snapshot | WalSegment]
    states: dict[Position, bytes]

    @property
    def store(self) -> Store:
        return open_store(replica_from_url(self.folder.as_uri()))

    def path(self, item: Snapshot | WalSegment) -> Path:
        return self.folder / item.key

    def segment(self, index: int, number: int) -> WalSegment:
        found = [item for item in self.objects if isinstance(item, WalSegment) and item.index == index]
        return found[number]

    def snapshot(self, index: int) -> Snapshot:
        return next(item for item in self.objects if isinstance(item, Snapshot) and item.index == index)

    def restore(self, target: Target, output: Path, *, to_last_good: bool = False) -> RestoreResult:
        store = self.store
        plan = make_plan(
            scan(store), target, database=None, replica="test", url=store.url, to_last_good=to_last_good
        )
        return restore(store, plan, RestoreOptions(output, to_last_good=to_last_good))

    def prove(self) -> ReplicaProof:
        store = self.store
        return verify_replica(store, scan(store))


def _write(folder: Path, ids: str, rows: int) -> History:
    """Write a history; `rows` makes two histories differ."""
    with GenerationWriter(
        folder / "app.db", folder / "replica", keep_states=True, generation_ids=[ids]
    ) as writer:
        connection = writer.connection
        connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, word TEXT)")
        connection.execute("CREATE TABLE u(id INTEGER PRIMARY KEY, word TEXT)")
        writer.checkpoint("TRUNCATE")
        writer.new_generation(START)
        clock = START
        for index in range(4):
            if index == 2:
                writer.snapshot(clock + timedelta(seconds=5))
            for _ in range(4):
                clock += timedelta(seconds=10)
                for _ in range(ROWS_PER_SEGMENT):
                    connection.execute("INSERT INTO t(word) VALUES (?)", (f"{rows} " * 40,))
                writer.ship(clock)
            writer.checkpoint("TRUNCATE")
        states = {commit.position: commit.state for commit in writer.commits if commit.state is not None}
        return History(folder / "replica", list(writer.objects), states)


@pytest.fixture
def history(tmp_path: Path) -> History:
    (tmp_path / "one").mkdir()
    return _write(tmp_path / "one", "11f0c9a2b3d4e5f6", 1)


@pytest.fixture
def other(tmp_path: Path) -> History:
    """Another history of the same shape, whose objects have the same names but for the generation."""
    (tmp_path / "two").mkdir()
    return _write(tmp_path / "two", "22f0c9a2b3d4e5f6", 2)


def _copy(source: Path, target: Path) -> None:
    """Copy content and keep the time that the target had."""
    times = target.stat()
    shutil.copyfile(source, target)
    os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))


def _delete_middle(history: History, _: History) -> WalSegment:
    item = history.segment(3, 1)
    history.path(item).unlink()
    return item


def _delete_first(history: History, _: History) -> WalSegment:
    item = history.segment(3, 0)
    history.path(item).unlink()
    return item


def _replace_by_its_neighbour(history: History, _: History) -> WalSegment:
    item = history.segment(3, 1)
    _copy(history.path(history.segment(3, 2)), history.path(item))
    return item


def _replace_by_another_history(history: History, other: History) -> WalSegment:
    item = history.segment(3, 1)
    _copy(other.path(other.segment(3, 1)), history.path(item))
    return item


def _empty(history: History, _: History) -> WalSegment:
    item = history.segment(3, 1)
    times = history.path(item).stat()
    history.path(item).write_bytes(b"")
    os.utime(history.path(item), ns=(times.st_atime_ns, times.st_mtime_ns))
    return item


def _swap(history: History, _: History) -> WalSegment:
    first, second = history.segment(3, 1), history.segment(3, 2)
    kept = history.path(first).read_bytes()
    _copy(history.path(second), history.path(first))
    history.path(second).write_bytes(kept)
    os.utime(history.path(second), (second.time.timestamp(), second.time.timestamp()))
    return first


def _truncate(history: History, _: History) -> WalSegment:
    item = history.segment(3, 1)
    data = history.path(item).read_bytes()
    history.path(item).write_bytes(data[: len(data) // 2])
    os.utime(history.path(item), (item.time.timestamp(), item.time.timestamp()))
    return item


Damage = Callable[[History, History], WalSegment]
IN_A_WAL: list[Damage] = [
    _delete_middle,
    _replace_by_its_neighbour,
    _replace_by_another_history,
    _empty,
    _swap,
    _truncate,
]


@pytest.mark.parametrize("damage", [*IN_A_WAL, _delete_first], ids=lambda each: each.__name__.strip("_"))
def test_damage_to_a_segment_is_refused_by_name_and_passed_on_request(
    damage: Damage, history: History, other: History, tmp_path: Path
) -> None:
    item = damage(history, other)
    good = _state_before(history, item)
    with pytest.raises(DamagedError) as caught:
        history.restore(Latest(), tmp_path / "out.db")
    assert caught.value.code == 4
    assert item.key in caught.value.object
    assert not (tmp_path / "out.db").exists()

    last_good = caught.value.last_good
    assert last_good is not None
    history.restore(_to(last_good), tmp_path / "last_good.db")
    assert (tmp_path / "last_good.db").read_bytes() == good

    result = history.restore(Latest(), tmp_path / "out.db", to_last_good=True)
    assert (tmp_path / "out.db").read_bytes() == good
    if damage is not _delete_first:  # there the newest state in front of the hole is all that is planned
        assert result.lost
        assert item.key in result.lost[0]
    else:
        assert result.notes

    proof = history.prove()
    assert proof.verdict == "damaged"
    assert item.key in [fault.object for fault in proof.faults]


@pytest.mark.parametrize("damage", IN_A_WAL, ids=lambda each: each.__name__.strip("_"))
def test_times_in_front_of_the_damage_are_not_touched_by_it(
    damage: Damage, history: History, other: History, tmp_path: Path
) -> None:
    item = damage(history, other)
    before = history.segment(3, 0)
    history.restore(AtTime(before.time), tmp_path / "out.db")
    assert (tmp_path / "out.db").read_bytes() == _state_before(history, item)


def test_a_damage_in_the_middle_names_the_next_good_snapshot(history: History, tmp_path: Path) -> None:
    item = history.segment(1, 1)
    history.path(item).unlink()
    with pytest.raises(DamagedError) as caught:
        history.restore(AtTime(history.segment(1, 3).time), tmp_path / "out.db")
    assert caught.value.next_good is not None
    assert caught.value.next_good.key == history.snapshot(2).key
    history.restore(_to(caught.value.next_good), tmp_path / "next.db")
    assert _rows(tmp_path / "next.db") == 2 * 4 * ROWS_PER_SEGMENT
    history.restore(Latest(), tmp_path / "latest.db")
    assert _rows(tmp_path / "latest.db") == 4 * 4 * ROWS_PER_SEGMENT


def test_a_missing_wal_hides_what_is_behind_it_and_nothing_else(history: History, tmp_path: Path) -> None:
    for number in range(4):
        history.path(history.segment(1, number)).unlink()
    hidden = history.segment(1, 2).time
    with pytest.raises(DamagedError) as caught:
        history.restore(AtTime(hidden), tmp_path / "out.db")
    assert history.segment(1, 0).key in caught.value.object
    assert caught.value.last_good is not None
    assert caught.value.next_good is not None
    history.restore(AtTime(history.segment(0, 3).time), tmp_path / "before.db")
    assert _rows(tmp_path / "before.db") == 4 * ROWS_PER_SEGMENT
    history.restore(Latest(), tmp_path / "latest.db")
    assert _rows(tmp_path / "latest.db") == 4 * 4 * ROWS_PER_SEGMENT


def test_the_tail_of_a_wal_missing_in_front_of_the_next_one_is_never_called_proven(
    history: History, tmp_path: Path
) -> None:
    history.path(history.segment(2, 3)).unlink()
    result = history.restore(Latest(), tmp_path / "out.db")
    assert result.continuity == "consistent"
    assert any("00000002" in each for each in result.unproven)
    history.path(history.segment(0, 3)).unlink()
    history.path(history.segment(1, 3)).unlink()
    proof = history.prove()
    assert proof.verdict == "damaged"  # snapshot 2 is not what is replayed up to it


def test_the_newest_object_missing_gives_the_state_before_it(history: History, tmp_path: Path) -> None:
    newest = history.segment(3, 3)
    history.path(newest).unlink()
    result = history.restore(Latest(), tmp_path / "out.db")
    assert result.time == history.segment(3, 2).time
    assert _rows(tmp_path / "out.db") == (4 * 4 - 1) * ROWS_PER_SEGMENT


@pytest.mark.parametrize("how", ["truncated", "emptied", "replaced"])
def test_a_damaged_snapshot_is_gone_round_by_an_earlier_one(
    how: str, history: History, other: History, tmp_path: Path
) -> None:
    snapshot = history.snapshot(2)
    path = history.path(snapshot)
    if how == "replaced":
        _copy(other.path(other.snapshot(2)), path)
    else:
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2] if how == "truncated" else b"")
        os.utime(path, (snapshot.time.timestamp(), snapshot.time.timestamp()))
    proof = history.prove()
    assert proof.verdict == "damaged"
    if how == "replaced":  # its counters are those of this history; only the proof can tell
        return
    result = history.restore(Latest(), tmp_path / "out.db")
    assert _rows(tmp_path / "out.db") == 4 * 4 * ROWS_PER_SEGMENT
    assert any(snapshot.key in note for note in result.notes)


def test_the_only_snapshot_damaged_is_refused(history: History, tmp_path: Path) -> None:
    first = history.snapshot(0)
    history.path(first).write_bytes(b"")
    os.utime(history.path(first), (first.time.timestamp(), first.time.timestamp()))
    with pytest.raises(DamagedError) as caught:
        history.restore(AtTime(history.segment(0, 2).time), tmp_path / "out.db")
    assert caught.value.object == first.key
    assert caught.value.next_good is not None
    assert caught.value.next_good.key == history.snapshot(2).key


def test_an_untouched_replica_is_proven_but_for_its_last_ends(history: History) -> None:
    proof = history.prove()
    assert proof.faults == ()
    assert proof.generations[0].attested == (0, 1)
    assert proof.verdict == "consistent"


def _state_before(history: History, item: WalSegment) -> bytes:
    positions = [
        position for position in history.states if position < item.position or _is_end(position, item)
    ]
    return history.states[max(positions)]


def _is_end(position: Position, item: WalSegment) -> bool:
    return position == item.position


def _to(point: RestorePoint) -> Target:
    """Ask for a point as its JSON spells it."""
    where = point.to_json()["position"]
    if where["offset"] == 0:
        return AtTime(point.time)
    return AtPosition(where["index"], where["offset"], where["generation"])


def _rows(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        (count,) = connection.execute("SELECT count(*) FROM t").fetchone()
        return int(count)
    finally:
        connection.close()
