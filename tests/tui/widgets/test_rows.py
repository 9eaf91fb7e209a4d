"""Columns share a line: they shrink, go, and grow as they allow."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sqlite_recovery_tui.tui.widgets.rows import GUTTER, SPACE, Column, ListSource, Row, lay_out

COLUMNS = (
    Column("name", "name", least=6),
    Column("where", "where", least=8, grow=True, drop=1),
    Column("size", "size", least=5, drop=2),
)


def test_what_fits_is_left_as_it_is_and_the_rest_goes_to_the_column_that_grows() -> None:
    placed = lay_out(COLUMNS, (10, 12, 6), 60)
    assert [(place.number, place.width) for place in placed] == [(0, 10), (1, 38), (2, 6)]
    assert placed[-1].x + placed[-1].width == 60


def test_a_tight_line_shrinks_the_widest_first() -> None:
    placed = lay_out(COLUMNS, (10, 30, 6), 40)
    assert [place.width for place in placed] == [10, 18, 6]


def test_a_line_that_is_too_short_loses_the_column_that_may_go_first() -> None:
    assert [place.number for place in lay_out(COLUMNS, (10, 12, 6), 20)] == [0, 1]
    assert [place.number for place in lay_out(COLUMNS, (10, 12, 6), 12)] == [0]


@given(st.lists(st.integers(1, 60), min_size=3, max_size=3), st.integers(30, 250))
def test_a_line_is_never_longer_than_there_is_room(natural: list[int], cells: int) -> None:
    placed = lay_out(COLUMNS, natural, cells)
    assert GUTTER + sum(place.width for place in placed) + SPACE * (len(placed) - 1) <= cells


def test_a_row_is_found_again_by_its_key() -> None:
    source = ListSource([Row("a", ("1",)), Row("b", ("2",))])
    assert source.index_of("b") == 1
    assert source.index_of("gone") is None
