"""An LTX route gives the database at its TXID: all page sizes, both spellings, other ways around damage."""

from __future__ import annotations

import mmap
from pathlib import Path

import pytest

from sqlite_recovery_tui.domain import Txid
from sqlite_recovery_tui.errors import DamagedError, ObjectNotFound
from sqlite_recovery_tui.formats.ltx import header, names
from sqlite_recovery_tui.formats.ltx.pages import room_pages
from sqlite_recovery_tui.restore import blocks, ltx_changes
from sqlite_recovery_tui.restore.run import RestoreOptions, restore
from sqlite_recovery_tui.restore.target import AtTxid
from sqlite_recovery_tui.storage.memory import MemoryStore
from tests.support import ltx_oracle as oracle
from tests.support.faults import FaultyStore
from tests.support.ltx_life import PAGE_SIZES
from tests.support.ltx_world import World
from tests.support.shelf import at, content_of, plan_for, restore_to
from tests.support.soak import usually

pytestmark = pytest.mark.usefixtures("few_or_more_decoders")


def spoilt(world: World, *keys: str) -> FaultyStore:
    """Return a remote store of the world in which these files have a damaged byte."""
    for key in keys:
        data = bytearray(world.shelf.data(key))
        data[len(data) // 2] ^= 0x10
        world.shelf.replace(key, bytes(data))
    return FaultyStore(world.shelf.store(), is_local=False)


def fetched(store: FaultyStore) -> list[str]:
    """Return what was fetched, without the looks at the start of a base."""
    return [key for operation, key in store.calls if operation == "get"]


def a_world(syncs: int = 9, **how: object) -> World:
    """A database of some pages, all of its syncs at level 0."""
    world = World(**how)  # type: ignore[arg-type]
    world.commit(8)
    for txid in range(2, syncs + 1):
        world.commit(8 + txid % 3, {1, txid})
    return world


# What comes out


@pytest.mark.parametrize("framed", [False, True])
@pytest.mark.parametrize("page_size", usually([512, 4096, 65536], PAGE_SIZES))
@pytest.mark.parametrize("is_local", [False, True])
def test_a_base_of_many_chunks_and_changes_over_it(
    page_size: int, framed: bool, is_local: bool, tmp_path: Path
) -> None:
    world = World(page_size, framed=framed)
    size = 2 * room_pages(page_size) + 5
    world.commit(size, sync=False)
    world.store(9, 1, 1)
    world.commit(size + 3, {1, 2, size // 2, size})
    world.commit(size - 2, {1, size - 4})
    world.commit(size + room_pages(page_size), {7})
    for txid in range(1, 5):
        store = FaultyStore(world.shelf.store(), is_local=is_local)
        result = restore_to(tmp_path / f"{txid}.db", store, AtTxid(txid))
        assert (tmp_path / f"{txid}.db").read_bytes() == world.content(txid)
        assert (result.page_size, result.continuity) == (page_size, "proven")


def test_files_of_both_spellings_lie_over_each_other(tmp_path: Path) -> None:
    world = a_world(4)
    world.framed = True
    world.commit(12, {2, 5})
    world.framed = False
    world.commit(11, {3})
    assert content_of(world.shelf) == world.content(6)


def test_large_changes_are_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large file among small ones, and one that is small as stored and large when decoded."""
    monkeypatch.setattr(ltx_changes, "SMALL_BYTES", 20_000)
    monkeypatch.setattr(ltx_changes, "BATCH_BYTES", 60_000)
    world = World(4096)
    world.commit(40)
    world.commit(50, set(range(1, 30)))
    world.commit(50, {1})
    size, pages = 60, {page: bytes([page]) * 4096 for page in range(1, 61)}
    world.commit(size)
    world.changes[-1] = size, pages
    world.states[-1] = dict(pages)
    world.put(0, 4, 4, size, pages)
    world.commit(60, {2})
    sizes = [len(world.shelf.data(key)) for key in sorted(world.shelf.objects)]
    assert sizes[1] > 20_000 > sizes[3]
    for txid in range(1, 6):
        assert content_of(world.shelf, AtTxid(txid)) == world.content(txid)
        assert content_of(FaultyStore(world.shelf.store(), is_local=False), AtTxid(txid)) == world.content(
            txid
        )


@pytest.mark.parametrize("sizes", [(600, 600), (600, 700), (514, 600), (513, 600), (512, 600), (400, 4000)])
def test_the_lock_page_stays_zero_wherever_it_lies(
    sizes: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the base or behind its end; here it is page 513, for databases of a handy size."""
    monkeypatch.setattr(header, "_LOCK_BYTE", 512 * 512)
    monkeypatch.setattr(blocks.mmap, "mmap", Dirty)
    world = World(512)
    for size in sizes:
        world.commit(size, {1, 511, 515})
    world.commit(sizes[-1], {2})
    assert 513 not in world.states[-1]
    for txid in (1, 2, 3):
        assert content_of(world.shelf, AtTxid(txid)) == world.content(txid)


class Dirty(mmap.mmap):
    """Memory that has been used before."""

    def __new__(cls, *arguments: int) -> Dirty:
        made = super().__new__(cls, *arguments)
        made.write(b"\xff" * len(made))
        return made


@pytest.mark.parametrize("small_bytes", [0, ltx_changes.SMALL_BYTES])
def test_pages_that_came_back_without_content_are_told_of(
    small_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Litestream gives the older image; nothing in the files says that it is right."""
    monkeypatch.setattr(ltx_changes, "SMALL_BYTES", small_bytes)
    world = a_world(3)
    world.commit(5)
    cut = world.put(0, 5, 5, 4, {1: b"\1" * 512})
    world.put(0, 6, 6, 8, {1: b"\2" * 512, 8: b"\3" * 512})
    result = restore_to(tmp_path / "out.db", world.shelf)
    state = {**world.states[2], **world.changes[3][1]}
    expected = b"\2" * 512 + b"".join(state[page] for page in range(2, 8)) + b"\3" * 512
    assert (tmp_path / "out.db").read_bytes() == expected
    assert result.continuity == "consistent"
    (told,) = result.unproven
    assert "3 pages from page 5 on" in told
    assert cut in told


def test_a_change_that_grows_the_database_without_content_is_refused(tmp_path: Path) -> None:
    world = a_world(3)
    grower = world.put(0, 4, 4, 20, {1: b"\1" * 512, 19: b"\1" * 512})
    world.put(0, 5, 5, 21, {1: b"\1" * 512, 21: b"\1" * 512})
    with pytest.raises(DamagedError, match=r"holds page 1[01]") as caught:
        restore_to(tmp_path / "out.db", world.shelf)
    assert caught.value.object == grower
    assert caught.value.last_good is not None
    assert caught.value.last_good.position == Txid(3)


@pytest.mark.parametrize("behind", [1, 12_000])
def test_a_base_with_a_hole_is_refused_however_large_the_hole(behind: int, tmp_path: Path) -> None:
    """Also where it is met long before the file's end."""
    for first in (3, 200_000, 3_000_000):
        numbers = [1, *range(first, first + behind)]
        pages = dict.fromkeys(numbers, bytes(512))
        data = oracle.write(oracle.Ltx(512, numbers[-1], 1, 1, 1_774_519_200_000, pages))
        world = World()
        world.shelf.take(names.file_key(9, 1, 1), [data], at(1))
        with pytest.raises(DamagedError, match="LTX base") as caught:
            restore_to(tmp_path / "out.db", world.shelf)
        assert caught.value.object == names.file_key(9, 1, 1)


# Other ways


def test_a_damaged_file_is_gone_round_and_nothing_is_fetched_twice(tmp_path: Path) -> None:
    world = a_world()
    merged = world.store(1, 4, 7)
    store = spoilt(world, merged)
    result = restore_to(tmp_path / "out.db", store)
    assert (tmp_path / "out.db").read_bytes() == world.content(9)
    assert result.continuity == "proven"
    (note,) = result.notes
    assert merged in note
    changes = [key for key in fetched(store) if key != result.plan.base.key]
    assert sorted(changes) == sorted([merged, *(change.key for change in result.plan.changes)])


def test_several_damaged_files_are_found_in_one_pass(tmp_path: Path) -> None:
    world = World(512)
    world.commit(60)
    for txid in range(2, 13):
        world.commit(60, {1, txid})
    bad = world.shelf.keys("ltx/0/")[2:10:2]
    whole = world.put(1, 2, 12, 60, world.states[11])  # dearer than the small ones together
    store = spoilt(world, *bad)
    result = restore_to(tmp_path / "out.db", store)
    assert (tmp_path / "out.db").read_bytes() == world.content(12)
    assert [change.key for change in result.plan.changes] == [whole]
    assert [key for key in bad if any(key in note for note in result.notes)] == bad
    changes = [key for key in fetched(store) if key != result.plan.base.key]
    assert len(changes) == len(set(changes)) == 12


def test_very_many_damaged_files_are_counted_not_listed(tmp_path: Path) -> None:
    world = World(512)
    world.commit(200)
    for txid in range(2, 33):
        world.commit(200, {1, txid})
    bad = world.shelf.keys("ltx/0/")[1:31]
    world.put(2, 2, 32, 200, world.states[31])
    result = restore_to(tmp_path / "out.db", spoilt(world, *bad))
    assert (tmp_path / "out.db").read_bytes() == world.content(32)
    assert len(result.notes) == 8
    assert "23 more files" in result.notes[-1]


def test_damage_after_damage_is_gone_round(tmp_path: Path) -> None:
    """The second file is only met on the way around the first."""
    world = a_world(6)
    first, second, third = world.store(1, 2, 6), world.store(2, 2, 6), world.store(3, 2, 6)
    keys = world.shelf.keys("ltx/0/")
    world.shelf.drop(keys[2])
    for key in (second, third):  # longer ones are only taken when the shorter will not do
        assert len(world.shelf.data(key)) == len(world.shelf.data(first))
    store = spoilt(world, first, second)
    result = restore_to(tmp_path / "out.db", store)
    assert (tmp_path / "out.db").read_bytes() == world.content(6)
    assert [change.key for change in result.plan.changes] == [third]
    noted = {key for key in (first, second, third) if any(key in note for note in result.notes)}
    assert third not in noted


def test_what_was_gone_round_before_is_not_offered_as_a_way_back(tmp_path: Path) -> None:
    """The second file is met on the way around the first: the refusal takes both into account."""
    world = a_world(6)
    merged = world.store(1, 2, 5)
    fourth = world.shelf.keys("ltx/0/")[3]
    with pytest.raises(DamagedError) as caught:
        restore_to(tmp_path / "out.db", spoilt(world, merged, fourth))
    assert caught.value.object == fourth
    assert caught.value.last_good is not None
    assert caught.value.last_good.position == Txid(3)


def test_a_damaged_base_is_replaced_by_another_and_changes_are_kept(tmp_path: Path) -> None:
    world = a_world(6)
    newest = world.store(9, 1, 5)
    world.store(9, 1, 3)
    store = spoilt(world, newest)
    result = restore_to(tmp_path / "out.db", store)
    assert (tmp_path / "out.db").read_bytes() == world.content(6)
    assert newest in result.notes[0]
    kept = [change.key for change in result.plan.changes if change.min_txid == 6]
    assert [fetched(store).count(key) for key in kept] == [1]
    assert result.objects == len(set(fetched(store)))
    assert result.objects_reused == 0


def test_without_another_way_the_damage_is_named_with_the_states_around(tmp_path: Path) -> None:
    world = a_world(9)
    world.store(9, 1, 7)
    keys = world.shelf.keys("ltx/0/")
    with pytest.raises(DamagedError) as caught:
        restore_to(tmp_path / "out.db", spoilt(world, keys[3]), AtTxid(5))
    error = caught.value
    assert error.object == keys[3]
    assert error.last_good is not None
    assert error.next_good is not None
    assert (error.last_good.position, error.next_good.position) == (Txid(3), Txid(7))
    assert "lost: TXIDs 0000000000000004 to 0000000000000005" in error.message
    assert "--to-last-good restores TXID 0000000000000003" in error.hint
    assert not list(tmp_path.iterdir())


def test_the_last_good_state_is_one_that_does_not_need_any_damaged_file(tmp_path: Path) -> None:
    world = a_world(9)
    keys = world.shelf.keys("ltx/0/")
    store = spoilt(world, keys[7], keys[4])
    with pytest.raises(DamagedError) as caught:
        restore_to(tmp_path / "out.db", store)
    assert caught.value.last_good is not None
    assert caught.value.last_good.position == Txid(4)
    result = restore_to(tmp_path / "out.db", store, to_last_good=True)
    assert (tmp_path / "out.db").read_bytes() == world.content(4)
    assert (result.position, result.continuity) == (Txid(4), "consistent")
    assert [key for key in (keys[7], keys[4]) if any(key in text for text in result.lost)] == [
        keys[7],
        keys[4],
    ]
    assert "the result ends at 0000000000000004" in result.lost[-1]
    assert "0000000000000009" in result.lost[-1]
    assert result.plan.point.time == at(4)


def test_a_fault_met_on_the_way_back_leads_further_back(tmp_path: Path) -> None:
    """The state in front of the damage needs a snapshot that is damaged as well."""
    world = a_world(6)
    keys = world.shelf.keys("ltx/0/")
    snapshot = world.store(9, 1, 4)
    world.shelf.drop(keys[3])
    store = spoilt(world, keys[5], keys[4], snapshot)
    result = restore_to(tmp_path / "out.db", store, to_last_good=True)
    assert (tmp_path / "out.db").read_bytes() == world.content(3)
    assert snapshot in " ".join(result.lost)
    assert keys[4] in " ".join(result.lost)
    assert "the result ends at 0000000000000003" in result.lost[-1]
    assert sum("the result ends" in text for text in result.lost) == 1


def test_where_nothing_is_whole_nothing_is_promised(tmp_path: Path) -> None:
    world = a_world(3)
    store = spoilt(world, min(world.shelf.objects))
    for to_last_good in (False, True):
        with pytest.raises(DamagedError) as caught:
            restore_to(tmp_path / "out.db", store, to_last_good=to_last_good)
        assert caught.value.last_good is None
        assert "--to-last-good" not in caught.value.hint
        assert "lost: everything" in caught.value.message


def test_a_file_that_was_removed_after_listing_is_gone_round(tmp_path: Path) -> None:
    world = a_world(6)
    world.store(2, 2, 6)
    store = world.shelf.store()
    plan = plan_for(store)
    removed = plan.changes[-1].key
    store.delete([removed])
    result = restore(store, plan, RestoreOptions(tmp_path / "out.db"))
    assert (tmp_path / "out.db").read_bytes() == world.content(6)
    assert "removed after the replica was listed" in result.notes[0]


@pytest.mark.parametrize("which", ["base", "change"])
def test_without_another_way_listing_again_is_the_way(which: str, tmp_path: Path) -> None:
    world = a_world(6)
    store = world.shelf.store()
    plan = plan_for(store)
    removed = plan.base.key if which == "base" else plan.changes[2].key
    store.delete([removed])
    # Not an older state either: a new listing very likely has all of it.
    for to_last_good in (False, True):
        with pytest.raises(ObjectNotFound) as caught:
            restore(store, plan, RestoreOptions(tmp_path / "out.db", to_last_good=to_last_good))
        assert caught.value.object == removed
        assert "run the command again" in caught.value.hint


def test_a_base_of_another_page_size_than_all_else_is_blamed(tmp_path: Path) -> None:
    world = a_world(4)
    wrong = World(1024)
    wrong.commit(8)
    base = min(world.shelf.objects)
    world.shelf.replace(base, wrong.shelf.data(base))
    with pytest.raises(DamagedError, match="1024 bytes, those of all files behind it 512") as caught:
        content_of(world.shelf)
    assert caught.value.object == base


def test_a_base_that_is_replaced_while_it_is_read_is_refused(tmp_path: Path) -> None:
    world = a_world(3)
    base = min(world.shelf.objects)
    other = World(512)
    other.commit(30)

    class Swapped(MemoryStore):
        def stream(self, key: str, **how: int):  # type: ignore[no-untyped-def]
            yield other.shelf.data(base) if key == base else self.get(key)

    store = Swapped("swapped")
    for key, (data, time) in world.shelf.objects.items():
        store.put(key, data)
        store.set_time(key, time)
    with pytest.raises(DamagedError, match="replaced") as caught:
        content_of(store)
    assert caught.value.object == base
