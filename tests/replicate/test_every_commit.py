"""Our restores reach every commit that our daemon stored: by its position, and by the time it was made."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sqlite_recovery_tui.errors import DamagedError, Unreachable
from sqlite_recovery_tui.formats import sidecars
from sqlite_recovery_tui.replica.dating import dated_around
from sqlite_recovery_tui.replica.scan import scan
from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.restore.commits import commits
from sqlite_recovery_tui.restore.plan import COMMIT_TIME, STORED_TIME, Plan, make_plan
from sqlite_recovery_tui.restore.run import RestoreOptions, RestoreResult, restore
from sqlite_recovery_tui.restore.target import AtPosition, AtTime
from sqlite_recovery_tui.storage.base import Store
from sqlite_recovery_tui.storage.memory import MemoryStore
from sqlite_recovery_tui.verify.stops import neighbour
from tests.support.commit_life import Life
from tests.support.litestream import litestream
from tests.support.shelf import folder
from tests.support.shipping import REPLICA

INSTANT = timedelta(microseconds=1)


@pytest.fixture
def life() -> Iterator[Life]:
    with folder() as place:
        made = Life(place)
        try:
            made.live()
            yield made
        finally:
            made.close()


def plan_at(store: Store, time: datetime, **how: bool) -> Plan:
    timeline = dated_around(store, scan(store), time)
    return make_plan(timeline, AtTime(time), database=None, replica="r", url=store.url, **how)


def carried_out(store: Store, plan: Plan, **how: bool) -> tuple[bytes, RestoreResult]:
    with folder() as place:
        result = restore(store, plan, RestoreOptions(place / "out.db", **how))  # type: ignore[arg-type]
        return (place / "out.db").read_bytes(), result


def test_every_commit_is_restored_by_its_position(life: Life) -> None:
    store = life.store.inner
    timeline = scan(store)
    for told in life.told:
        place = told.place
        target = AtPosition(place.index, place.offset, place.generation)
        plan = make_plan(timeline, target, database=None, replica="r", url=store.url)
        content, result = carried_out(store, plan)
        assert (content, result.position) == (told.content, told.place)


def test_every_commit_is_restored_by_the_time_it_was_made(life: Life) -> None:
    store = life.store.inner
    for number, told in enumerate(life.dated):
        plan = plan_at(store, told.time)
        content, result = carried_out(store, plan)
        assert (content, result.position, result.time) == (told.content, told.place, told.time)
        assert result.distance_seconds == 0
        assert plan.point.is_commit
        assert plan.to_json()["time_of"] == result.to_json()["time_of"] == "commit"
        assert COMMIT_TIME in result.notes
        if number:
            before, _ = carried_out(store, plan_at(store, told.time - INSTANT))
            assert before == life.dated[number - 1].content


def test_a_walk_by_commits_tells_when_each_was_made(life: Life) -> None:
    store = life.store.inner
    timeline = scan(store)
    told = {each.place: each.time for each in life.dated}
    seen = 0
    for generation in timeline.generations:
        for segment in generation.segments:
            for commit in commits(store, timeline, segment).commits:
                assert commit.time == told.get(commit.place)
                seen += commit.time is not None
    assert seen == len(told)
    stop = neighbour(store, timeline, life.told[3].place, -1)
    assert stop is not None
    assert stop.time == life.told[2].time


def test_the_open_wal_goes_by_what_was_stored(life: Life) -> None:
    store = life.store.inner
    stored = max(info.time for info in life.objects().values())
    content, result = carried_out(store, plan_at(store, stored))
    assert content == life.told[-1].content
    assert result.to_json()["time_of"] == "object"
    assert STORED_TIME in result.notes
    content, _ = carried_out(store, plan_at(store, stored - INSTANT))
    assert content == life.dated[-1].content


def test_without_notes_it_is_as_litestream_says(life: Life) -> None:
    store = life.store.inner
    store.delete([key for key in life.objects() if key.startswith(sidecars.ROOT)])
    told = life.dated[3]
    plan = plan_at(store, told.time)
    assert not plan.point.is_commit
    assert plan.notes == ()
    assert carried_out(store, plan)[0] == life.told[1].content  # the rest was stored later


class Counting(MemoryStore):
    """Counts what is read."""

    def __init__(self, inner: MemoryStore) -> None:
        super().__init__("counted")
        self.inner, self.read, self.refuses = inner, [], False  # type: ignore[var-annotated]

    def get(self, key: str) -> bytes:
        self.read.append(key)
        if self.refuses:
            raise Unreachable("nothing answers")
        return self.inner.get(key)


def test_few_notes_are_read_and_none_twice(life: Life) -> None:
    counting = Counting(life.store.inner)
    timeline = scan(life.store.inner)
    for _ in range(2):
        dated_around(counting, timeline, life.told[6].time)
    assert 0 < len(counting.read) <= 3
    assert all(key.startswith(sidecars.ROOT) for key in counting.read)
    assert dated_around(counting, Timeline(()), life.told[0].time) == Timeline(())


def test_notes_that_cannot_be_read_are_told_and_do_not_keep_from_a_restore(life: Life) -> None:
    counting = Counting(life.store.inner)
    counting.refuses = True
    time = life.told[6].time
    timeline = dated_around(counting, scan(life.store.inner), time)
    plan = make_plan(timeline, AtTime(time), database=None, replica="r", url="memory:")
    assert any("nothing answers" in note for note in plan.notes)
    assert not plan.point.is_commit


def test_a_commit_whose_segment_is_gone_is_named_as_lost(life: Life) -> None:
    store = life.store.inner
    first = life.told[0].place
    last = [key for key in life.segments() if f"{first.generation}/wal/00000000_" in key][-1]
    store.delete([last])
    with pytest.raises(DamagedError, match="a commit was noted that ends at") as raised:
        carried_out(store, plan_at(store, life.told[4].time))
    assert raised.value.object == last
    content, result = carried_out(store, plan_at(store, life.told[4].time), to_last_good=True)
    assert content == life.told[1].content
    assert result.lost


def test_commits_that_a_missing_wal_hides_are_not_passed_over(life: Life) -> None:
    store = life.store.inner
    generation = life.told[0].place.generation
    gone = [key for key in life.objects() if f"{generation}/wal/00000001_" in key]
    snapshot = [key for key in life.objects() if f"{generation}/snapshots/00000002" in key]
    store.delete([*gone, *snapshot])
    with pytest.raises(DamagedError, match="lies behind a hole"):
        plan_at(store, life.told[6].time)
    assert (
        plan_at(store, life.told[4].time).point.time == life.told[4].time
    )  # the next one is known to be later
    store.delete([sidecars.key(generation, 1)])
    with pytest.raises(DamagedError, match="lies behind a hole"):
        plan_at(store, life.told[4].time)


def test_a_time_right_behind_a_snapshot_takes_that_alone(tmp_path: Path) -> None:
    life = Life(tmp_path, replace(REPLICA, snapshot_interval=timedelta(seconds=1)))
    try:
        life.commits(2)
        life.source.snapshot()
        life.ship()
        time = life.clock.now()
        life.commits(2)
        life.source.seal()
        life.commits(1)
        plan = plan_at(life.store.inner, time)
        assert (plan.base.label, len(plan.changes)) == ("00000001", 0)
        assert carried_out(life.store.inner, plan)[0] == life.told[1].content
        later = plan_at(life.store.inner, life.told[2].time)
        assert (later.base.label, later.reached) == ("00000001", life.told[2].place)
    finally:
        life.close()


def test_a_clock_set_back_does_not_reorder_commits(tmp_path: Path) -> None:
    life = Life(tmp_path)
    try:
        life.commits(3)
        life.source.now = lambda: life.told[0].time - timedelta(hours=1)
        life.commits(2)
        life.source.now = life.clock.now
        life.source.seal()
        life.commits(1)
        life.source.seal()
        life.ship()
        store = life.store.inner
        plan = plan_at(store, life.told[2].time)
        assert plan.point.time == life.told[2].time
        assert carried_out(store, plan)[0] == life.told[4].content
        assert carried_out(store, plan_at(store, life.told[5].time))[0] == life.told[5].content
    finally:
        life.close()


def test_litestream_restores_the_same_replica_at_latest_and_at_times(life: Life, tmp_path: Path) -> None:
    """By what was stored, as it documents: the state after the last commit of the newest segment."""
    binary = litestream("0.3.13")
    url = f"file://{life.write_to(tmp_path / 'replica')}"
    for number, time in enumerate([None, *sorted(life.shipped)]):
        target = tmp_path / f"{number}.db"
        at = ["-timestamp", time.isoformat().replace("+00:00", "Z")] if time is not None else []
        subprocess.run([str(binary), "restore", "-o", str(target), *at, url], check=True, capture_output=True)
        assert target.read_bytes() == (life.shipped[time] if time is not None else life.told[-1].content)
