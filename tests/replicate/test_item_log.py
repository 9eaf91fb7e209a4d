"""The spool's own list: what is forgotten was done, and where history stands is never forgotten."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.replicate import journal
from sqlite_recovery_tui.replicate.ship import Shipper
from sqlite_recovery_tui.replicate.spool import Discontinuous, Spool
from sqlite_recovery_tui.replicate.stretch import Stretch
from sqlite_recovery_tui.storage.memory import MemoryStore
from tests.support.stretches import Source


class Ground:
    """A database and its spool, which may be opened anew."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = MemoryStore("r")
        self.open()
        self.source = Source(folder / "app.db", self.spool)

    def open(self) -> None:
        self.spool = Spool(self.folder / "spool", ["r"])
        replica = ReplicaConfig(name="r", type="memory", bucket="r")
        self.shipper = Shipper(self.spool, self.store, replica)

    def begin_again(self) -> None:
        self.spool.close()
        self.open()
        self.source.sink = self.spool


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


@pytest.mark.parametrize("last", ["begin", "grow", "seal", "snapshot"])
def test_history_goes_on_after_the_journal_was_written_anew(
    ground: Ground, last: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "LARGE_BYTES", 0)
    with ground.source:
        ground.source.begin()
        for _ in range(3):
            ground.source.grow()
            assert ground.shipper.flush()
            ground.source.seal()
        ground.source.grow()
        getattr(ground.source, last)()
        assert ground.shipper.flush()
        expected = ground.spool.resume()
        generation = ground.spool.generation
        assert len((ground.folder / "spool" / "journal").read_text().splitlines()) < 5
        ground.begin_again()
        assert ground.spool.resume() == expected
        assert ground.spool.generation == generation
        ground.source.grow()
        assert ground.shipper.flush()
        assert ground.spool.log.last > 5


def test_a_torn_last_line_was_never_said_and_a_broken_one_is_not_trusted(ground: Ground) -> None:
    path = ground.folder / "spool" / "journal"
    with ground.source:
        ground.source.begin()
        ground.source.grow()
        ground.spool.cut()
        before = ground.spool.log.items
        with path.open("ab") as file:
            file.write(b'1234abcd {"n": 3')
        ground.begin_again()
        assert ground.spool.log.items == before
        known = ground.spool.log.id
        ground.spool.close()
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(lines[0] + lines[1].replace(b"snapshot", b"snapshit") + lines[2])
        ground.open()
        assert ground.spool.resume() is None
        assert ground.spool.log.id != known  # so that no place of a replica in it counts


def test_what_does_not_follow_is_refused(ground: Ground) -> None:
    with ground.source:
        ground.source.begin()
        first = ground.source.grow()
        mark = ground.spool.resume()
        assert mark is not None
        with pytest.raises(Discontinuous):
            ground.spool.append(first, mark)
        ground.source.run("INSERT INTO t(body) VALUES (1)")
        stretch, after = ground.source.read()
        forged = bytearray(stretch.data)
        forged[-1] ^= 1
        for wrong in (
            {"data": bytes(forged)},
            {"offset": stretch.offset + 4120},
            {"index": 1},
            {"data": stretch.data[: -(24 + 4096)]},
        ):
            with pytest.raises(Discontinuous):
                ground.spool.append(_altered(stretch, wrong), after)
        ground.spool.append(stretch, after)


def _altered(stretch: Stretch, fields: dict[str, Any]) -> Stretch:
    return replace(stretch, **fields)
