"""Segments in columns are the segments that were put in: in order, each once, however they are asked for."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.domain import WalSegment
from sqlite_recovery_tui.formats.generations import MAX_INDEX, segment_key
from sqlite_recovery_tui.replica.segments import Segments
from tests.support.listings import A, B, at
from tests.support.properties import examples

PLACES = st.tuples(
    st.sampled_from([0, 1, 2, 3, 7, MAX_INDEX]), st.sampled_from([0, 32, 4152, 1 << 32, (1 << 64) - 1])
)
ETAGS = st.sampled_from([None, "abc", "d" * 32, "\udcff é"])


def segment(place: tuple[int, int], size: int = 1, seconds: float = 0, etag: str | None = None) -> WalSegment:
    key = segment_key(A, *place)
    return WalSegment(A, *place, key, size, at(seconds), etag)


SEGMENTS = st.lists(
    st.builds(segment, PLACES, st.integers(0, 1 << 40), st.integers(-5, 5).map(lambda n: n / 4), ETAGS),
    max_size=20,
)


def ordered(items: list[WalSegment]) -> list[WalSegment]:
    """Return what counts of a listing: the last of each key, in order of position."""
    return sorted({item.key: item for item in items}.values(), key=lambda item: item.position)


@examples(200)
@given(SEGMENTS)
def test_what_was_put_in_comes_out_in_order_and_once(items: list[WalSegment]) -> None:
    made, expected = Segments.of(A, items), ordered(items)
    assert list(made) == expected
    assert [made[number] for number in range(len(made))] == expected
    assert list(reversed(made)) == expected[::-1]
    assert made.size == sum(item.size for item in expected)
    assert made.times_rise == all(a.time <= b.time for a, b in pairwise(expected))
    if expected:
        assert (made.start, made.end) == (min(i.time for i in expected), max(i.time for i in expected))
    assert made == Segments.of(A, reversed(expected))
    assert made == expected


@examples(200)
@given(SEGMENTS, st.slices(20), st.slices(20), PLACES)
def test_any_part_of_a_part_is_what_a_list_gives(
    items: list[WalSegment], first: slice, second: slice, place: tuple[int, int]
) -> None:
    made, expected = Segments.of(A, items)[first][second], ordered(items)[first][second]
    assert list(made) == expected
    assert list(made.sizes) == [item.size for item in expected]
    if made[:2] == ordered(list(made))[:2]:  # looked for by position only where they are in order of it
        rising = Segments.of(A, made)
        expected = list(rising)
        assert rising.before(*place) == sum((item.index, item.offset) < place for item in expected)
        assert list(rising.of_wal(place[0])) == [item for item in expected if item.index == place[0]]
        assert list(rising.of_wal(1, 3)) == [item for item in expected if 1 <= item.index <= 3]
        keys = [item.key for item in expected]
        key = segment_key(A, *place)
        assert rising.number_of(*place) == (keys.index(key) if key in keys else None)


@examples(100)
@given(SEGMENTS, st.slices(20))
def test_another_process_gets_the_same(items: list[WalSegment], part: slice) -> None:
    made = Segments.of(A, items)[part]
    found = pickle.loads(pickle.dumps(made))
    assert found == made
    assert list(found) == list(made)


@examples(100)
@given(SEGMENTS)
def test_packed_and_unpacked_they_are_the_same_but_for_etags(items: list[WalSegment]) -> None:
    made = Segments.of(A, items)
    found = Segments.unpacked(A, len(made), made.packed())
    assert list(found) == [replace(item, etag=None) for item in made]
    part = made[1:3]
    assert list(Segments.unpacked(A, len(part), part.packed())) == [replace(i, etag=None) for i in part]


@pytest.mark.parametrize(
    "rows",
    [
        [[1, 0], [0, 0], [5, 5], [0, 0]],
        [[0, 0], [7, 7], [5, 5], [0, 0]],
        [[-1], [0], [5], [0]],
        [[MAX_INDEX + 1], [0], [5], [0]],
        [[0], [0], [-5], [0]],
        [[0], [0], [5], [1 << 62]],
        [[0], [0], [5], [-(1 << 62)]],
    ],
    ids=[
        "indexes fall",
        "offsets repeat",
        "no index",
        "no such index",
        "no size",
        "no time",
        "no time before",
    ],
)
def test_numbers_that_no_listing_has_are_refused(rows: list[list[int]]) -> None:
    data = b"".join(value.to_bytes(8, "little", signed=True) for row in rows for value in row)
    with pytest.raises(ValueError, match=r"order|numbers"):
        Segments.unpacked(A, len(rows[0]), data)
    with pytest.raises(ValueError, match="cut off"):
        Segments.unpacked(A, len(rows[0]), data[:-1])


def test_what_differs_in_anything_is_not_the_same() -> None:
    one = segment((0, 0), 5, 1, "x")
    made = Segments.of(A, [one])
    others = [
        replace(one, size=6),
        replace(one, time=one.time + timedelta(microseconds=1)),
        replace(one, etag="y"),
        replace(one, etag=None),
        segment((0, 32), 5, 1, "x"),
    ]
    assert all(made != Segments.of(A, [other]) for other in others)
    assert made != Segments.of(B, [one])
    assert hash(made) == hash(Segments.of(A, [one]))


def test_times_keep_their_microseconds_over_all_of_history() -> None:
    times = [datetime.min, datetime(1969, 12, 31, 23, 59, 59, 999_999), datetime.max]
    aware = [time.replace(tzinfo=at(0).tzinfo) for time in times]
    made = Segments.of(A, (replace(segment((n, 0)), time=time) for n, time in enumerate(aware)))
    assert [item.time for item in made] == aware
