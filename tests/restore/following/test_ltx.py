"""Following LTX files: whatever becomes of levels between polls, the copy is the state that it says."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta

import pytest

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.domain import Txid
from sqlite_recovery_tui.restore.changes import CannotAdvance
from sqlite_recovery_tui.restore.following.look import FULL_SECONDS
from sqlite_recovery_tui.storage.files import FileStore
from tests.support.following import CountingStore, Levels, Pursuit
from tests.support.shelf import START, folder


@pytest.fixture(params=[512, 4096])
def page_size(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def levels(page_size: int) -> Iterator[Levels]:
    with folder() as place:
        made = Levels(place, FixedClock(START), page_size)
        yield made
        made.close()


def pursue(levels: Levels, **options: object) -> Pursuit:
    store = CountingStore(FileStore(levels.replica))
    return Pursuit(store, levels.folder, levels.clock, dict(options))  # type: ignore[arg-type]


def store_of(pursuit: Pursuit) -> CountingStore:
    assert isinstance(pursuit.store, CountingStore)
    return pursuit.store


def test_each_sync_is_in_the_copy_after_the_next_poll(levels: Levels) -> None:
    with pursue(levels) as pursuit:
        for number in range(12):
            pursuit.turns()
            assert levels.holds(pursuit)
            if number == 6:
                levels.run("DELETE FROM t WHERE id % 3", "VACUUM")
            levels.run("PRAGMA wal_checkpoint(TRUNCATE)") if number == 8 else None
            levels.grow(number * 7 + 1)
        pursuit.turns()
        assert levels.holds(pursuit)
        assert pursuit.problems == []


def test_many_syncs_at_once_are_one_step(levels: Levels) -> None:
    with pursue(levels) as pursuit:
        pursuit.turns()
        for rows in range(1, 300, 20):
            levels.grow(rows)
        levels.run("DELETE FROM t WHERE id > 40", "VACUUM")
        levels.sync()
        pursuit.turns()
        assert levels.holds(pursuit)
        assert pursuit.states[-1].updates == 1


def test_what_expired_at_level_0_is_got_from_the_levels_above(levels: Levels) -> None:
    with pursue(levels) as pursuit:
        pursuit.turns()
        for round in range(4):
            for _ in range(3):
                levels.grow()
            levels.writer.compact(1)
            if round % 2:
                levels.writer.compact(2)
                levels.expire(1)
            levels.expire(0)
            levels.grow()
            pursuit.turns()
            assert levels.holds(pursuit)
        assert pursuit.problems == []


def test_a_snapshot_beside_is_no_change(levels: Levels) -> None:
    with pursue(levels) as pursuit:
        levels.snapshot()
        pursuit.turns(2)
        levels.grow()
        levels.snapshot()
        pursuit.turns(int(FULL_SECONDS) + 2)
        assert levels.holds(pursuit)
        assert pursuit.problems == []
        assert pursuit.states[-1].updates == 1


def test_an_idle_replica_costs_two_small_requests_a_poll(levels: Levels) -> None:
    for _ in range(30):
        levels.grow(1)
    with pursue(levels) as pursuit:
        pursuit.turns(2)
        store = store_of(pursuit)
        store.requests.clear()
        polls = int(FULL_SECONDS) * 2 - 4
        pursuit.turns(polls)
        assert store.requests == {"head": 2 * (polls - 1), "list": 1}


def test_a_new_sync_costs_no_listing(levels: Levels) -> None:
    with pursue(levels) as pursuit:
        pursuit.turns(2)
        store = store_of(pursuit)
        store.requests.clear()
        for _ in range(20):
            levels.grow(1)
            pursuit.turns(1)
        assert levels.holds(pursuit)
        assert store.requests == {"head": 60, "get": 20}


def test_a_burst_of_syncs_is_followed_without_a_listing(levels: Levels) -> None:
    with pursue(levels) as pursuit:
        pursuit.turns(2)
        store_of(pursuit).requests.clear()
        for _ in range(40):
            levels.grow(1)
        began = levels.clock.now()
        pursuit.turns(3)
        assert levels.holds(pursuit)
        assert levels.clock.now() - began == timedelta(seconds=1)
        assert store_of(pursuit).requests["list"] == 0


def test_level_0_that_expired_at_once_is_noticed_at_once(levels: Levels) -> None:
    with pursue(levels) as pursuit:
        pursuit.turns(2)
        levels.grow()
        levels.grow()
        levels.writer.compact(1)
        levels.expire(0)
        pursuit.turns(1)
        assert levels.holds(pursuit)


def test_a_step_is_bounded_and_the_rest_follows_at_once(levels: Levels) -> None:
    with pursue(levels, step_bytes=12 * levels.page_size) as pursuit:
        pursuit.turns()
        for rows in (3, 90, 4, 2, 1):
            levels.grow(rows * levels.page_size // 512)
        began = levels.clock.now()
        seen: list[bool] = []
        while not levels.holds(pursuit) and len(seen) < 100:
            pursuit.turns()
            seen.append(levels.agrees(pursuit))
        assert all(seen)
        assert len(seen) > 2
        assert levels.clock.now() - began == timedelta(seconds=1)


def test_a_damaged_file_is_gone_around_through_another_level(levels: Levels) -> None:
    with pursue(levels) as pursuit:
        pursuit.turns()
        first = levels.grow()
        last = levels.grow()
        levels.writer.compact(1)
        levels.grow()
        damaged = levels.key(0, first)
        damaged.write_bytes(damaged.read_bytes()[:-20])
        pursuit.turns()
        assert levels.holds(pursuit)
        assert any("led around it" in problem for problem in pursuit.problems)
        assert last < levels.writer.txid


@pytest.mark.parametrize("damage", ["missing", "spoilt", "renamed"])
def test_a_hole_ends_the_following_when_nothing_newer_can_be_restored(damage: str, levels: Levels) -> None:
    with pursue(levels) as pursuit:
        pursuit.turns()
        good = levels.grow()
        bad = levels.grow()
        levels.grow()
        path = levels.key(0, bad)
        if damage == "missing":
            path.unlink()
        elif damage == "spoilt":
            path.write_bytes(path.read_bytes()[:200] + b"?" + path.read_bytes()[201:])
        else:
            path.write_bytes(levels.key(0, good).read_bytes())
        with pytest.raises(CannotAdvance, match=r"behind its replica: .*not newer than the copy") as caught:
            pursuit.turns(1000, max_lag=100)
        assert caught.value.code == 4
        assert pursuit.copy.mark.place == Txid(good)
        assert levels.agrees(pursuit)
        assert store_of(pursuit).requests["get"] < 30
        assert Txid(bad).label in caught.value.message


def test_a_hole_is_got_over_by_a_newer_snapshot(levels: Levels) -> None:
    with pursue(levels) as pursuit:
        pursuit.turns()
        lost = levels.grow()
        levels.grow()
        levels.key(0, lost).unlink()
        pursuit.turns(2)
        assert not levels.holds(pursuit)
        levels.snapshot()
        levels.grow()
        pursuit.turns(int(FULL_SECONDS) + 3)
        assert levels.holds(pursuit)
        assert any("restoring a newer base" in problem for problem in pursuit.problems)


def test_a_hole_that_is_filled_was_none(levels: Levels) -> None:
    with pursue(levels) as pursuit:
        pursuit.turns()
        late = levels.key(0, levels.grow())
        content = late.read_bytes()
        levels.grow()
        late.unlink()
        pursuit.begin_again()
        pursuit.turns(1)
        assert "missing at every level" in pursuit.problems[-1]
        late.write_bytes(content)
        pursuit.turns(1)
        assert levels.holds(pursuit)
        assert not any("newer base" in problem for problem in pursuit.problems)


def test_a_file_that_is_still_growing_is_waited_for(levels: Levels) -> None:
    with pursue(levels) as pursuit:
        pursuit.turns()
        path = levels.key(0, levels.grow())
        whole = path.read_bytes()

        def write(size: int) -> None:
            path.write_bytes(whole[:size])

        for size in (10, 100, 200, len(whole) - 1):
            write(size)
            pursuit.turns(1)
            assert levels.agrees(pursuit)
        write(len(whole))
        pursuit.turns(1)
        assert levels.holds(pursuit)
        assert not any("newer base" in problem for problem in pursuit.problems)


def test_following_goes_on_after_the_process_was_another_one(levels: Levels) -> None:
    with pursue(levels) as pursuit:
        for _ in range(4):
            pursuit.turns(2)
            levels.grow()
            levels.writer.compact(1)
            levels.expire(0)
            levels.grow()
            pursuit.begin_again()
            pursuit.turns(1)
            assert levels.holds(pursuit)
        assert pursuit.problems == []


def test_a_copy_that_was_left_for_days_takes_the_newest_base(levels: Levels) -> None:
    with pursue(levels) as pursuit:
        pursuit.turns()
        for _ in range(3):
            levels.clock.sleep(86400)
            levels.grow()
            levels.snapshot()
            levels.writer.compact(1)
            levels.expire(0)
        for path in (levels.replica / "ltx" / "1").iterdir():
            path.unlink()
        pursuit.begin_again()
        pursuit.turns(2)
        assert levels.holds(pursuit)


@pytest.mark.parametrize("again", [False, True], ids=["while it runs", "while it was away"])
@pytest.mark.parametrize("length", [3, 6, 9], ids=["shorter", "as long", "longer"])
def test_a_history_that_began_anew_is_never_laid_over_the_old_one(
    again: bool, length: int, levels: Levels
) -> None:
    for _ in range(4):
        levels.grow()
        levels.clock.sleep(1)
    with pursue(levels) as pursuit:
        pursuit.turns(2)
        held = pursuit.content
        assert levels.writer.txid == 6
        levels.close()
        shutil.rmtree(levels.replica)
        levels.clock.sleep(10)
        levels.begin_anew("other.db")
        while levels.writer.txid < length:
            levels.clock.sleep(1)
            levels.grow(1)
        if again:
            pursuit.begin_again()
        if length > 6:
            pursuit.turns(int(FULL_SECONDS))
            assert levels.holds(pursuit)
            assert any("began anew" in problem for problem in pursuit.problems)
        else:
            with pytest.raises(CannotAdvance, match="began anew"):
                pursuit.turns(1000, max_lag=60)
            assert pursuit.content == held


def test_a_replica_that_is_empty_is_not_taken_for_idle(levels: Levels) -> None:
    with pursue(levels) as pursuit:
        pursuit.turns()
        shutil.rmtree(levels.replica / "ltx")
        with pytest.raises(CannotAdvance, match="no LTX files any more"):
            pursuit.turns(1000, max_lag=60)


def test_a_file_larger_than_the_room_goes_through_a_file_beside_the_copy(levels: Levels) -> None:
    with pursue(levels, step_bytes=4 * levels.page_size) as pursuit:
        pursuit.turns()
        levels.grow(200)
        pursuit.turns()
        assert levels.holds(pursuit)
        assert sorted(path.name for path in levels.folder.glob("copy*")) == ["copy.db", "copy.db-txid"]
