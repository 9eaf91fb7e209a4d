"""Coverage, holes and restore points follow from names and times alone, whatever the listing's order."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.domain import Gap, RestorePoint
from sqlite_recovery_tui.formats.generations import parse_key
from sqlite_recovery_tui.replica.generations import Generation, Run
from sqlite_recovery_tui.replica.timeline import Timeline, TimelineBuilder
from tests.support import corpus
from tests.support.listings import A, B, C, Item, at, listing, timeline, timeline_of
from tests.support.properties import examples

# --- a reference that looks at everything anew, object by object ----------------------------------------


class Reference:
    """What can be restored, straight from the definition: a snapshot and every WAL name from it on."""

    def __init__(self, items: list[Item]) -> None:
        self.snapshots = [item for item in items if item.offset is None]
        self.segments = [item for item in items if item.offset is not None]

    def whole(self, generation: str, index: int) -> bool:
        """Whether WAL `index` is there from its start."""
        return any(
            (item.generation, item.index, item.offset) == (generation, index, 0) for item in self.segments
        )

    def bases(self, segment: Item) -> list[Item]:
        """The snapshots from which no name is missing up to `segment`."""
        return [
            base
            for base in self.snapshots
            if base.generation == segment.generation
            and base.index <= segment.index
            and all(self.whole(base.generation, index) for index in range(base.index, segment.index + 1))
        ]

    def effective(self, segment: Item) -> float:
        """When `segment` and all that its chain has in front of it had been stored."""
        first = min(base.index for base in self.bases(segment))
        return max(item.time for item in self._chain(segment, first))

    def _chain(self, segment: Item, first: int) -> list[Item]:
        return [
            item
            for item in self.segments
            if item.generation == segment.generation
            and item.index >= first
            and position(item) <= position(segment)
        ]

    @property
    def reachable(self) -> list[Item]:
        return [segment for segment in self.segments if self.bases(segment)]

    def candidates(self, time: float) -> list[tuple[float, tuple[int, float]]]:
        """(time, position) of everything restorable from objects stored at `time` or before."""
        found = [(base.time, (base.index, -1.0)) for base in self.snapshots if base.time <= time]
        for segment in self.reachable:
            bases = [base for base in self.bases(segment) if base.time <= time]
            if bases and self.effective(segment) <= time:
                newest = max(bases, key=lambda base: base.index)
                found.append((max(self.effective(segment), newest.time), position(segment)))
        return found


def position(item: Item) -> tuple[int, float]:
    return item.index, -1 if item.offset is None else item.offset


@st.composite
def listings(draw: st.DrawFn, *, rising: bool = False) -> list[Item]:
    """A few generations with things missing, at times that need not rise, in any order."""
    items = []
    clock = 0.0
    for generation in (A, B, C)[: draw(st.integers(1, 3))]:
        for index in range(draw(st.integers(1, 6))):
            names: list[int | None] = [*draw(st.sampled_from(WALS))]
            if draw(st.integers(0, 2)) == 0:
                names.insert(draw(st.integers(0, len(names))), None)
            for offset in names:
                clock += draw(st.integers(0, 3))
                time = clock if rising else float(draw(st.integers(0, 30)))
                items.append(Item(generation, index, offset, time))
    return items if rising else draw(st.permutations(items))


WALS = [(0, 0x20, 0x40), (0, 0x1018), (0,), (0,), (0x20, 0x40), ()]


def key_of(point: RestorePoint | None) -> str | None:
    return point.key if point else None


# --- properties -----------------------------------------------------------------------------------------


def runs_of(found: Timeline) -> list[Run]:
    """Return the runs of every generation, in order."""
    return [run for generation in found.generations for run in generation.runs]


@examples(120)
@given(listings())
def test_what_can_be_restored_is_what_a_snapshot_reaches_without_a_missing_name(items: list[Item]) -> None:
    reference, found = Reference(items), timeline_of(items)
    expected = {item.key for item in [*reference.reachable, *reference.snapshots]}
    points = list(found.points())
    assert {point.key for point in points} == expected
    assert len(points) == len(expected)
    assert found.objects == len(items)
    for run in runs_of(found):
        assert [run.point(number).key for number in range(len(run.segments))] == [s.key for s in run.segments]
        assert run.segments_until(None) == len(run.segments)
    times = {item.key: at(reference.effective(item)) for item in reference.reachable}
    times |= {item.key: at(item.time) for item in reference.snapshots}
    assert {point.key: point.time for point in points} == times


@examples(120)
@given(listings())
def test_a_time_gives_the_newest_state_of_which_all_was_stored_by_then(items: list[Item]) -> None:
    reference, found = Reference(items), timeline_of(items)
    for time in sorted({item.time for item in items} | {-1, 31, 0.5}):
        for generation in found.generations:
            theirs = Reference([item for item in items if item.generation == generation.id])
            candidates = theirs.candidates(time)
            assert _newest_positions(generation, time) <= {place for _, place in candidates}
        point = found.at_or_before(at(time))
        candidates = reference.candidates(time)
        assert (point is None) == (not candidates)
        if point is not None:
            assert point.time <= at(time)
            assert point.time in {at(when) for when, _ in candidates}
    newest = found.newest
    assert (newest is None) == (not reference.snapshots)
    assert newest == found.at_or_before(None)


def _newest_positions(generation: Generation, time: float) -> set[tuple[int, float]]:
    found = set()
    for run in generation.runs:
        point = run.newest(at(time))
        if point is not None:
            name = parse_key(point.key)
            assert name is not None
            found.add((name.index, -1.0 if name.offset is None else float(name.offset)))
    return found


@examples(100)
@given(listings(rising=True))
def test_with_rising_times_the_newest_state_is_the_furthest_one(items: list[Item]) -> None:
    reference, found = Reference(items), timeline_of(items)
    for time in sorted({item.time for item in items}):
        stored = {item.key for item in items if item.time <= time}
        for run in runs_of(found):
            point = run.newest(at(time))
            reached = [p for p in run.points() if p.key in stored]
            if not any(snapshot.key in stored for snapshot in run.snapshots):
                assert point is None
            else:
                assert point is not None
                assert point.position == max(p.position for p in reached)
        best = found.at_or_before(at(time))
        assert (best.time if best else None) == max(
            (at(when) for when, _ in reference.candidates(time)), default=None
        )


@examples(100)
@given(listings())
def test_the_oldest_state_is_the_first_moment_that_gives_any(items: list[Item]) -> None:
    found = timeline_of(items)
    oldest = found.oldest
    times = sorted({at(item.time) for item in items})
    first = next((time for time in times if found.at_or_before(time)), None)
    assert (oldest.time if oldest else None) == first


@examples(100)
@given(listings(), st.integers(-1, 31))
def test_the_first_state_after_a_time(items: list[Item], time: int) -> None:
    reference, found = Reference(items), timeline_of(items)
    expected = [item.time for item in reference.snapshots if item.time > time]
    for segment in reference.reachable:
        when = reference.effective(segment)
        if when > time and any(base.time <= when for base in reference.bases(segment)):
            expected.append(when)
    after = found.after(at(time))
    assert (after.time if after else None) == (at(min(expected)) if expected else None)


@examples(120)
@given(listings())
def test_every_hole_is_told_with_the_good_points_around_it(items: list[Item]) -> None:
    reference, found = Reference(items), timeline_of(items)
    keys, points = {item.key for item in items}, {point.key for point in found.points()}
    for generation in found.generations:
        gaps = generation.gaps
        for gap in gaps:
            _check_gap(gap, keys, points)
        for earlier, later in pairwise(gaps):
            assert earlier.after is not None
            assert later.before is not None
            assert earlier.after.position <= later.before.position
        for item in items:
            if item.generation == generation.id and item.offset is not None and item.key not in points:
                assert any(_covers(gap, item) for gap in gaps), item
    assert bool(found.holes) == _is_holed(items, reference)


def _check_gap(gap: Gap, keys: set[str], points: set[str]) -> None:
    name = parse_key(gap.object)
    assert name is not None
    assert (gap.object in keys) == (gap.kind == "no-snapshot")
    assert (gap.before is None) == (gap.kind == "no-snapshot")
    for point in (gap.before, gap.after):
        assert point is None or point.key in points
    if gap.after is not None:
        assert "/snapshots/" in gap.after.key
        assert name.index <= gap.after.position.index
    if gap.before is not None:
        assert gap.before.position.index <= name.index


def _covers(gap: Gap, item: Item) -> bool:
    name = parse_key(gap.object)
    assert name is not None
    behind_after = gap.after is not None and item.index >= gap.after.position.index
    return (name.index, name.offset or 0) <= (item.index, item.offset or 0) and not behind_after


def _is_holed(items: list[Item], reference: Reference) -> bool:
    """Whether any segment is out of reach, or a snapshot lies behind WALs that do not lead to it."""
    if len(reference.reachable) < len(reference.segments):
        return True
    for generation in {item.generation for item in items}:
        first = min(item.index for item in reference.snapshots if item.generation == generation)
        last = max(item.index for item in items if item.generation == generation)
        if not all(reference.whole(generation, index) for index in range(first, last)):
            return True
    return False


@examples(80)
@given(listings())
def test_coverage_is_the_union_of_what_the_runs_span(items: list[Item]) -> None:
    found = timeline_of(items)
    spans = found.coverage()
    for earlier, later in pairwise(spans):
        assert earlier.start <= earlier.end < later.start <= later.end
    for run in runs_of(found):
        assert any(span.start <= run.span.start and run.span.end <= span.end for span in spans)
    ends = {edge for run in runs_of(found) for edge in (run.span.start, run.span.end)}
    assert {edge for span in spans for edge in (span.start, span.end)} <= ends


@examples(80)
@given(listings())
def test_a_pause_between_generations_is_one_in_which_nothing_else_covers(items: list[Item]) -> None:
    found = timeline_of(items)
    for gap in found.gaps():
        if gap.kind == "between-generations":
            assert gap.before is not None
            assert gap.after is not None
            assert gap.before.position.generation != gap.after.position.generation
            for run in runs_of(found):
                assert not (run.span.start <= gap.before.time and run.span.end > gap.before.time) or (
                    run.generation == gap.before.position.generation
                ), "another run goes on where the pause is said to begin"


@examples(80)
@given(listings(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_and_repeats_change_nothing(items: list[Item], rng: random.Random) -> None:
    shuffled = items + rng.sample(items, len(items) // 2)
    rng.shuffle(shuffled)
    assert timeline_of(shuffled) == timeline_of(items)


# --- cases ------------------------------------------------------------------------------------------------


def gaps(of: Timeline) -> list[tuple[str, str, str | None, str | None]]:
    """Kind, object, key before and key after of every gap, without the folders."""
    return [
        (
            gap.kind,
            gap.object.rpartition("/")[2],
            (key_of(gap.before) or "").rpartition("/")[2] or None,
            (key_of(gap.after) or "").rpartition("/")[2] or None,
        )
        for gap in of.gaps()
    ]


def test_an_empty_replica_has_nothing() -> None:
    found = timeline()
    assert found.generations == ()
    assert found.oldest is found.newest is None
    assert found.coverage() == found.gaps() == list(found.points()) == []
    assert found.at_or_before(at(0)) is found.after(at(0)) is None
    assert found.warnings == ()
    assert found.to_json()["newest"] is None


def test_a_whole_generation_is_one_run() -> None:
    found = timeline("S0@0 0.0@1 0.20@2 1.0@3 S2@4 2.0@5")
    assert len(runs_of(found)) == 1
    assert found.gaps() == []
    assert [(point.position.label, point.time) for point in found.points()] == [
        ("00000000:00000000", at(0)),
        ("00000000:00000000", at(1)),
        ("00000000:00000020", at(2)),
        ("00000001:00000000", at(3)),
        ("00000002:00000000", at(4)),
        ("00000002:00000000", at(5)),
    ]
    ends = [point.end.label if point.end else None for point in found.points()]
    assert ends == ["00000000:00000000", "00000000:00000020", None, None, "00000002:00000000", None]


def test_a_missing_wal_ends_a_run_and_the_next_snapshot_begins_one() -> None:
    found = timeline("S0@0 0.0@1 2.0@3 3.0@4 S4@5 4.0@6")
    assert gaps(found) == [
        (
            "missing-index",
            "00000001_00000000.wal.lz4",
            "00000000_00000000.wal.lz4",
            "00000004.snapshot.lz4",
        )
    ]
    assert [len(run.segments) for run in runs_of(found)] == [1, 1]


def test_a_missing_start_of_a_wal_is_a_hole_even_with_a_snapshot_at_it() -> None:
    found = timeline("S0@0 0.0@1 S1@2 1.20@3 1.40@4 2.0@5 S3@6")
    assert gaps(found) == [
        ("missing-start", "00000001_00000000.wal.lz4", "00000001.snapshot.lz4", "00000003.snapshot.lz4")
    ]


def test_segments_in_front_of_the_first_snapshot_are_out_of_reach() -> None:
    found = timeline("3.0@1 4.0@2 S5@3 5.0@4")
    assert gaps(found) == [("no-snapshot", "00000003_00000000.wal.lz4", None, "00000005.snapshot.lz4")]
    assert found.oldest is not None
    assert found.oldest.time == at(3)


def test_a_generation_without_any_snapshot_has_no_restore_point() -> None:
    found = timeline("0.0@1 1.0@2")
    assert found.newest is None
    assert gaps(found) == [("no-snapshot", "00000000_00000000.wal.lz4", None, None)]
    assert found.coverage() == []


def test_snapshots_with_no_wal_between_them_leave_a_hole() -> None:
    found = timeline("S5@1 S6@2 6.0@3")
    assert gaps(found) == [
        ("missing-index", "00000005_00000000.wal.lz4", "00000005.snapshot.lz4", "00000006.snapshot.lz4")
    ]


def test_generations_are_ordered_by_their_start_not_their_name() -> None:
    found = timeline("S0@50 0.0@51", b="S0@0 0.0@1", c="S0@20 0.0@21")
    assert [generation.id for generation in found.generations] == [B, C, A]
    assert [(gap[2], gap[3]) for gap in gaps(found)] == [
        ("00000000_00000000.wal.lz4", "00000000.snapshot.lz4")
    ] * 2
    assert [gap.generation for gap in found.gaps()] == [C, A]


def test_a_generation_inside_another_ones_span_makes_no_pause() -> None:
    found = timeline("S0@0 0.0@100", b="S0@10 0.0@20", c="S0@50 0.0@60")
    assert found.gaps() == []
    assert len(found.coverage()) == 1


def test_of_two_generations_that_end_together_the_later_one_is_newest() -> None:
    found = timeline("S0@0 0.0@10", b="S0@10")
    assert found.newest is not None
    assert found.newest.position.generation == B


def test_a_time_is_inclusive() -> None:
    found = timeline("S0@0 0.0@10 0.20@20")
    labels = {t: key_of(found.at_or_before(at(t))) for t in (0, 9.999999, 10, 19.999999, 20)}
    first, second, third = (point.key for point in found.points())
    assert list(labels.values()) == [first, first, second, second, third]
    assert found.at_or_before(at(-0.000001)) is None


def test_a_late_object_hides_what_lies_behind_it_until_then() -> None:
    found = timeline("S0@0 0.0@1 0.20@30 0.40@3 1.0@4")
    assert key_of(found.at_or_before(at(29))) == listing("0.0@1")[0].key
    assert key_of(found.at_or_before(at(30))) == listing("1.0@4")[0].key
    assert "do not rise" in found.warnings[0]


def test_a_snapshot_taken_again_at_its_index_is_the_only_one_there_is() -> None:
    found = timeline("S0@0 0.0@1 S0@100")
    assert found.objects == 2
    assert found.at_or_before(at(50)) is None
    newest = found.newest
    assert newest is not None
    assert newest.key == listing("0.0@1")[0].key
    assert newest.time == at(100)
    assert found.oldest is not None
    assert found.oldest.time == at(100)


def test_offsets_past_four_gigabytes_follow_the_smaller_ones() -> None:
    found = timeline("S0@0 0.100000018@3 0.0@1 0.ffffffe0@2")
    assert [segment.offset for segment in runs_of(found)[0].segments] == [0, 0xFFFFFFE0, 0x100000018]


def test_other_objects_are_counted_with_examples_and_change_nothing() -> None:
    junk = ["notes.txt", f"generations/{A}/wal/00000000_00000000.wal.lz4.tmp", "../../etc/passwd", "//", ""]
    items = listing("S0@0 0.0@1")
    found = timeline_of(items, junk)
    assert found.other_objects == 5
    assert found.other_examples == tuple(junk[:3])
    assert "5 other objects" in found.warnings[0]
    assert found.generations == timeline_of(items).generations


def test_json_says_what_is_covered_and_what_is_missing() -> None:
    told = timeline("S0@0 0.0@1 2.0@3").to_json()
    assert told["format"] == "v0.3"
    assert (told["generations"], told["objects"], told["size"]) == (1, 3, 1200)
    assert told["coverage"] == [{"start": "2026-03-26T10:00:00Z", "end": "2026-03-26T10:00:01Z"}]
    assert told["gaps"][0]["kind"] == "missing-index"
    assert told["gaps"][0]["after"] is None
    assert told["newest"]["time"] == "2026-03-26T10:00:01Z"


@pytest.mark.parametrize("case", corpus.cases("v03"))
def test_real_replicas_are_whole_and_as_their_manifests_say(case: str, tmp_path: object) -> None:
    manifest = corpus.case(case, tmp_path).manifest  # type: ignore[arg-type]
    builder = TimelineBuilder()
    for item in manifest["objects"]:
        builder.add(item["path"], item["size"], at(item["mtime_ns"] / 1e9), None)
    found = builder.timeline()
    inventory = {item["generation"]: item for item in manifest["inventory"]["v03"]}
    assert {generation.id for generation in found.generations} == set(inventory)
    assert found.holes == []
    for generation in found.generations:
        told = inventory[generation.id]
        assert [snapshot.index for snapshot in generation.snapshots] == [
            s["index"] for s in told["snapshots"]
        ]
        counted: dict[int, int] = defaultdict(int)
        for segment in generation.segments:
            counted[segment.index] += 1
        assert counted == {item["index"]: item["segments"] for item in told["wal"]}
        assert len(generation.runs) == 1


def test_a_hundred_thousand_segments_are_laid_out_once_and_asked_quickly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    builder = TimelineBuilder()
    for number in range(100_000):
        item = Item(A, number // 100, number % 100 * 0x1018, number)
        builder.add(item.key, 100, at(item.time), None)
    for index in range(0, 1000, 50):
        builder.add(Item(A, index, None, 0).key, 1000, at(index * 100), None)
    found = builder.timeline()
    looked_at = 0
    plain = Run.point

    def counting(run: Run, number: int) -> RestorePoint:
        nonlocal looked_at
        looked_at += 1
        return plain(run, number)

    monkeypatch.setattr(Run, "point", counting)
    assert found.holes == []
    for second in range(0, 100_000, 100):
        point = found.at_or_before(at(second + 0.5))
        assert point is not None
        assert point.time == at(second)
    assert looked_at <= 1000
    assert found.newest is not None
    assert found.newest.time == at(99_999)
    assert sum(1 for _ in found.points()) == 100_020
    assert found.generations[0].end - found.generations[0].start == timedelta(seconds=99_999)
