"""What a filter keeps, in which order rows stand, and that both say what they do."""

from __future__ import annotations

import pytest

from sqlite_recovery_tui.errors import Cancelled, UsageError
from sqlite_recovery_tui.progress import CancelToken
from sqlite_recovery_tui.tui.widgets.filter import Pattern
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, Row
from sqlite_recovery_tui.tui.widgets.sift import Listed, Made, natural, sift

COLUMNS = (Column("name", "name"), Column("size", "size"))


def rows(*names: str) -> list[Row]:
    return [Row(name, (name, Cell(str(len(name)), "muted"))) for name in names]


def kept(names: list[str], typed: str, sort: tuple[str, bool] | None = None) -> list[str]:
    sifted = sift(Listed.of(COLUMNS, rows(*names)), Pattern.parse(typed), sort)
    shown = [sifted.source.row(number) for number in range(sifted.source.row_count())]
    assert (sifted.shown, sifted.count) == (len(shown), len(names))
    return [str(row.key) for row in shown if row is not None]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", ["WAL 1", "wal 2", "snapshot"]),
        ("!", ["WAL 1", "wal 2", "snapshot"]),
        ("wal", ["WAL 1", "wal 2"]),
        ("WAL", ["WAL 1"]),
        ("!wal", ["snapshot"]),
        ("!wal|snap", []),
        (r"^\S+  \d$", ["snapshot"]),
        (r"\Sal \d\b", ["WAL 1", "wal 2"]),
        ("8$", ["snapshot"]),
    ],
)
def test_a_pattern_keeps_what_it_fits_and_turned_round_the_others(typed: str, expected: list[str]) -> None:
    assert kept(["WAL 1", "wal 2", "snapshot"], typed) == expected


@pytest.mark.parametrize("typed", ["[", "(a", "*", "a{99999999999}", "!["])
def test_what_is_no_regular_expression_says_so(typed: str) -> None:
    with pytest.raises(UsageError, match="not a regular expression"):
        Pattern.parse(typed)


def test_rows_are_sorted_as_people_count_and_back() -> None:
    names = ["copy 10", "copy 9", "Alpha"]
    assert kept(names, "", ("name", False)) == ["Alpha", "copy 9", "copy 10"]
    assert kept(names, "", ("name", True)) == ["copy 10", "copy 9", "Alpha"]
    assert kept(names, "copy", ("size", False)) == ["copy 9", "copy 10"]


@pytest.mark.parametrize("descending", [False, True])
def test_what_has_no_value_comes_last_either_way(descending: bool) -> None:
    shown = Listed.of(COLUMNS, rows("b", "–", "a"))
    order = [shown.entries[number][0].key for number in _order(shown, ("name", descending))]
    assert order == (["b", "a", "–"] if descending else ["a", "b", "–"])


def test_the_lines_of_one_entry_stay_together() -> None:
    groups = [(Row(1, ("b", "1")), Row("1 error", ("cannot be reached",), wide=True)), (Row(2, ("a", "1")),)]
    shown = Listed(COLUMNS, groups)
    source = sift(shown, Pattern(), ("name", False)).source
    assert [row.key for place in range(3) if (row := source.row(place))] == [2, 1, "1 error"]
    found = sift(shown, Pattern.parse("reached"), None)
    assert (found.source.row_count(), found.shown, found.count) == (2, 1, 2)


def test_a_hundred_thousand_rows_are_made_only_when_looked_at() -> None:
    made: list[int] = []

    def make(number: int) -> Row:
        made.append(number)
        return Row(number, (str(number),))

    entries = Made(range(100_000), make, texts=str, ranks=lambda number, _: -number)
    sifted = sift(entries, Pattern.parse("99"), ("name", False))
    assert not made
    assert sifted.shown == sum("99" in str(number) for number in range(100_000))
    first = sifted.source.row(0)
    assert first is not None
    assert first.key == 99_999
    assert sifted.source.index_of(99) == sifted.shown - 1


def test_a_search_nobody_waits_for_ends() -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        sift(Listed.of(COLUMNS, rows("a")), Pattern.parse("a"), None, token)
    with pytest.raises(Cancelled):
        sift(Listed.of(COLUMNS, rows("a")), Pattern(), ("name", False), token)


def test_cells_that_say_nothing_have_no_rank() -> None:
    assert natural("–") is None
    assert natural("a 2") < natural("a 10")  # type: ignore[operator]


def _order(entries: Listed, sort: tuple[str, bool]) -> list[int]:
    source = sift(entries, Pattern(), sort).source
    keys = [group[0].key for group in entries.entries]
    return [keys.index(row.key) for place in range(source.row_count()) if (row := source.row(place))]
