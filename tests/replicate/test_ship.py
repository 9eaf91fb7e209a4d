"""What is shipped is what was committed, whatever replica it goes to, and Litestream 0.3.13 restores it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.replicate import delivery
from sqlite_recovery_tui.replicate.ship import Shipper
from sqlite_recovery_tui.replicate.spool import Spool
from sqlite_recovery_tui.replicate.units import Unit
from sqlite_recovery_tui.storage.files import FileStore
from tests.support.litestream import litestream
from tests.support.shelf import content_of
from tests.support.stretches import Source, source


def restored(url: str, target: Path, *words: str) -> bytes:
    """Return what Litestream 0.3.13 restores."""
    command = [str(litestream("0.3.13")), "restore", *words, "-o", str(target), url]
    subprocess.run(command, check=True, capture_output=True)
    return target.read_bytes()


@contextmanager
def shipped(folder: Path, page_size: int = 4096) -> Iterator[tuple[Source, Spool, Shipper]]:
    spool = Spool(folder / "spool", ["file"])
    replica = ReplicaConfig(name="file", type="file", path=str(folder / "replica"))
    shipper = Shipper(spool, FileStore(folder / "replica"), replica)
    with source(folder / "app.db", spool, page_size=page_size) as made:
        yield made, spool, shipper
    spool.close()


def test_one_large_transaction_is_one_object_that_is_never_held(tmp_path: Path) -> None:
    with shipped(tmp_path) as (database, spool, shipper):
        assert shipper.flush()
        stretch = database.grow(12_000, 2000)
        assert len(stretch.data) > delivery.LARGE_BYTES
        spool.cut()
        (path,) = (tmp_path / "spool").rglob("*.wal.lz4")
        good = path.read_bytes()
        path.write_bytes(good[:9_000_000] + bytes([good[9_000_000] ^ 1]) + good[9_000_001:])
        unit = Unit((spool.log.items[-1],))
        sent = delivery.Delivery(spool, shipper.store, None, "file")
        with pytest.raises(delivery.SpoolDamaged, match="in the spool"):
            sent.put(unit)
        path.write_bytes(good)
        assert shipper.flush()
        url = f"file://{tmp_path / 'replica'}"
        assert restored(url, tmp_path / "out.db") == database.state()


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_litestream_restores_every_state_that_was_shipped(tmp_path: Path, page_size: int) -> None:
    states: list[tuple[datetime, bytes]] = []
    url = f"file://{tmp_path / 'replica'}"
    with shipped(tmp_path, page_size) as (database, _, shipper):
        for number in range(12):
            database.grow(5)
            database.grow(2)
            if number % 4 == 3:
                database.seal()
            if number == 7:
                database.sink.snapshot(database.frozen(database.index + 1))
            assert shipper.flush(), shipper.status
            states.append((datetime.now(UTC), database.state()))
            assert restored(url, tmp_path / f"{number}.db") == database.state()
        assert not list((tmp_path / "spool").rglob("*.lz4"))
        for number, (time, state) in enumerate(states):
            if number % 3 == 1 and number < len(states) - 1:
                target = tmp_path / f"at-{number}.db"
                assert restored(url, target, "-timestamp", time.isoformat()) == state
                assert content_of(FileStore(tmp_path / "replica"), time) == state
