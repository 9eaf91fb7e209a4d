"""A plan takes just the objects that produce the state asked for, or says why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.domain import Position
from sqlite_recovery_tui.errors import DamagedError, NotFoundError
from sqlite_recovery_tui.restore.plan import estimate_seconds
from sqlite_recovery_tui.restore.target import AtPosition, AtTime, Target
from tests.support.listings import A, B, Item, at, timeline, timeline_of
from tests.support.plans import HOLED, OPEN_HOLE, WHOLE, plan, short
from tests.support.properties import examples


@dataclass
class Case:
    what: str
    listing: str
    target: Target | float | None
    base: str
    changes: str
    seconds: float
    distance: float | None = None
    until: Position | None = None
    options: dict[str, Any] = field(default_factory=dict)
    b: str = ""
    generation: str = A
    notes: str = ""


CASES = [
    Case("latest", WHOLE, None, "S2", "2.0 2.1018", 30),
    Case("latest of a snapshot alone", "S0@7", None, "S0", "", 7),
    Case("latest when a snapshot is the newest object", "S0@0 0.0@1 1.0@5 S2@9", None, "S2", "", 9),
    Case("latest of two generations", WHOLE, None, "S0", "0.0", 101, b="S0@100 0.0@101", generation=B),
    Case("latest behind a hole that a snapshot closes", HOLED, None, "S4", "4.0", 40),
    Case(
        "latest up to the last good",
        OPEN_HOLE,
        None,
        "S0",
        "0.0 1.0",
        5,
        options={"to_last_good": True},
        notes="left out",
    ),
    Case("a time exactly at an object's", WHOLE, 5, "S0", "0.0 0.20", 5, 0),
    Case("just before an object's time", WHOLE, 4.999999, "S0", "0.0", 1, 3.999999),
    Case("exactly at the first snapshot's time", WHOLE, 0, "S0", "", 0, 0),
    Case("at a snapshot's own time", WHOLE, 19, "S2", "", 19, 0),
    Case("just before a snapshot's time: it is not used", WHOLE, 18, "S0", "0.0 0.20 1.0", 10, 8),
    Case("in a pause", WHOLE, 29.5, "S2", "2.0", 20, 9.5),
    Case("exactly at the last object's time", WHOLE, 30, "S2", "2.0 2.1018", 30, 0),
    Case("between two generations", WHOLE, 50, "S2", "2.0 2.1018", 30, 20, b="S0@100 0.0@101"),
    Case("in the later generation", WHOLE, 100, "S0", "", 100, 0, b="S0@100 0.0@101", generation=B),
    Case(
        "before the first, nearest",
        WHOLE,
        -60,
        "S0",
        "",
        0,
        -60,
        options={"nearest": True},
        notes="60 s after",
    ),
    Case(
        "after the last, nearest",
        WHOLE,
        90,
        "S2",
        "2.0 2.1018",
        30,
        60,
        options={"nearest": True},
        notes="60 s before",
    ),
    Case("nearest, though the time is covered", WHOLE, 5, "S0", "0.0 0.20", 5, 0, options={"nearest": True}),
    Case("in front of a hole", HOLED, 3, "S0", "0.0", 1, 2),
    Case("the last moment in front of a hole", HOLED, 5, "S0", "0.0 1.0", 5, 0),
    Case("the first moment behind a hole", HOLED, 30, "S4", "", 30, 0),
    Case("behind a hole and its snapshot", HOLED, 40, "S4", "4.0", 40, 0),
    Case(
        "inside a hole, to the last good",
        HOLED,
        22,
        "S0",
        "0.0 1.0",
        5,
        17,
        options={"to_last_good": True},
        notes="left out",
    ),
    Case("the end of a WAL", WHOLE, AtPosition(0), "S0", "0.0 0.20", 5),
    Case("the end of a WAL in the middle", WHOLE, AtPosition(1), "S0", "0.0 0.20 1.0", 10),
    Case("the end of the last WAL", WHOLE, AtPosition(2), "S2", "2.0 2.1018", 30),
    Case("a WAL of which only the snapshot is there", "S0@0 0.0@1 S1@2", AtPosition(1), "S1", "", 2),
    Case(
        "an offset at a segment's end",
        WHOLE,
        AtPosition(2, 0x1018),
        "S2",
        "2.0",
        20,
        until=Position(A, 2, 0x1018),
    ),
    Case(
        "an offset inside a segment",
        WHOLE,
        AtPosition(2, 0x1019),
        "S2",
        "2.0 2.1018",
        30,
        until=Position(A, 2, 0x1019),
    ),
    Case(
        "an offset past the last segment's start",
        WHOLE,
        AtPosition(2, 0xFFFFFFF),
        "S2",
        "2.0 2.1018",
        30,
        until=Position(A, 2, 0xFFFFFFF),
    ),
    Case(
        "offset 0 is the snapshot there",
        WHOLE,
        AtPosition(2, 0),
        "S2",
        "",
        19,
        until=Position(A, 2, 0),
    ),
    Case(
        "inside the WAL's header: the same",
        WHOLE,
        AtPosition(2, 32),
        "S2",
        "",
        19,
        until=Position(A, 2, 32),
    ),
    Case("behind the WAL's header", WHOLE, AtPosition(2, 33), "S2", "2.0", 20, until=Position(A, 2, 33)),
    Case(
        "offset 0 without a snapshot is the end of the WAL before",
        WHOLE,
        AtPosition(1, 0),
        "S0",
        "0.0 0.20",
        5,
        until=Position(A, 1, 0),
    ),
    Case(
        "the snapshot behind a missing WAL, whatever came before",
        HOLED,
        AtPosition(4, 0),
        "S4",
        "",
        30,
        until=Position(A, 4, 0),
    ),
    Case("offset 0 of the first WAL", WHOLE, AtPosition(0, 0), "S0", "", 0, until=Position(A, 0, 0)),
    Case(
        "the state in front of a missing WAL",
        HOLED,
        AtPosition(2, 0),
        "S0",
        "0.0 1.0",
        5,
        until=Position(A, 2, 0),
    ),
    Case(
        "a WAL behind a hole, to the last good",
        HOLED,
        AtPosition(3),
        "S0",
        "0.0 1.0",
        5,
        options={"to_last_good": True},
        notes="left out",
    ),
    Case("a WAL behind a hole and its snapshot", HOLED, AtPosition(4), "S4", "4.0", 40),
    Case(
        "a position in the generation stored last",
        WHOLE,
        AtPosition(0),
        "S0",
        "0.0",
        101,
        b="S0@100 0.0@101",
        generation=B,
    ),
    Case(
        "a position in the generation that has it",
        WHOLE,
        AtPosition(2),
        "S2",
        "2.0 2.1018",
        30,
        b="S0@100 0.0@101",
    ),
    Case(
        "a position in a generation that is named",
        WHOLE,
        AtPosition(0, generation=A),
        "S0",
        "0.0 0.20",
        5,
        b="S0@100 0.0@101",
    ),
    Case(
        "the latest of a generation that is named",
        WHOLE,
        None,
        "S2",
        "2.0 2.1018",
        30,
        b="S0@100",
        options={"generation": A},
    ),
    Case(
        "a time in a generation that is named",
        WHOLE,
        30,
        "S2",
        "2.0 2.1018",
        30,
        0,
        b="S0@25 0.0@29",
        options={"generation": A},
    ),
    Case("a snapshot taken again while nothing changed", "S0@50 0.0@1", 60, "S0", "0.0", 50, 10, b="S0@90"),
    Case(
        "a snapshot taken again is not used for a time before it",
        "S0@0 0.0@1 1.0@2 S2@50 2.0@3",
        10,
        "S0",
        "0.0 1.0 2.0",
        3,
        7,
    ),
    Case("a WAL past 4 GiB", "S0@0 0.0@1 0.100000020@2", None, "S0", "0.0 0.100000020", 2),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_what_a_plan_takes(case: Case) -> None:
    of = timeline(case.listing, **({"b": case.b} if case.b else {}))
    made = plan(of, case.target, **case.options)
    assert short(made.base) == case.base
    assert " ".join(map(short, made.changes)) == case.changes
    assert made.point.time == at(case.seconds)
    assert made.distance_seconds == case.distance
    assert made.route.until == case.until
    assert {made.base.generation, *(change.generation for change in made.changes)} == {case.generation}
    assert case.notes in "; ".join(made.notes)
    assert bool(made.notes) == bool(case.notes)
    assert made.objects == 1 + len(made.changes)
    assert made.fetch_bytes == 1000 + 100 * len(made.changes)


def test_of_points_of_one_time_the_later_generation_is_taken() -> None:
    of = timeline("S0@0 0.0@10", b="S0@10")
    assert plan(of, None).base.generation == B
    assert plan(of, 10).base.generation == B


def test_a_step_back_reaches_the_same_point_from_an_earlier_snapshot() -> None:
    made = plan(timeline(WHOLE), None)
    back = made.around({made.base.key: "because"})
    assert back is not None
    assert short(back.base) == "S0"
    assert [short(change) for change in back.changes] == ["0.0", "0.20", "1.0", "2.0", "2.1018"]
    assert back.point == made.point
    assert back.notes == ("because",)
    assert back.around({back.base.key: "again"}) is None


def test_a_step_back_from_a_snapshot_alone_ends_where_the_snapshot_began() -> None:
    made = plan(timeline("S0@0 0.0@1 S1@2 1.0@3 S2@4 2.0@9"), 4)
    assert (short(made.base), made.changes) == ("S2", ())
    back = made.around({made.base.key: "damaged"})
    assert back is not None
    assert [short(back.base), *map(short, back.changes)] == ["S1", "1.0"]
    again = back.around({back.base.key: "damaged too"})
    assert again is not None
    assert [short(again.base), *map(short, again.changes)] == ["S0", "0.0", "1.0"]
    assert again.notes == ("damaged", "damaged too")
    assert again.around({again.base.key: ""}) is None


def test_a_step_back_never_crosses_a_hole() -> None:
    made = plan(timeline(HOLED), None)
    assert made.around({made.base.key: ""}) is None


def test_json_tells_the_plan() -> None:
    told = plan(timeline(WHOLE), AtTime(at(25), "10:00:25")).to_json()
    assert told["requested"] == {"kind": "time", "time": "2026-03-26T10:00:25Z", "text": "10:00:25"}
    assert told["position"] == {"generation": A, "index": 2, "offset": 0x1018}
    assert told["time"] == "2026-03-26T10:00:20Z"
    assert told["distance_seconds"] == 5
    assert told["base"]["object"] == f"generations/{A}/snapshots/00000002.snapshot.lz4"
    assert [change["object"] for change in told["changes"]] == [
        f"generations/{A}/wal/00000002_00000000.wal.lz4"
    ]
    assert (told["objects"], told["fetch_bytes"]) == (2, 1100)
    assert (told["database"], told["replica"], told["url"]) == ("/app.db", "s3", "s3://bucket/app")


@pytest.mark.parametrize("offset", [33, 0x1018, 0x2000])
def test_json_never_tells_a_position_behind_the_one_asked_for(offset: int) -> None:
    told = plan(timeline(WHOLE), AtPosition(2, offset)).to_json()
    assert told["position"] == {"generation": A, "index": 2, "offset": offset}


def test_time_is_estimated_from_bytes_and_objects() -> None:
    small = plan(timeline("S0@0 0.0@1"), None)
    many = plan(timeline_of([Item(A, 0, None, 0), *(Item(A, 0, n * 0x1018, 1) for n in range(8000))]), None)
    large = plan(timeline_of([Item(A, 0, None, 0, size=3 << 30)]), None)
    assert estimate_seconds(small) < 1
    assert 5 < estimate_seconds(many) < 30
    assert estimate_seconds(many, local=True) < 1
    assert 20 < estimate_seconds(large) < 120
    assert 5 < estimate_seconds(large, local=True) < 30


@st.composite
def histories(draw: st.DrawFn) -> list[Item]:
    """Two generations with holes, at rising times."""
    items, clock = [], 0
    for generation in (A, B):
        for index in range(draw(st.integers(1, 5))):
            names: list[int | None] = [
                *draw(st.sampled_from([(0, 0x1018, 0x2018), (0,), (0,), (0x1018,), ()]))
            ]
            if index == 0 or draw(st.integers(0, 2)) == 0:
                names.insert(draw(st.integers(0, len(names))), None)
            for offset in names:
                clock += draw(st.integers(0, 3))
                items.append(Item(generation, index, offset, clock))
    return items


@examples(150)
@given(histories(), st.booleans(), st.booleans(), st.data())
def test_every_plan_holds_together(
    items: list[Item], nearest: bool, to_last_good: bool, data: st.DataObject
) -> None:
    of = timeline_of(items)
    target = data.draw(
        st.one_of(
            st.none(),
            st.integers(-2, 40),
            st.builds(AtPosition, st.integers(0, 5), st.sampled_from([None, 0, 32, 33, 0x1018, 0x3000])),
        )
    )
    try:
        made = plan(of, target, nearest=nearest, to_last_good=to_last_good)
    except (NotFoundError, DamagedError):
        return
    positions = [change.position for change in made.changes]
    assert positions == sorted(set(positions))
    assert not positions or positions[0] == made.base.position
    indexes = sorted({position.index for position in positions})
    assert indexes == list(range(made.base.index, made.base.index + len(indexes)))
    starts = {position.index for position in positions if position.offset == 0}
    assert starts == set(indexes)
    if isinstance(target, int):
        assert made.distance_seconds == (at(target) - made.point.time).total_seconds()
        if made.distance_seconds >= 0:
            assert all(item.time <= at(target) for item in (made.base, *made.changes))
        else:
            assert nearest
            assert made.changes == ()
    if isinstance(target, AtPosition):
        assert made.route.last_index <= target.index
        if target.offset is not None and not made.notes:
            assert all(
                (change.index, change.offset) < (target.index, max(target.offset, 0))
                for change in made.changes
            )
    back = made.around({made.base.key: "why"})
    if back is not None:
        assert back.base.index < made.base.index
        assert back.changes[0].position == back.base.position
        assert back.changes[-1].position == (
            positions[-1]
            if positions
            else max(s.position for s in made.route.run.segments if s.index < made.base.index)
        )
