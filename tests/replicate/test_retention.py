"""What retention takes away was not needed, and wherever it stops, what remains restores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlite_recovery_tui.domain import Position
from sqlite_recovery_tui.errors import OutsideCoverage
from sqlite_recovery_tui.formats import generations as names
from sqlite_recovery_tui.formats import sidecars
from sqlite_recovery_tui.replica.timeline import Timeline, TimelineBuilder
from sqlite_recovery_tui.replicate.retention import decide
from sqlite_recovery_tui.restore.plan import make_plan
from sqlite_recovery_tui.restore.target import AtTime
from sqlite_recovery_tui.storage.base import ObjectInfo

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def generation(number: int) -> str:
    return f"{number:016x}"


def snapshot(number: int, index: int, hour: float) -> ObjectInfo:
    return ObjectInfo(names.snapshot_key(generation(number), index), 100, START + hour * HOUR)


def segment(number: int, index: int, offset: int, hour: float) -> ObjectInfo:
    return ObjectInfo(names.segment_key(generation(number), index, offset), 10, START + hour * HOUR)


@st.composite
def replicas(draw: st.DrawFn) -> list[ObjectInfo]:
    """Draw what generations, one after the other, leave: a snapshot first, then segments and more of both."""
    objects: list[ObjectInfo] = []
    hour = 0.0
    for number in range(1, draw(st.integers(1, 4)) + 1):
        index, offset = draw(st.integers(0, 2)), 0
        objects.append(snapshot(number, index, hour))
        for what in draw(st.lists(st.sampled_from(["segment", "segment", "wal", "snapshot"]), max_size=12)):
            hour += draw(st.sampled_from([0.0, 0.5, 1, 6, 30]))
            if what == "segment" or not offset:
                objects.append(segment(number, index, offset, hour))
                offset += 4096
                continue
            objects.append(ObjectInfo(sidecars.key(generation(number), index), 1, START + hour * HOUR))
            index, offset = index + 1, 0
            if what == "snapshot":
                objects.append(snapshot(number, index, hour))
        hour += draw(st.sampled_from([0.0, 1, 40]))
    return objects


def restorable(objects: list[ObjectInfo], original: list[ObjectInfo]) -> set[str]:
    """Return the objects at which a restore can end: a snapshot below them, and all that lies in between."""
    keys = {info.key for info in objects}
    ends: set[str] = set()
    for base in objects:
        name = names.parse_key(base.key)
        if name is None or name.offset is not None:
            continue
        ends.add(base.key)
        following = sorted(
            (found.index, found.offset, info.key)
            for info in original
            if (found := names.parse_key(info.key)) is not None
            and found.generation == name.generation
            and found.offset is not None
            and found.index >= name.index
        )
        for _, _, key in following:
            if key not in keys:
                break
            ends.add(key)
    return ends


def is_listed_whole(objects: list[ObjectInfo]) -> bool:
    """Tell whether each WAL that is there begins with its first segment, as Litestream demands."""
    found = [name for info in objects if (name := names.parse_key(info.key)) is not None]
    begun = {(name.generation, name.index) for name in found if name.offset == 0}
    return all((name.generation, name.index) in begun for name in found if name.offset is not None)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_wherever_it_stops_what_is_to_be_covered_restores(data: st.DataObject) -> None:
    original = data.draw(replicas())
    newest = max(info.time for info in original)
    now = newest + data.draw(st.sampled_from([0.0, 1, 24, 100, 10_000])) * HOUR
    retention = data.draw(st.sampled_from([1, 24, 72])) * HOUR
    present = max(info.key.split("/")[1] for info in original)
    ends = restorable(original, original)
    cutoff = now - retention
    needed = {info.key for info in original if info.time > cutoff} & ends
    covered = any(info.time <= cutoff for info in original if info.key in ends)
    last = {info.key for info in original if info.key in ends and f"/{present}/" in info.key}
    newest_base = max(info.key for info in original if info.key in last and "/snapshots/" in info.key)
    there = list(original)
    while (plan := decide(there, now=now, retention=retention, present=present)).removals:
        for removal in plan.removals:
            for step in removal.steps:
                for key in data.draw(st.permutations(step)):
                    there = [info for info in there if info.key != key]
                    still = restorable(there, original)
                    assert needed <= still
                    assert not covered or any(info.time <= cutoff for info in there if info.key in still)
                    assert newest_base in still
                    assert is_listed_whole(there)
                    advertised = {
                        info.key
                        for info in there
                        if (name := names.parse_key(info.key)) is not None
                        and _has_base(there, name.generation, name.index)
                    }
                    assert advertised <= still


def _has_base(objects: list[ObjectInfo], generation: str, index: int) -> bool:
    return any(
        name.generation == generation and name.offset is None and name.index <= index
        for info in objects
        if (name := names.parse_key(info.key)) is not None
    )


def history() -> list[ObjectInfo]:
    """Two days: a snapshot every six hours, a segment in each."""
    objects = []
    for index in range(8):
        objects += [snapshot(1, index, 6 * index), segment(1, index, 0, 6 * index + 1)]
    return objects


def test_history_never_collapses_to_the_newest_snapshot() -> None:
    plan = decide(history(), now=START + 48 * HOUR, retention=24 * HOUR, present=generation(1))
    assert [removal.index for removal in plan.removals] == [0, 1]  # what is older goes with the next runs
    assert plan.withheld
    rest = [info for info in history() if info.key.split("/")[-1] >= "00000002"]
    plan = decide(rest, now=START + 48 * HOUR, retention=24 * HOUR, present=generation(1))
    assert [removal.index for removal in plan.removals] == [2]
    rest = [info for info in history() if info.key.split("/")[-1] >= "00000004"]
    plan = decide(rest, now=START + 48 * HOUR, retention=24 * HOUR, present=generation(1))
    assert plan.removals == ()  # a restore to 24 hours ago begins with it
    assert plan.next_at == START + (30 + 24) * HOUR


def test_a_clock_that_jumped_cannot_take_everything_at_once() -> None:
    plan = decide(history(), now=START + timedelta(days=4000), retention=24 * HOUR, present=generation(1))
    assert len(plan.removals) == 2
    assert "more chains in the next runs" in plan.withheld


def retained(objects: list[ObjectInfo], proven: list[Position], *, hours: float = 480) -> list[ObjectInfo]:
    """Return what is left once retention has done all it would."""
    there, now = list(objects), START + hours * HOUR
    while plan := decide(there, now=now, retention=24 * HOUR, present=generation(1), proven=proven):
        gone = {key for removal in plan.removals for step in removal.steps for key in step} | set(plan.stale)
        noted = [ObjectInfo(removal.noted, 1, now) for removal in plan.removals if removal.noted]
        if not gone:
            return there
        there = [info for info in there if info.key not in gone] + noted
    raise AssertionError


def labels(objects: list[ObjectInfo]) -> list[int]:
    return sorted({name.index for info in objects if (name := names.parse_key(info.key)) is not None})


def test_the_newest_proven_chain_stays_alone() -> None:
    proven = [Position(generation(9), 1, 0), Position(generation(1), 2, 4096), Position(generation(1), 0, 0)]
    plan = decide(
        history(), now=START + 480 * HOUR, retention=24 * HOUR, present=generation(1), proven=proven
    )
    assert [(each.index, each.why) for each in plan.kept] == [(2, "the newest that was proven")]
    left = retained(history(), proven)
    assert labels(left) == [2, 7]
    assert [name for info in left if (name := names.parse_removed(info.key))] == [
        names.Removed(generation(1), 3, generation(1), 7)
    ]
    found = timeline_of(left)
    assert [gap.kind for gap in found.gaps()] == ["expired"]
    assert not found.holes
    assert retained(left, proven) == left
    # One within what is kept by its age: then the older may go, and the note with it.
    left = retained(left, [Position(generation(1), 7, 4096), *proven])
    assert labels(left) == [7]
    assert len(left) == 2
    assert not timeline_of(left).gaps()


def test_without_its_note_the_same_hole_is_damage() -> None:
    left = retained(history(), [Position(generation(1), 2, 4096)])
    assert timeline_of([info for info in left if names.parse_removed(info.key) is None]).holes


def test_what_lies_behind_a_proven_chain_of_an_older_generation_goes() -> None:
    objects = [
        *(snapshot(2, 0, 0), segment(2, 0, 0, 1), snapshot(2, 1, 6), segment(2, 1, 0, 7)),
        *(snapshot(3, 0, 10), segment(3, 0, 0, 11)),
        *(snapshot(1, 0, 20), segment(1, 0, 0, 21), snapshot(1, 1, 30), segment(1, 1, 0, 31)),
    ]
    left = retained(objects, [Position(generation(2), 0, 32)])
    kept = [info.key for info in left if names.parse_key(info.key) is not None]
    assert kept == [
        names.snapshot_key(generation(2), 0),
        names.segment_key(generation(2), 0, 0),
        names.snapshot_key(generation(1), 1),
        names.segment_key(generation(1), 1, 0),
    ]
    (gap,) = timeline_of(left).gaps()
    assert (gap.kind, gap.is_damage) == ("expired", False)
    with pytest.raises(OutsideCoverage, match="retention removed"):
        make_plan(timeline_of(left), AtTime(START + 8 * HOUR), database=None, replica="r", url="")
    there = make_plan(
        timeline_of(left), AtTime(START + 8 * HOUR), database=None, replica="r", url="", nearest=True
    )
    assert there.point.time == START + HOUR


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_wherever_it_stops_behind_a_proven_chain_nothing_is_told_that_is_not_there(
    data: st.DataObject,
) -> None:
    original = data.draw(replicas())
    now = max(info.time for info in original) + data.draw(st.sampled_from([0.0, 24, 10_000])) * HOUR
    present = max(info.key.split("/")[1] for info in original)
    ends = restorable(original, original)
    base = data.draw(st.sampled_from(sorted(key for key in ends if "/snapshots/" in key)))
    name = names.parse_key(base)
    assert name is not None
    proven = [Position(name.generation, name.index, 0)]
    needed = {info.key for info in original if info.time > now - 24 * HOUR} & ends
    there = list(original)
    for _ in range(40):
        plan = decide(there, now=now, retention=24 * HOUR, present=present, proven=proven)
        for removal in plan.removals:
            there += [ObjectInfo(removal.noted, 1, now)] if removal.noted else []
            for step in removal.steps:
                for key in step:
                    there = [info for info in there if info.key != key]
                    still = restorable(there, original)
                    assert needed <= still
                    assert base in still
                    assert is_listed_whole(there)
                    assert {point.key for point in timeline_of(there).points()} <= still
                    assert removal.steps[0][0] != base
        there = [info for info in there if info.key not in plan.stale]
    assert not timeline_of(there).holes or timeline_of(original).holes


def timeline_of(objects: list[ObjectInfo]) -> Timeline:
    builder = TimelineBuilder()
    for info in objects:
        builder.add(info.key, info.size, info.time, None)
    return builder.timeline()


def test_nothing_goes_before_the_present_generation_has_a_snapshot() -> None:
    plan = decide(history(), now=START + 480 * HOUR, retention=24 * HOUR, present=generation(2))
    assert plan.removals == ()
    assert plan.withheld == "the present generation has no snapshot there yet"


def test_an_old_generation_goes_when_the_new_one_covers_the_time() -> None:
    objects = [*history(), snapshot(2, 0, 49), segment(2, 0, 0, 50)]
    covered = decide(objects, now=START + 60 * HOUR, retention=10 * HOUR, present=generation(2))
    assert [removal.index for removal in covered.removals] == [0, 1]
    for hour, gone in ((58, False), (59.5, True)):
        last = [snapshot(1, 7, 42), segment(1, 7, 0, 43), snapshot(2, 0, 49), segment(2, 0, 0, 50)]
        plan = decide(last, now=START + hour * HOUR, retention=10 * HOUR, present=generation(2))
        assert bool(plan.removals) == gone


def test_what_others_keep_there_is_left_alone() -> None:
    theirs = ObjectInfo("generations/readme.txt", 1, START)
    plan = decide(
        [*history(), theirs], now=START + timedelta(days=400), retention=HOUR, present=generation(1)
    )
    keys = {key for removal in plan.removals for step in removal.steps for key in step}
    assert theirs.key not in keys
    assert keys
