"""Differences are kept as they are, in order, by kind; chosen ones can be named by a condition again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sqlite_recovery_tui.errors import UsageError
from sqlite_recovery_tui.sqlite.comparison import RowChange, Shape
from sqlite_recovery_tui.sqlite.messages import Cell
from sqlite_recovery_tui.verify import rows
from sqlite_recovery_tui.verify.diff import comparing
from sqlite_recovery_tui.verify.kept import KeptChanges, Spool


def cell(value: int | str | bytes | None, *, truncated: bool = False) -> Cell:
    kinds = {int: "integer", str: "text", bytes: "blob", type(None): "null"}
    size = len(value) if isinstance(value, str | bytes) else 0
    return Cell(kinds[type(value)], value, size, truncated)  # type: ignore[arg-type]


def shape(*key: str) -> Shape:
    return Shape("t", (*key, "v"), key, (), ())


def change(number: int, kind: str = "-") -> RowChange:
    row = (cell(number), cell(f"text \0 \ud800 {number}"))
    left, right = (row if kind != "+" else None), (row if kind != "-" else None)
    return RowChange(kind, left, right)  # type: ignore[arg-type]


def test_any_of_them_is_read_as_it_was() -> None:
    spool = Spool()
    before = KeptChanges(spool)
    before.add(shape("id"), change(-1))
    before.seal()
    kept = KeptChanges(spool)
    every = [change(number, "-~+"[number % 3]) for number in range(3000)]
    for each in every:
        kept.add(shape("id"), each)
    kept.seal()
    assert kept.count() == 3000
    assert kept.read(range(2990, 3000)) == every[2990:]
    changed = [kept.place(number, "~") for number in range(kept.count("~"))]
    assert kept.read(changed) == [each for each in every if each.change == "~"]
    assert [kept.number(place, "~") for place in changed] == list(range(1000))
    assert kept.number(0, "~") is None
    assert before.read([0]) == [change(-1)]


def test_what_is_beyond_the_limit_is_counted() -> None:
    kept = KeptChanges(Spool(), most_bytes=1000)
    for number in range(500):
        kept.add(shape("id"), change(number))
    kept.seal()
    assert 0 < kept.count() < 500
    assert kept.count() + kept.left_out == 500
    assert kept.read([kept.count() - 1]) == [change(kept.count() - 1)]


@pytest.mark.parametrize(
    ("create", "chosen"),
    [
        ("id INTEGER PRIMARY KEY, v", 2),
        ("id TEXT COLLATE NOCASE PRIMARY KEY, v", 2),
        ("id, v", 2),
        ("id, v, PRIMARY KEY (id, v)", 2),
        ("id, v, PRIMARY KEY (v, id)", 3),
    ],
)
def test_a_condition_names_exactly_the_rows_that_were_chosen(
    create: str, chosen: int, tmp_path: Path
) -> None:
    left, right = tmp_path / "left.db", tmp_path / "right.db"
    integer = "INTEGER" in create
    values = [1, 2, 3, 4] if integer else ["a'b", "b\0c", "x", "1"]
    for path in (left, right):
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(f"CREATE TABLE t ({create})")
    with closing(sqlite3.connect(left)) as connection, connection:
        pairs = [
            (value, None if number == 2 and not integer else f"v{number}")
            for number, value in enumerate(values)
        ]
        connection.executemany("INSERT INTO t VALUES (?, ?)", pairs)
    found: list[tuple[Shape, RowChange]] = []
    with comparing(left, right) as diff:
        diff.table("t", on_row=lambda shape, each: found.append((shape, each)))
        wanted = [each for _, each in found][1 : 1 + chosen]
        where = rows.condition(found[0][0], wanted)
        again: list[RowChange] = []
        diff.table("t", on_row=lambda _, each: again.append(each), where=where)
    assert again == wanted


def test_a_row_whose_key_is_not_all_there_is_not_guessed() -> None:
    for key, why in ((cell("long", truncated=True), "too long"), (cell("a\ufffd"), "no proper text")):
        with pytest.raises(UsageError, match=why):
            rows.condition(shape("k"), [RowChange("-", (key, cell(1)), None)])
    many = [RowChange("-", (cell(number), cell(1)), None) for number in range(150_000)]
    with pytest.raises(UsageError, match="too many"):
        rows.condition(shape("k"), many)
