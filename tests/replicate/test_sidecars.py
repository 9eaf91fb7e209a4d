"""What our daemon notes of a WAL's end proves it; without the note, or with a bad one, all is as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.config import ReplicaConfig
from sqlite_recovery_tui.errors import DamagedError
from sqlite_recovery_tui.formats import generations as names
from sqlite_recovery_tui.formats import sidecars
from sqlite_recovery_tui.formats.wal_write import new_header
from sqlite_recovery_tui.replicate.ship import Shipper
from sqlite_recovery_tui.replicate.spool import Spool
from sqlite_recovery_tui.storage.memory import MemoryStore
from tests.support.shelf import proof_of, restore_to
from tests.support.stretches import Source, source


class Shipped:
    """A database of three WALs at a replica, the last of them open."""

    def __init__(self, database: Source, store: MemoryStore) -> None:
        self.database, self.store = database, store
        self.generation = ""

    def keys(self, text: str) -> list[str]:
        return [info.key for page in self.store.list() for info in page if text in info.key]


@pytest.fixture
def shipped(tmp_path: Path) -> Iterator[Shipped]:
    store = MemoryStore("r")
    spool = Spool(tmp_path / "spool", ["r"])
    shipper = Shipper(spool, store, ReplicaConfig(name="r", type="memory", bucket="r"))
    with source(tmp_path / "app.db", spool) as database:
        for _ in range(3):
            database.grow()
            assert shipper.flush()
            database.grow()
            assert shipper.flush()
            if database.index < 2:
                database.seal()
        assert shipper.flush()
        made = Shipped(database, store)
        made.generation = spool.generation
        yield made
    spool.close()


def test_the_ends_of_wals_are_proven(shipped: Shipped, tmp_path: Path) -> None:
    assert len(shipped.keys(f"sqlrecover/{shipped.generation}/")) == 2
    result = restore_to(tmp_path / "out.db", shipped.store)
    assert (result.continuity, result.unproven) == ("proven", ())
    assert (tmp_path / "out.db").read_bytes() == shipped.database.state()
    proof = proof_of(shipped.store)
    assert proof.unproven == ()


def test_commits_and_when_they_were_seen_are_noted(shipped: Shipped) -> None:
    said = sidecars.decode(shipped.store.get(sidecars.key(shipped.generation, 0)))
    assert said is not None
    marks = [mark for mark, _ in shipped.database.states if mark.index == 0 and mark.offset]
    assert [ends for _, ends in said.commits] == [(mark.offset,) for mark in marks]
    assert said.end == marks[-1].offset
    assert said.checksum == marks[-1].checksum
    assert all(time.tzinfo for time, _ in said.commits)


def test_a_missing_tail_is_named(shipped: Shipped, tmp_path: Path) -> None:
    last = shipped.keys("/wal/00000001_")[-1]
    shipped.store.delete([last])
    with pytest.raises(DamagedError, match="bytes are missing") as raised:
        restore_to(tmp_path / "out.db", shipped.store)
    assert raised.value.object == last
    result = restore_to(tmp_path / "good.db", shipped.store, to_last_good=True)
    assert result.lost
    shipped.store.delete(shipped.keys("sqlrecover/"))
    without = restore_to(tmp_path / "without.db", shipped.store)  # as with any other replica: nobody can tell
    assert len(without.unproven) == 2


@pytest.mark.parametrize("what", ["gone", "garbage", "of another WAL", "shorter than the WAL"])
def test_without_a_good_note_only_the_proof_is_gone(shipped: Shipped, tmp_path: Path, what: str) -> None:
    key = sidecars.key(shipped.generation, 0)
    said = json.loads(shipped.store.get(key))
    if what == "gone":
        shipped.store.delete([key])
    elif what == "garbage":
        shipped.store.put(key, b"\xff{")
    elif what == "of another WAL":
        shipped.store.put(key, shipped.store.get(sidecars.key(shipped.generation, 1)))
    else:
        shipped.store.put(key, json.dumps({**said, "end": 32 + 4120}).encode())
    result = restore_to(tmp_path / "out.db", shipped.store)
    assert (tmp_path / "out.db").read_bytes() == shipped.database.state()
    assert result.continuity == "consistent"
    assert [text for text in result.unproven if "00000000" in text]
    assert not [text for text in result.unproven if "00000001" in text]


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists))
def test_what_makes_no_sense_is_no_note(value: object) -> None:
    _, header = new_header(4096, 1, 2)
    good = {"version": 1, "header": header.hex(), "end": 4152, "checksum": [1, 2], "commits": []}
    assert sidecars.decode(json.dumps(good).encode()) is not None
    for name in ("version", "header", "end", "checksum"):
        if value not in (1, 4152):
            assert sidecars.decode(json.dumps({**good, name: value}).encode()) is None
    sidecars.decode(json.dumps({**good, "commits": value}).encode())  # raises nothing
    assert sidecars.decode(json.dumps(value).encode()) is None


def test_litestream_looks_past_them(shipped: Shipped) -> None:
    assert all(names.parse_key(key) is None for key in shipped.keys("sqlrecover/"))
