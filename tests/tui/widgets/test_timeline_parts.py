"""What a timeline draws, before any widget: windows, axes, bars and marks, lanes that share the room."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.replica.timeline import Timeline
from sqlite_recovery_tui.tui.widgets import profile, timeline_index, timeline_lanes
from sqlite_recovery_tui.tui.widgets.profile import (
    EARLIER,
    HOLE,
    LATER,
    LEVELS,
    NOTHING,
    PAUSE,
    QUIET,
    SNAPSHOT,
)
from sqlite_recovery_tui.tui.widgets.timeline_index import Index, Stretches
from sqlite_recovery_tui.tui.widgets.timeline_pins import Pin, pin_line
from sqlite_recovery_tui.tui.widgets.timeline_window import LADDER, Window, axis, coarser, finer
from tests.support.listings import START, at, timeline
from tests.support.ltx_listings import ltx_timeline
from tests.tui.support_timeline import many_generations

LEVELS_OF = "9:1-2@2.5 1:1-2@2 1:3-4@4 0:4@4 0:5@5 0:6@6"


def index_of(history: Timeline) -> Index:
    found = timeline_index.index_of(history)
    assert found is not None
    return found


def whole(index: Index, cells: int) -> Window:
    return Window.between(index.whole.start, index.whole.end, cells)


def drawn(history: Timeline, cells: int, rows: int = 20, first: int = 0) -> dict[str, str]:
    """Return the lowest line of each lane, by its name."""
    index = index_of(history)
    lanes = timeline_lanes.draw(index, whole(index, cells), rows, first)
    return {line.name: line.glyphs for line in lanes.lines if line.name}


# windows


@pytest.mark.parametrize("cells", [2, 20, 78, 200])
@pytest.mark.parametrize("seconds", [0.5, 1, 59, 3600, 86_400 * 3, 86_400 * 400, 86_400 * 4000])
@pytest.mark.parametrize("local", [False, True])
def test_the_axis_fits_any_span_and_width(cells: int, seconds: float, local: bool) -> None:
    assert len(axis(Window(START, timedelta(seconds=seconds), cells), local=local)) == cells


@pytest.mark.parametrize("seconds", LADDER)
def test_every_zoom_has_times_on_its_axis(seconds: float) -> None:
    assert "╵" in axis(Window(START + timedelta(seconds=17.3), timedelta(seconds=seconds), 68))


@given(st.floats(0, 1), st.sampled_from(LADDER), st.integers(2, 200))
def test_a_moment_lies_in_its_cell_and_stays_where_it_is_when_one_looks_closer(
    share: float, seconds: float, cells: int
) -> None:
    window = Window(START, timedelta(seconds=seconds), cells)
    moment = START + window.span * (share * 0.999)
    cell = window.slot(moment)
    assert window.edges[cell] <= moment < window.edges[cell + 1]
    closer = window.at_scale(finer(seconds), moment)
    assert closer.holds(moment)
    assert abs(closer.slot(moment) - cell) <= 1


def test_the_ladder_goes_from_a_second_to_years_and_back() -> None:
    seconds, seen = float(LADDER[-1]), []
    while (closer := finer(seconds)) < seconds:
        seen.append(closer)
        assert coarser(closer) == seconds
        seconds = closer
    assert seen == list(reversed(LADDER[:-1]))
    assert coarser(finer(3723)) > 3723, "what lies between two rungs is left in either direction"


def test_what_comes_into_view_has_room_around_it() -> None:
    window = Window(START, timedelta(seconds=100), 50)
    assert window.showing(at(99)) is window
    near, far = window.showing(at(104)), window.showing(at(900))
    assert near.holds(at(104))
    assert near.holds(at(60)), "what was in view stays as far as it can"
    assert 20 < far.slot(at(900)) < 30


# bars


def test_bars_show_how_much_was_stored_when() -> None:
    history = timeline("S0@0 0.0@1 0.20@2 0.40@3 1.0@40")
    (bar,) = drawn(history, 41).values()
    assert bar[0] == SNAPSHOT
    assert all(bar[second] in LEVELS[1:] for second in (1, 2, 3, 40))
    assert set(bar[5:39]) == {NOTHING}
    assert drawn(history, 4).popitem()[1][0] == SNAPSHOT, "what shares a cell with a snapshot is hidden by it"


def test_amounts_are_those_of_the_window_and_none_is_lost() -> None:
    index = index_of(many_generations(2, 20, 10))
    window = whole(index, 37)
    stored = index.whole.stored(window.ticks)
    assert sum(stored) == index.whole.amounts[-1]
    made = profile.profile(index.whole, window)
    tall = profile.bars(made, 4)
    assert [len(line) for line in tall] == [37] * 4
    full = max(range(37), key=stored.__getitem__)
    assert tall[0][full] == LEVELS[-1] or made.marks[full], "the busiest cell is full"


def test_a_hole_is_drawn_in_every_lane_of_its_history() -> None:
    lanes = drawn(ltx_timeline("9:1-2@0 0:3@10 0:5@30 0:6@40"), 41)
    index = index_of(ltx_timeline("9:1-2@0 0:3@10 0:5@30 0:6@40"))
    place = whole(index, 41).slot(at(20))
    assert {line[place] for line in lanes.values()} == {HOLE}
    assert lanes["level 0"][whole(index, 41).slot(at(10))] in LEVELS[1:], "the last good state is none"


def test_a_hole_shorter_than_a_cell_is_still_seen() -> None:
    history = timeline("S0@0 0.0@1 2.0@2 S3@3 3.0@4 3.20@1000")
    for cells in (2, 5, 10, 100, 700):
        assert HOLE in drawn(history, cells).popitem()[1], "not even a snapshot hides it"
    index = index_of(history)
    closer = Window(at(0), timedelta(seconds=6), 60)
    glyphs = timeline_lanes.draw(index, closer, 1).lines[-1].glyphs
    assert HOLE in glyphs
    assert glyphs.index(HOLE) < closer.slot(at(3))


def test_a_pause_between_generations_stands_in_front_of_the_newer_one() -> None:
    history = timeline("S0@0 0.0@10", b="S0@50 0.0@60")
    lanes = drawn(history, 60)
    newer, older = lanes["b" * 8], lanes["a" * 8]
    assert set(newer[13:48]) == {QUIET}
    assert newer.count(PAUSE) == 2, "its ends"
    assert newer[whole(index_of(history), 60).slot(at(50))] == SNAPSHOT
    assert set(older[12:]) == {" "}


def test_a_lane_that_is_out_of_view_says_on_which_side_it_lies() -> None:
    index = index_of(timeline("S0@0 0.0@10", b="S0@500 0.0@600", c="S0@900 0.0@950"))
    lanes = timeline_lanes.draw(index, Window(at(480), timedelta(seconds=100), 50), 3)
    later, here, earlier = (line.glyphs for line in lanes.lines)
    assert (later.strip(), later[-1]) == (LATER, LATER)
    assert (earlier.strip(), earlier[0]) == (EARLIER, EARLIER)
    assert here[10] == SNAPSHOT


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 30)), max_size=8),
    st.integers(2, 60),
    st.integers(-20, 90),
    st.integers(1, 120),
)
def test_each_stretch_in_view_marks_a_cell_and_nothing_else_does(
    made: list[tuple[int, int]], cells: int, start: int, length: int
) -> None:
    bounds, reach = [], -1
    for first, size in sorted(made):
        if first > reach:
            bounds.append((at(first), at(first + size)))
            reach = first + size
    window = Window(at(start), timedelta(seconds=length), cells)
    marked = Stretches.of(bounds).cells(window.edges)
    for first, last in bounds:
        if window.edges[0] < last and first < window.edges[-1] and window.holds(last):
            assert marked & set(range(window.slot(first), window.slot(last) + 1))
    for cell in marked:
        assert any(first < window.edges[cell + 1] and last >= window.edges[cell] for first, last in bounds)


# lanes


def test_levels_are_lanes_of_their_own() -> None:
    lanes = drawn(ltx_timeline(LEVELS_OF), 41)
    assert list(lanes) == ["level 0", "level 1", "level 9"]
    place = whole(index_of(ltx_timeline(LEVELS_OF)), 41).slot(at(3))
    assert lanes["level 0"][place] == " ", "nothing is drawn where a level has nothing"
    assert lanes["level 1"][place] == NOTHING
    assert lanes["level 9"].strip() == SNAPSHOT


def test_where_not_all_lanes_have_room_the_first_line_is_all_of_them_and_the_rest_scrolls() -> None:
    history = many_generations(50, 3, 4)
    index = index_of(history)
    lanes = timeline_lanes.draw(index, whole(index, 80), 6, 10)
    assert [line.name for line in lanes.lines] == [
        "all",
        *(track.name[:8] for track in index.tracks[10:15]),
    ]
    assert (lanes.first, lanes.end) == (10, 15)
    assert lanes.lines[0].glyphs.count(SNAPSHOT) >= 25


@given(st.integers(1, 60), st.integers(1, 12), st.data())
def test_scrolling_keeps_the_cursors_lane_in_view_and_no_room_empty(
    lanes: int, rows: int, data: st.DataObject
) -> None:
    first = 0
    for lane in data.draw(st.lists(st.integers(0, lanes - 1), min_size=1, max_size=5)):
        first = timeline_lanes.scrolled(first, lane, lanes, rows)
        shown = rows if lanes <= rows else max(1, rows - 1)
        assert first <= lane < first + shown
        assert 0 <= first <= max(0, lanes - shown)


# the index


def test_the_index_is_made_once_and_goes_with_its_timeline() -> None:
    history = many_generations(1, 2, 2)
    assert timeline_index.index_of(history) is timeline_index.index_of(history)
    known = len(timeline_index._KNOWN)
    del history
    assert len(timeline_index._KNOWN) == known - 1


def test_an_empty_replica_has_none() -> None:
    assert timeline_index.index_of(timeline()) is None


def test_times_in_the_index_rise_whatever_the_order_of_positions() -> None:
    index = index_of(timeline("S0@0 0.0@5 0.20@3 0.40@9"))
    assert all(earlier <= later for earlier, later in pairwise(index.whole.times))
    assert index.whole.amounts[-1] == 300


# pins


def test_pins_that_matter_most_hide_others_and_have_their_words_where_there_is_room() -> None:
    window = Window(START, timedelta(seconds=40), 40)
    pins = [
        Pin(at(10), "▽", "asked", ""),
        Pin(at(10), "✓", "proven", ""),
        Pin(at(39), "●", "newest", ""),
        Pin(at(99), "✗", "damaged", ""),
    ]
    line = pin_line(window, pins).plain
    assert line[10:18] == "▽ asked "
    assert "✓" not in line
    assert line[32:40] == "newest ●", "in front of it where there is no room behind"
    assert "✗" not in line
    crowded = pin_line(window, [Pin(at(number), "✓", "proven", "") for number in range(0, 40, 3)]).plain
    assert "proven" not in crowded
    assert crowded.count("✓") == 14
    urgent = Pin(at(20), "✗", "damaged", "", urgent=True)
    beside = [urgent, *(Pin(at(number), "✓", "proven", "") for number in range(0, 40, 3))]
    assert pin_line(window, beside).plain[20:29] == "✗ damaged", "damage is told whatever lies there"
