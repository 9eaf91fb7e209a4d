"""Moving a scratch: what it leaves behind when it is interrupted, and what it refuses."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sqlite_recovery_tui.domain import Txid
from sqlite_recovery_tui.errors import RefusedError
from sqlite_recovery_tui.promote.facts import incoming
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.restore import scratches, travel
from sqlite_recovery_tui.restore.run import RestoreOptions, restore
from sqlite_recovery_tui.restore.scratch import locked
from sqlite_recovery_tui.restore.target import AtTxid, of_point
from sqlite_recovery_tui.restore.travel import Travel
from sqlite_recovery_tui.storage.base import Store
from tests.support.faults import FaultyStore
from tests.support.generation_writer import GenerationWriter
from tests.support.ltx_world import World
from tests.support.shelf import Shelf, at, content_of, folder, plan_for


@pytest.fixture
def place() -> Iterator[Path]:
    with folder() as made:
        yield made


def small_world() -> World:
    world = World(512)
    world.commit(40)
    for number in range(1, 12):
        world.commit(40 + number % 5, {number, number + 7, number + 9})
    return world


def a_scratch(store: Store, place: Path, txid: int) -> Path:
    scratch = place / "app-1" / "app.db"
    scratch.parent.mkdir(mode=0o700)
    restore(store, plan_for(store, AtTxid(txid)), RestoreOptions(scratch, scratch=True))
    return scratch


def test_a_move_writes_only_what_differs_and_the_manifest_follows(place: Path) -> None:
    world = small_world()
    store = world.shelf.store()
    scratch = a_scratch(store, place, 5)
    with Travel(store, scratch) as moving:
        moved = moving.move(plan_for(store, AtTxid(6)))
        assert (moved.restored, moved.place) == ("", Txid(6))
        assert 0 < moved.written <= 5
        back = moving.move(plan_for(store, AtTxid(5)))
        assert (back.restored, back.written <= 8) == ("", True)
        assert scratch.read_bytes() == world.content(5)
        moving.move(plan_for(store, AtTxid(9)))
    found = scratches.find(place, "app-1")
    assert found.position == Txid(9).label
    assert found.manifest["sources"][-1]["object"].endswith(f"{Txid(9)}-{Txid(9)}.ltx")
    assert (found.verdict, found.manifest["integrity"]) == ("restored", None)


def test_what_was_interrupted_is_never_taken_for_whole(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = small_world()
    store = world.shelf.store()
    scratch = a_scratch(store, place, 9)

    def torn(fd: int, page_size: int, pages: object, images: list[memoryview]) -> None:
        os.pwrite(fd, images[0], 0)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, Travel(store, scratch) as moving:
        patch.setattr(travel, "write_pages", torn)
        with pytest.raises(KeyboardInterrupt):
            moving.move(plan_for(store, AtTxid(3)))
    left = scratches.find(place, "app-1")
    assert left.verdict == "incomplete"
    assert "interrupted" in left.state
    with pytest.raises(RefusedError, match="two states"):
        incoming(scratch)
    with Travel(store, scratch) as moving:
        assert moving.held is None
        assert "interrupted" in moving.move(plan_for(store, AtTxid(3))).restored
    assert scratch.read_bytes() == world.content(3)
    assert scratches.find(place, "app-1").verdict == "restored"


def test_nobody_else_moves_it_and_only_within_its_replica(place: Path) -> None:
    store = small_world().shelf.store()
    scratch = a_scratch(store, place, 2)
    with Travel(store, scratch) as moving:
        with locked(scratch), pytest.raises(RefusedError, match="by somebody else"):
            moving.move(plan_for(store, AtTxid(1)))
        with pytest.raises(RefusedError, match="not of s3://elsewhere"):
            moving.move(replace(plan_for(store, AtTxid(1)), url="s3://elsewhere"))
    shutil.copy(scratch, place / "copy.db")
    with pytest.raises(RefusedError, match="no scratch of ours"):
        Travel(store, place / "copy.db")


def test_damage_on_the_way_leaves_the_scratch_as_it_was(place: Path) -> None:
    world = small_world()
    scratch = a_scratch(world.shelf.store(), place, 5)
    key = world.shelf.keys(f"{Txid(7)}-{Txid(7)}")[0]
    data = bytearray(world.shelf.data(key))
    data[len(data) // 2] ^= 1
    world.shelf.replace(key, bytes(data))
    store = world.shelf.store()
    with Travel(store, scratch) as moving, pytest.raises(Exception, match=str(Txid(7))):
        moving.move(plan_for(store, AtTxid(8)))
    assert scratch.read_bytes() == world.content(5)
    assert "moving" not in json.loads((scratch.parent / "manifest.json").read_text())


def test_what_a_vacuum_cut_off_comes_back(place: Path) -> None:
    shelf = Shelf()
    (place / "live").mkdir()
    writer = GenerationWriter(place / "live" / "app.db", shelf.take, page_size=512)
    steps = (
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
        "INSERT INTO t VALUES (1, zeroblob(60000)), (2, randomblob(60000)), (3, randomblob(100))",
        "UPDATE t SET v = randomblob(100) WHERE id = 3",
        "DELETE FROM t WHERE id < 3",
        "VACUUM",
        "INSERT INTO t VALUES (4, randomblob(300))",
        "INSERT INTO t VALUES (5, randomblob(40000))",
    )
    for number, statement in enumerate(steps):
        writer.connection.execute(statement)
        if number == 1:
            writer.new_generation(at(0))
        if number == 4:
            writer.ship(at(10 * number))
            writer.checkpoint("TRUNCATE")
        elif number > 1:
            writer.ship(at(10 * number))
    writer.close()
    store = shelf.store()
    targets = [of_point(point) for point in scan(store).points()][1:]
    truth = [content_of(store, target) for target in targets]
    assert len(truth[2]) < len(truth[1]) // 10
    scratch = place / "app-1" / "app.db"
    scratch.parent.mkdir(mode=0o700)
    restore(store, plan_for(store, targets[-1]), RestoreOptions(scratch, scratch=True))
    with Travel(store, scratch) as moving:
        for number in (3, 2, 1, 0, 1, 2, 3, 4, 1, 4, 0):
            moved = moving.move(plan_for(store, targets[number]))
            assert (moved.restored, scratch.read_bytes() == truth[number]) == ("", True), number


def test_what_is_overwritten_on_the_way_on_needs_no_base_on_the_way_back(place: Path) -> None:
    world = small_world()
    store = FaultyStore(world.shelf.store())
    scratch = a_scratch(store, place, 1)
    with Travel(store, scratch) as moving:
        for txid in range(2, 10):
            moving.move(plan_for(store, AtTxid(txid)))
        read = store.count("stream") + store.count("get") + store.count("get_range")
        for txid in range(8, 1, -1):
            assert moving.move(plan_for(store, AtTxid(txid))).restored == ""
            assert scratch.read_bytes() == world.content(txid)
        assert store.count("stream") + store.count("get") + store.count("get_range") == read
