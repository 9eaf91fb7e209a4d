"""What is on disk before what, so that a power cut finds every promise kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.replicate.items import Cut
from sqlite_recovery_tui.replicate.ship import Shipper
from sqlite_recovery_tui.replicate.spool import CUT_BYTES, Spool
from sqlite_recovery_tui.storage.base import ObjectInfo
from sqlite_recovery_tui.storage.memory import MemoryStore
from tests.support.shelf import content_of
from tests.support.stretches import Source, source


class Disk:
    """What was written and is not on disk yet, and every call in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.unsynced: set[str] = set()
        self.calls: list[tuple[str, str]] = []
        for name in ("write", "pwrite", "fsync", "unlink", "replace"):
            monkeypatch.setattr(os, name, self._watched(name, getattr(os, name)))

    def _watched(self, name: str, original: Any) -> Any:
        def call(*args: Any, **more: Any) -> Any:
            at = os.readlink(f"/proc/self/fd/{args[0]}") if isinstance(args[0], int) else str(args[0])
            if "/spool/" in at:
                self._see(name, at, args)
            return original(*args, **more)

        return call

    def _see(self, name: str, at: str, args: tuple[Any, ...]) -> None:
        self.calls.append((name, at))
        if name in ("write", "pwrite"):
            self.unsynced.add(at)
        elif name == "fsync" or name == "unlink":
            self.unsynced.discard(at)
        elif name == "replace":
            target = str(args[1])
            if at in self.unsynced:
                self.unsynced.discard(at)
                self.unsynced.add(target)
            self.unsynced.add(os.path.dirname(target))

    def waits(self, part: str) -> list[str]:
        """Return what of the spool's files, by a part of the name, is not on disk."""
        return [at for at in self.unsynced if part in at]


class Watched(MemoryStore):
    """A replica that sees, when something arrives, what is on disk here."""

    disk: Disk

    def put(self, key: str, data: bytes) -> ObjectInfo:
        if "generations/" in key:
            assert not self.disk.waits("/journal")
            assert not self.disk.waits(".lz4")
            assert not self.disk.waits("/generations")
        return super().put(key, data)


class Ground:
    """A database that is shipped, its disk watched."""

    def __init__(
        self, database: Source, spool: Spool, shipper: Shipper, disk: Disk, store: MemoryStore
    ) -> None:
        self.database, self.spool, self.shipper, self.disk = database, spool, shipper, disk
        self.store = store


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    store = Watched("r")
    store.disk = disk = Disk(monkeypatch)
    spool = Spool(tmp_path / "spool", ["r"])
    shipper = Shipper(spool, store, ReplicaConfig(name="r", type="memory", bucket="r"))
    with source(tmp_path / "app.db", spool) as database:
        yield Ground(database, spool, shipper, disk, store)
    spool.close()


def test_nothing_is_sent_that_a_power_cut_could_take_away_here(ground: Ground) -> None:
    for _ in range(3):
        ground.database.grow()
        ground.database.grow()
        assert ground.shipper.flush()
        ground.database.snapshot()
    assert ground.shipper.store.bytes > 0


def test_a_wal_is_on_disk_before_it_may_be_overwritten(ground: Ground) -> None:
    ground.database.grow()
    ground.database.grow()
    assert ground.disk.waits(".tail")  # its own WAL still holds it
    ground.database.seal()
    assert not ground.disk.waits(".tail")
    assert ("fsync", str(ground.spool.folder / "tail")) in ground.disk.calls


def test_the_tail_goes_once_the_segment_is_in_the_journal_and_that_is_on_disk(ground: Ground) -> None:
    ground.database.grow()
    ground.disk.calls.clear()
    ground.spool.cut()
    names = [f"{name} {Path(at).name}" for name, at in ground.disk.calls if name != "write"]
    kept = [name for name in names if not name.endswith(("lz4.tmp", "wal"))]
    assert kept[-3] == "pwrite journal"
    assert kept[-2] == "fsync journal"
    assert kept[-1].startswith("unlink")
    assert kept[-1].endswith(".tail")
    assert names.index("fsync 00000000_00000000.wal.lz4.tmp") < names.index("fsync wal")
    assert names.index("fsync wal") < names.index("pwrite journal")


def test_much_at_once_is_a_segment_on_disk_with_all_that_came_before_and_never_a_tail(ground: Ground) -> None:
    ground.database.grow()
    ground.disk.calls.clear()
    stretch = ground.database.grow(5000, 1000)
    assert len(stretch.data) > CUT_BYTES
    for part in ("/journal", ".lz4", "/generations"):
        assert not ground.disk.waits(part)
    assert not [at for name, at in ground.disk.calls if name == "pwrite" and at.endswith(".tail")]
    first, second = (item for item in ground.spool.log.items if isinstance(item, Cut))
    assert (first.end, second.start, second.end) == (stretch.offset, stretch.offset, stretch.end)
    ground.database.grow()
    assert ground.shipper.flush()
    assert content_of(ground.store) == ground.database.state()


def test_bytes_go_once_it_is_on_disk_that_every_replica_has_them(ground: Ground) -> None:
    ground.database.grow()
    assert ground.shipper.flush()
    ground.disk.calls.clear()
    ground.database.grow()
    assert ground.shipper.flush()
    gone = [number for number, (name, at) in enumerate(ground.disk.calls) if at.endswith(".wal.lz4")]
    noted = [
        number for number, (name, at) in enumerate(ground.disk.calls) if name == "fsync" and "/replicas" in at
    ]
    last = [number for number in gone if ground.disk.calls[number][0] == "unlink"][-1]
    assert noted
    assert len([number for number in noted if number < last]) >= 2  # the note, and its folder
