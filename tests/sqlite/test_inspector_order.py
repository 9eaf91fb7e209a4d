"""Rows in the order of an index, filtered, of chosen columns: what SQLite gives, page by page."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sqlite_recovery_tui.errors import NotFoundError, StatementError, TimedOut, UsageError
from sqlite_recovery_tui.sqlite.inspector import Inspector
from sqlite_recovery_tui.sqlite.view import View
from tests.sqlite.conftest import Inspect, Make

ROWS = 12_000


def build(connection: sqlite3.Connection) -> None:
    """Two tables with NULLs, duplicates, all kinds of values, and holes in the rowids."""
    connection.executescript(
        """
        CREATE TABLE t(id INTEGER PRIMARY KEY, a, b TEXT COLLATE NOCASE, c INTEGER NOT NULL, d);
        CREATE INDEX by_a ON t(a);
        CREATE INDEX by_b_a ON t(b, a DESC);
        CREATE UNIQUE INDEX by_c ON t(c);
        CREATE INDEX by_part ON t(a) WHERE a > 5;
        CREATE INDEX by_sum ON t(a + c);
        CREATE TABLE w(x TEXT, y INTEGER, z, PRIMARY KEY(x, y DESC)) WITHOUT ROWID;
        CREATE INDEX w_z ON w(z);
        """
    )
    connection.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " INSERT INTO t SELECT i * 2, CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN 'text' || i % 50"
        " WHEN 2 THEN x'ff' ELSE i % 97 END, CASE i % 5 WHEN 0 THEN NULL"
        " ELSE 'Name' || i % 13 END, -i, i FROM n",
        (ROWS,),
    )
    connection.execute("INSERT INTO w SELECT coalesce(b, 'none'), id, a FROM t")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("order") / "app.db"
    with closing(sqlite3.connect(path)) as connection:
        build(connection)
        connection.commit()
    return path


def expected(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def paged(
    inspector: Inspector, table: str, view: View, step: int, total: int | None = None
) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    while True:
        page = inspector.rows(table, offset=len(rows), limit=step, view=view, total=total)
        rows += [tuple(cell.value for cell in row) for row in page.rows]
        if not page.has_more:
            return rows


ORDERS = {
    ("t", "", True): "SELECT * FROM t ORDER BY id DESC",
    ("t", "by_a", False): "SELECT * FROM t ORDER BY a, id",
    ("t", "by_a", True): "SELECT * FROM t ORDER BY a DESC, id DESC",
    ("t", "by_b_a", False): "SELECT * FROM t ORDER BY b, a DESC, id",
    ("t", "by_b_a", True): "SELECT * FROM t ORDER BY b DESC, a, id DESC",
    ("t", "by_c", False): "SELECT * FROM t ORDER BY c",
    ("w", "", False): "SELECT * FROM w ORDER BY x, y DESC",
    ("w", "", True): "SELECT * FROM w ORDER BY x DESC, y",
    ("w", "w_z", True): "SELECT * FROM w ORDER BY z DESC, x DESC, y",
}


@pytest.mark.parametrize(("table", "index", "descending"), ORDERS)
def test_pages_in_the_order_of_an_index_are_the_rows_in_that_order(
    inspect: Inspect, database: Path, table: str, index: str, descending: bool
) -> None:
    view = View(order=index, descending=descending)
    assert paged(inspect(database), table, view, 1000) == expected(database, ORDERS[table, index, descending])


@pytest.mark.parametrize(("table", "index", "descending"), ORDERS)
def test_the_end_and_any_row_can_be_jumped_to(
    inspect: Inspect, database: Path, table: str, index: str, descending: bool
) -> None:
    rows = expected(database, ORDERS[table, index, descending])
    inspector, view = inspect(database), View(order=index, descending=descending)
    for offset in (ROWS - 20, 7_321, 5_000, 11_111, 3, ROWS - 1, ROWS):
        page = inspector.rows(table, offset=offset, limit=20, view=view, total=ROWS)
        assert [tuple(cell.value for cell in row) for row in page.rows] == rows[offset : offset + 20]
        assert page.has_more == (offset + 20 < ROWS)


def test_a_condition_is_met_by_every_row_and_missed_by_none(inspect: Inspect, database: Path) -> None:
    inspector = inspect(database)
    for index in ("", "by_a"):
        view = View(order=index, where="c % 3 = 0 -- every third")
        rows = paged(inspector, "t", view, 700)
        order = "a, id" if index else "id"
        assert rows == expected(database, f"SELECT * FROM t WHERE c % 3 = 0 ORDER BY {order}")
        assert inspector.count("t", view=view) == len(rows)


@pytest.mark.parametrize(
    ("condition", "offset"), [("c >", 4), ("nosuch = 1", 0), ("1) OR (1", None), ("c = 'é' AND )", 13)]
)
def test_a_condition_that_is_none_says_where(
    inspect: Inspect, database: Path, condition: str, offset: int | None
) -> None:
    if offset is None:
        assert inspect(database).count("t", view=View(where=condition)) == ROWS, "harmless: it only reads"
        return
    with pytest.raises(StatementError) as caught:
        inspect(database).rows("t", view=View(where=condition))
    assert caught.value.offset == offset


@pytest.mark.parametrize("condition", ["1); SELECT (1", "1); DELETE FROM t; SELECT (1"])
def test_a_condition_is_not_several_statements(inspect: Inspect, database: Path, condition: str) -> None:
    with pytest.raises(UsageError, match="one expression"):
        inspect(database).rows("t", view=View(where=condition))


def test_a_condition_that_takes_too_long_is_stopped(inspect: Inspect, database: Path) -> None:
    endless = "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n) = id"
    with pytest.raises(TimedOut):
        inspect(database).rows("t", view=View(where=endless), seconds=0.2)


@pytest.mark.parametrize(
    ("index", "why"),
    [("by_part", "some of the rows"), ("by_sum", "application knows"), ("nosuch", "no index")],
)
def test_an_index_that_cannot_order_all_rows_says_why(
    inspect: Inspect, database: Path, index: str, why: str
) -> None:
    with pytest.raises((UsageError, NotFoundError), match=why):
        inspect(database).rows("t", view=View(order=index))


def test_only_the_chosen_columns_come_in_their_order(inspect: Inspect, database: Path) -> None:
    page = inspect(database).rows("t", limit=2, view=View(columns=("d", "id", "gone")))
    assert page.columns == ("d", "id")
    assert [[cell.value for cell in row] for row in page.rows] == [[1, 2], [2, 4]]


@pytest.mark.parametrize(
    ("table", "index", "descending", "value", "before"),
    [
        ("t", "", False, "5001", "id < 5001"),
        ("t", "", True, "5001", "id > 5001"),
        ("t", "by_c", False, "-300", "c < -300"),
        ("t", "by_a", False, "40", "a < 40 OR a IS NULL"),
        ("t", "by_a", True, "40", "a > 40"),
        ("t", "by_b_a", False, "name4", "b < 'name4' OR b IS NULL"),
        ("w", "", False, "Name9", "x < 'Name9'"),
    ],
)
def test_a_key_is_found_at_the_number_of_its_row(
    inspect: Inspect, database: Path, table: str, index: str, descending: bool, value: str, before: str
) -> None:
    ((number,),) = expected(database, f"SELECT count(*) FROM {table} WHERE {before}")
    view = View(order=index, descending=descending)
    inspector = inspect(database)
    assert inspector.locate(table, value, view=view) == number
    rows = expected(database, ORDERS.get((table, index, descending), f"SELECT * FROM {table}"))
    page = inspector.rows(table, offset=number, limit=3, view=view)
    assert [tuple(cell.value for cell in row) for row in page.rows] == rows[number : number + 3]


def test_two_thousand_columns_are_seen_a_window_at_a_time(inspect: Inspect, make: Make) -> None:
    names = [f"c{number}" for number in range(2000)]
    path = make(f"CREATE TABLE wide({', '.join(names)}); INSERT INTO wide(c1999) VALUES (7)")
    inspector = inspect(path)
    assert len(inspector.rows("wide").columns) < 2000
    assert inspector.rows("wide", view=View(columns=tuple(names[-3:]))).rows[0][2].value == 7
