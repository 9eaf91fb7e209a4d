"""Following generations: commit by commit, from one WAL to the next, from one generation to the next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from sqlite_recovery_tui.clock import FixedClock
from sqlite_recovery_tui.domain import Position
from sqlite_recovery_tui.errors import DamagedError
from sqlite_recovery_tui.formats import lz4, wal
from sqlite_recovery_tui.restore.changes import CannotAdvance
from sqlite_recovery_tui.restore.following.look import FULL_SECONDS
from sqlite_recovery_tui.restore.following.wal import AHEAD_SECONDS
from tests.support.copies import which
from tests.support.following import CountingStore, Generations, Pursuit
from tests.support.shelf import START, folder


@pytest.fixture(params=[512, 4096])
def page_size(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def replica(page_size: int) -> Iterator[Generations]:
    with folder() as place:
        made = Generations(FixedClock(START), place, page_size)
        yield made
        made.close()


def pursue(replica: Generations, **options: object) -> Pursuit:
    """Begin with a snapshot that is long past."""
    replica.clock.sleep(10)
    replica.grow()
    store = CountingStore(replica.store)
    return Pursuit(store, replica.folder, replica.clock, dict(options))  # type: ignore[arg-type]


def store_of(pursuit: Pursuit) -> CountingStore:
    assert isinstance(pursuit.store, CountingStore)
    return pursuit.store


def test_each_commit_is_in_the_copy_after_the_next_poll(replica: Generations) -> None:
    with pursue(replica) as pursuit:
        for number in range(15):
            pursuit.turns()
            assert replica.holds(pursuit)
            if number in (4, 9):
                replica.checkpoint()
            if number == 6:
                replica.run("DELETE FROM t WHERE id % 3", "VACUUM")
            replica.grow(number * 5 + 1)
        pursuit.turns()
        assert replica.holds(pursuit)
        assert pursuit.problems == []
        assert isinstance(pursuit.copy.mark.place, Position)
        assert pursuit.copy.mark.place.index == 2


def test_many_commits_at_once_are_a_step_for_each_wal(replica: Generations) -> None:
    with pursue(replica) as pursuit:
        pursuit.turns()
        for number in range(12):
            replica.grow(number)
            if number % 4 == 2:
                replica.checkpoint()
        began = replica.clock.now()
        pursuit.begin_again()
        pursuit.turns(4)
        assert replica.holds(pursuit)
        assert pursuit.states[-1].updates == 4
        assert replica.clock.now() - began == timedelta(seconds=1)


def test_a_burst_of_segments_is_followed_without_a_listing(replica: Generations) -> None:
    with pursue(replica) as pursuit:
        pursuit.turns(2)
        store_of(pursuit).requests.clear()
        for number in range(12):
            replica.grow(number)
            if number % 4 == 2:
                replica.checkpoint()
        began = replica.clock.now()
        pursuit.turns(12)
        assert replica.holds(pursuit)
        assert replica.clock.now() - began == timedelta(seconds=1)
        assert store_of(pursuit).requests["list"] == 0


def test_what_did_not_commit_yet_waits(replica: Generations) -> None:
    frame = wal.FRAME_HEADER_SIZE + replica.page_size
    with pursue(replica) as pursuit:
        pursuit.turns()
        held = pursuit.copy.mark
        assert isinstance(held.place, Position)
        replica.insert(60)
        for frames in (1, 2):
            replica.ship(held.place.offset + frames * frame)
            pursuit.turns(2)
            assert pursuit.copy.mark == held
        replica.ship()
        pursuit.turns()
        assert replica.holds(pursuit)
        replica.insert(60)
        replica.ship(replica.writer.commits[-2].position.offset + frame)
        pursuit.turns(2)
        pursuit.begin_again()
        pursuit.turns(2)
        replica.ship()
        pursuit.turns()
        assert replica.holds(pursuit)
        assert pursuit.problems == []


def test_shrinking_at_the_end_of_a_wal_and_growing_in_the_next(replica: Generations) -> None:
    with pursue(replica) as pursuit:
        replica.grow(300)
        pursuit.turns()
        replica.run("DELETE FROM t WHERE id > 5", "VACUUM")
        replica.checkpoint()
        replica.run(
            "BEGIN; INSERT INTO t(body) SELECT randomblob(300) FROM generate_series(1, 300); "
            "DELETE FROM t WHERE id > 20; COMMIT"
        )
        replica.ship()
        pursuit.turns(2)
        assert replica.holds(pursuit)


def test_an_idle_replica_costs_two_small_requests_a_poll(replica: Generations) -> None:
    with pursue(replica) as pursuit:
        pursuit.turns(2)
        store = store_of(pursuit)
        store.requests.clear()
        pursuit.turns(int(FULL_SECONDS) - 3)
        assert store.requests["head"] == 2 * (FULL_SECONDS - 3)
        assert store.requests["folders"] == 5
        assert store.requests.total() == store.requests["head"] + store.requests["folders"]


def test_a_commit_costs_no_listing_of_the_replica(replica: Generations) -> None:
    with pursue(replica) as pursuit:
        pursuit.turns(2)
        store = store_of(pursuit)
        store.requests.clear()
        for _ in range(10):
            replica.grow()
            pursuit.turns()
        assert replica.holds(pursuit)
        assert store.requests == {"head": 30, "get": 10}


def test_a_new_generation_is_gone_on_with_in_seconds(replica: Generations) -> None:
    with pursue(replica) as pursuit:
        pursuit.turns(8)
        for _ in range(2):
            replica.grow()
            pursuit.turns()
            replica.clock.sleep(60)
            replica.insert()
            replica.new_generation()
            replica.clock.sleep(3)
            replica.grow()
            pursuit.turns(7)
            assert replica.holds(pursuit)
        assert pursuit.copy.mark.lineage == f"{3:016x}"


def test_an_older_generation_beside_is_nothing_new(replica: Generations) -> None:
    replica.clock.sleep(60)
    replica.new_generation()
    with pursue(replica) as pursuit:
        pursuit.turns(int(FULL_SECONDS) + 5)
        replica.grow()
        pursuit.turns()
        assert replica.holds(pursuit)
        assert pursuit.problems == []


def test_following_goes_on_after_the_process_was_another_one(replica: Generations) -> None:
    with pursue(replica) as pursuit:
        for number in range(6):
            pursuit.turns(2)
            if number % 2:
                replica.checkpoint()
            replica.grow()
            pursuit.begin_again()
            store_of(pursuit).requests.clear()
            pursuit.turns(2)
            assert replica.holds(pursuit)
            replica.grow()
            pursuit.turns()
            assert replica.holds(pursuit)
        assert pursuit.problems == []


def test_a_step_is_bounded_and_the_rest_follows_at_once(replica: Generations) -> None:
    with pursue(replica, step_bytes=8 * replica.page_size) as pursuit:
        pursuit.turns()
        for rows in (3, 60, 4, 2, 90, 1):
            replica.grow(rows * replica.page_size // 512)
        began = replica.clock.now()
        seen = []
        while not replica.holds(pursuit) and len(seen) < 100:
            pursuit.turns()
            seen.append(replica.agrees(pursuit))
        assert all(seen)
        assert len(seen) > 2
        assert replica.clock.now() - began == timedelta(seconds=1)


def test_a_transaction_larger_than_the_room_goes_through_a_file(replica: Generations) -> None:
    frame = wal.FRAME_HEADER_SIZE + replica.page_size
    with pursue(replica, step_bytes=4 * replica.page_size) as pursuit:
        pursuit.turns()
        place = pursuit.copy.mark.place
        assert isinstance(place, Position)
        replica.insert(80 * replica.page_size // 512)
        for end in range(place.offset + 7 * frame, replica.writer.commits[-1].position.offset, 7 * frame):
            replica.ship(end)
        pursuit.turns(2)
        assert pursuit.copy.mark.place == place
        replica.ship()
        pursuit.turns()
        assert replica.holds(pursuit)
        assert sorted(path.name for path in replica.folder.glob("copy*")) == ["copy.db"]


@pytest.mark.parametrize("damage", ["missing", "spoilt", "cut", "empty"])
def test_a_hole_ends_the_following_when_nothing_newer_can_be_restored(
    damage: str, replica: Generations
) -> None:
    with pursue(replica) as pursuit:
        pursuit.turns()
        good = replica.grow()
        replica.grow()
        bad = replica.last
        replica.grow()
        content = replica.store.get(bad)
        if damage == "missing":
            replica.store.delete([bad])
        elif damage == "spoilt":
            replica.store.put(bad, content[:60] + b"?" + content[61:])
        else:
            plain = lz4.decompress(content, max_bytes=1 << 30)
            kept = plain[: -replica.page_size - 24] if damage == "cut" else b""
            replica.store.put(bad, b"".join(lz4.compress_pieces([kept])))
        with pytest.raises(CannotAdvance, match=r"behind its replica: .*not newer than the copy") as caught:
            pursuit.turns(1000, max_lag=100)
        assert caught.value.code == 4
        assert replica.agrees(pursuit)
        place = pursuit.copy.mark.place
        assert isinstance(place, Position)
        assert place >= good if damage == "cut" else place == good
        named = bad.rpartition("/")[2].split("_")[0]
        assert named in caught.value.message
        assert store_of(pursuit).requests["get"] < 100


def test_a_missing_wal_is_got_over_by_a_newer_snapshot(replica: Generations) -> None:
    with pursue(replica) as pursuit:
        pursuit.turns()
        replica.checkpoint()
        replica.grow()
        lost = replica.last
        replica.checkpoint()
        replica.grow()
        replica.store.delete([lost])
        with pytest.raises(CannotAdvance, match="is missing"):
            pursuit.turns(1000, max_lag=60)
        replica.clock.sleep(1)
        replica.snapshot()
        replica.clock.sleep(3)
        replica.grow()
        pursuit.begin_again()
        pursuit.turns(4)
        assert replica.holds(pursuit)


def test_a_snapshot_ahead_of_the_wal_is_given_time(replica: Generations) -> None:
    with pursue(replica) as pursuit:
        pursuit.turns(2)
        replica.snapshot()
        replica.clock.sleep(FULL_SECONDS)
        pursuit.turns(2)
        assert any("ahead of the WAL" in problem for problem in pursuit.problems)
        replica.grow()
        pursuit.turns(3)
        assert replica.holds(pursuit)
        assert not any("newer base" in problem for problem in pursuit.problems)


def test_a_snapshot_that_stays_ahead_of_the_wal_is_the_new_base(replica: Generations) -> None:
    with pursue(replica) as pursuit:
        pursuit.turns(2)
        replica.insert(50)
        replica.writer.checkpoint("TRUNCATE")
        replica.writer.snapshot(replica.clock.now())
        pursuit.turns(60, max_lag=100 + AHEAD_SECONDS)
        assert replica.holds(pursuit)
        assert any("newer base" in problem for problem in pursuit.problems)


def test_a_snapshot_that_may_hold_more_than_its_wal_is_not_mixed_with_it(replica: Generations) -> None:
    """Litestream takes the file as a checkpoint left it, and ships the WAL a moment later."""
    replica.clock.sleep(60)
    replica.run("CREATE TABLE u(body)")
    replica.insert(40)
    replica.run("INSERT INTO u SELECT body FROM t", "DELETE FROM t")
    replica.writer.checkpoint("PASSIVE")
    replica.writer.snapshot(replica.clock.now(), checkpoint=None)
    states = [commit.state or b"" for commit in replica.writer.commits]
    with Pursuit(replica.store, replica.folder, replica.clock) as pursuit:
        for commit in replica.writer.commits[-3:-1]:
            replica.ship(commit.position.offset)
            pursuit.turns(1)
            assert which(pursuit.content, states) >= 0
        assert any("may hold more" in problem for problem in pursuit.problems)
        replica.clock.sleep(1)
        replica.ship()
        pursuit.turns(1)
        assert replica.holds(pursuit)
        assert pursuit.copy.mark.place == replica.writer.commits[-1].position
        replica.grow()
        pursuit.turns(1)
        assert replica.holds(pursuit)


def test_a_bare_snapshot_that_is_taken_anew_is_the_new_base(replica: Generations) -> None:
    with Pursuit(replica.store, replica.folder, replica.clock) as pursuit:
        pursuit.turns(1)
        replica.insert()
        replica.writer.checkpoint("PASSIVE")
        replica.writer.snapshot(replica.clock.now(), checkpoint=None)
        pursuit.turns(int(FULL_SECONDS) + 5)
        assert which(pursuit.content, [replica.writer.commits[-1].state or b""]) == 0
        replica.ship()
        replica.clock.sleep(3)
        replica.grow()
        pursuit.turns(3)
        assert replica.holds(pursuit)


def test_a_burst_right_behind_a_snapshot_is_not_waited_out_for_ever(replica: Generations) -> None:
    replica.clock.sleep(60)
    replica.snapshot()
    with Pursuit(replica.store, replica.folder, replica.clock) as pursuit:
        pursuit.turns(1)
        replica.grow()
        pursuit.turns(12)
        assert replica.holds(pursuit)


def test_a_segment_that_is_still_growing_is_waited_for(replica: Generations) -> None:
    with pursue(replica) as pursuit:
        pursuit.turns()
        replica.grow()
        key = replica.last
        whole = replica.store.get(key)
        for size in (10, 100, 200, len(whole) - 1):
            replica.store.put(key, whole[:size])
            pursuit.turns()
            assert replica.agrees(pursuit)
            assert not replica.holds(pursuit)
        replica.store.put(key, whole)
        pursuit.turns()
        assert replica.holds(pursuit)
        assert not any("newer base" in problem for problem in pursuit.problems)


def test_a_generation_that_is_gone_is_no_silence(replica: Generations) -> None:
    with pursue(replica) as pursuit:
        pursuit.turns()
        keys = [item.key for page in replica.store.list("") for item in page]
        replica.store.delete(keys)
        with pytest.raises(CannotAdvance, match="no longer stored"):
            pursuit.turns(1000, max_lag=60)


def test_wal_behind_the_copy_that_was_cut_off_is_noticed(replica: Generations) -> None:
    with pursue(replica) as pursuit:
        replica.grow()
        pursuit.turns()
        replica.store.delete([replica.last])
        pursuit.begin_again()
        with pytest.raises(CannotAdvance, match="the WAL ends at"):
            pursuit.turns(1000, max_lag=60)


def test_encrypted_replicas_are_followed_too(page_size: int) -> None:
    pyrage = pytest.importorskip("pyrage")
    identity = pyrage.x25519.Identity.generate()
    with folder() as place:
        replica = Generations(FixedClock(START), place, page_size, seal=identity.to_public())
        with pursue(replica, identities=(str(identity),)) as pursuit:
            for _ in range(3):
                pursuit.turns()
                assert replica.holds(pursuit)
                replica.checkpoint()
                replica.grow()
            pursuit.options["identities"] = (str(pyrage.x25519.Identity.generate()),)
            pursuit.begin_again()
            with pytest.raises(DamagedError, match="decrypt"):
                pursuit.turns(1000, max_lag=10)
        replica.close()
