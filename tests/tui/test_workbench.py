"""Inside a database: orders, conditions, columns, keys, schemas, values, exports, and SQL that helps."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path

import pytest
from textual.pilot import Pilot

from sqlite_recovery_tui.folders import state_folder
from sqlite_recovery_tui.sqlite.inspector import Inspector
from sqlite_recovery_tui.tui.app import Console
from sqlite_recovery_tui.tui.look import Look
from sqlite_recovery_tui.tui.proof import Subject
from sqlite_recovery_tui.tui.screens.cell import CellScreen
from sqlite_recovery_tui.tui.screens.workbench import WorkbenchScreen
from sqlite_recovery_tui.tui.screens.workbench_order import order_for
from sqlite_recovery_tui.tui.screens.workbench_schema import SchemaScreen
from sqlite_recovery_tui.tui.sql_history import load
from tests.tui.hostile import offending
from tests.tui.stock_file import ROWS, make_stock
from tests.tui.support import (
    LARGE,
    SMALL,
    inspectors,
    make_console,
    opened,
    picture,
    press,
    screen,
    settle,
    toasts,
    type_text,
    view,
)

Bench = tuple[Pilot[None], WorkbenchScreen]
Open = Callable[..., AbstractAsyncContextManager[Bench]]


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_stock(tmp_path_factory.mktemp("stock") / "stock.db")


@pytest.fixture
def open_bench(stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Open the workbench on a file; exports go to a folder of the test's own."""
    monkeypatch.chdir(tmp_path)

    @asynccontextmanager
    async def bench(path: Path = stock, size: tuple[int, int] = LARGE) -> AsyncIterator[Bench]:
        console = make_console(None)
        async with opened(console, size) as pilot:
            console.open_workbench(Subject(path, path.name))
            await settle(pilot)
            shown = screen(pilot)
            assert isinstance(shown, WorkbenchScreen)
            yield pilot, shown
        assert console.engine.close(10)
        assert not inspectors()

    return bench


def expected(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def under_cursor(bench: WorkbenchScreen) -> tuple[object, ...]:
    """Return the values of the row that the cursor stands on."""
    values = [bench.rows.value(bench.preview.cursor, column) for column in range(len(bench.rows.columns))]
    return tuple(value.value if value is not None else None for value in values)


async def go(pilot: Pilot[None], key: str, typed: str) -> None:
    await press(pilot, key)
    await type_text(pilot, typed)
    await press(pilot, "enter")


async def test_rows_are_sorted_by_an_index_and_reached_by_number_key_and_end(
    stock: Path, open_bench: Open
) -> None:
    async with open_bench() as (pilot, bench):
        await press(pilot, "enter", "end")
        assert under_cursor(bench)[0] == 2 * ROWS
        await go(pilot, "g", "12,345")
        assert under_cursor(bench)[0] == 2 * 12345
        await go(pilot, "g", "=20001")
        assert under_cursor(bench)[0] == 20002, "the first key behind one that is missing"
        await go(pilot, "g", "50%")
        assert bench.preview.cursor == ROWS // 2
        await press(pilot, "o")
        assert view(pilot) == "OrderDialog"
        assert "▼" in picture(pilot)
        await press(pilot, "down", "down", "down", "enter")
        rows = expected(stock, "SELECT * FROM goods ORDER BY kind DESC, id DESC")
        assert bench.pane.look is not None
        assert (bench.pane.look.order, bench.pane.look.descending) == ("by_kind", True)
        assert under_cursor(bench)[:2] == rows[0][:2]
        await press(pilot, "end")
        assert under_cursor(bench)[:2] == rows[-1][:2]
        await go(pilot, "g", "=kind 5")
        assert under_cursor(bench)[1] == "kind 5"
        assert "▼ by by_kind" in picture(pilot)
        await go(pilot, "g", "nowhere")
        assert "is no row number" in picture(pilot)


async def test_what_takes_too_long_is_stopped_and_said(open_bench: Open) -> None:
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"
    async with open_bench(size=SMALL) as (pilot, bench):
        bench.pane.seconds = 0.2
        await go(pilot, "s", endless)
        assert "time limit" in picture(pilot)
        bench.pane.seconds = None
        await pilot.press("s")
        bench.line.field.value = endless
        await pilot.press("enter")
        await pilot.pause()
        assert "x stops it" in picture(pilot)
        await press(pilot, "x")
        assert "stopped" in picture(pilot)
        await press(pilot, "escape", "enter")
        assert bench.shown is not None, "enter brings the table back"
        assert under_cursor(bench)[0] == 2


def test_a_heading_sorts_up_down_and_not(stock: Path) -> None:
    with Inspector(stock) as inspector:
        details = inspector.details("goods")
        look = Look.at(next(table for table in inspector.tables() if table.name == "goods"))
    up = order_for(details, look, "kind")
    assert up is not None
    down = order_for(details, up, "kind")
    assert down is not None
    assert (up.order, up.descending, down.order, down.descending) == ("by_kind", False, "by_kind", True)
    assert order_for(details, down, "kind") == look
    turned = order_for(details, look, "id")
    assert turned is not None
    assert (turned.order, turned.descending) == ("", True)
    assert order_for(details, turned, "id") == look
    assert order_for(details, look, "price") is None


async def test_a_condition_filters_counts_and_says_where_it_is_wrong(stock: Path, open_bench: Open) -> None:
    async with open_bench(size=SMALL) as (pilot, bench):
        await go(pilot, "w", "kind = 'kind 3' and id > 100")
        ((count,),) = expected(stock, "SELECT count(*) FROM goods WHERE kind = 'kind 3' and id > 100")
        assert bench.rows.row_count() == count
        await press(pilot, "end")
        assert under_cursor(bench)[1] == "kind 3"
        await press(pilot, "escape", "down", "up")
        assert bench.rows.row_count() == count, "each table is looked at as it was left"
        await press(pilot, "w", "home", "ctrl+k")
        await type_text(pilot, "nosuch > 1")
        await press(pilot, "enter")
        shown = picture(pilot)
        assert "no such column: nosuch" in shown
        mark = next(line for line in shown.splitlines() if "▲ here" in line)
        where = next(line for line in shown.splitlines() if "  nosuch > 1" in line)
        assert mark.index("▲") == where.index("nosuch")
        await press(pilot, "w", "home", "ctrl+k", "enter")
        assert bench.rows.row_count() == ROWS


async def test_columns_are_chosen_by_name_and_read_a_window_at_a_time(open_bench: Open) -> None:
    async with open_bench() as (pilot, bench):
        names = [table.name for table in bench.tables]
        await press(pilot, *["down"] * names.index("wide"), "enter")
        assert bench.rows.columns[0] == "column_0"
        assert "of 2,000" in picture(pilot)
        window = len(bench.rows.columns)
        assert window < 100
        bench.preview.column = window - 1
        await press(pilot, "right")
        assert bench.rows.columns[0] == f"column_{window}"
        await press(pilot, "left")
        assert bench.rows.columns[-1] == f"column_{window - 1}"
        assert bench.preview.column == window - 1
        await go(pilot, "slash", "_199[89]$")
        assert bench.rows.columns == ("column_1998", "column_1999")
        assert under_cursor(bench) == (None, 7)
        await press(pilot, "slash", "home", "ctrl+k")
        await type_text(pilot, "nowhere(")
        await press(pilot, "enter")
        assert "not a regular expression" in picture(pilot)


async def test_tables_are_filtered_while_one_types(open_bench: Open) -> None:
    async with open_bench(size=SMALL) as (pilot, bench):
        await press(pilot, "slash")
        await type_text(pilot, "!wide")
        assert bench.list.source.row_count() == len(bench.tables) - 1
        await press(pilot, "enter")
        assert pilot.app.focused is bench.list
        await press(pilot, "escape")
        assert bench.list.source.row_count() == len(bench.tables)
        assert view(pilot) == "workbench"


async def test_the_schema_is_told_and_nothing_of_it_run(stock: Path, open_bench: Open) -> None:
    before = stock.read_bytes()
    async with open_bench() as (pilot, _):
        await press(pilot, "i")
        shown = screen(pilot)
        assert isinstance(shown, SchemaScreen)
        for words in (
            "primary key",
            "by_kind",
            "never run here",
            "CREATE TRIGGER bite",
            "CREATE TABLE goods",
        ):
            assert words in picture(pilot)
        assert shown.details is not None
        assert shown.details.bytes, "sizes come behind"
        await press(pilot, "Y")
        assert "CREATE INDEX by_kind" in pilot.app.clipboard
    assert stock.read_bytes() == before
    assert os.listdir(stock.parent) == ["stock.db"]


async def test_values_are_read_as_json_as_hexadecimal_and_saved(
    stock: Path, open_bench: Open, tmp_path: Path
) -> None:
    async with open_bench() as (pilot, bench):
        names = [table.name for table in bench.tables]
        await press(pilot, *["down"] * names.index("things"), "enter", "right", "enter")
        cell = screen(pilot)
        assert isinstance(cell, CellScreen)
        assert '"tags": [' in picture(pilot)
        await press(pilot, "tab")
        assert "7b 22" in picture(pilot)
        await press(pilot, "tab", "escape", "down", "enter")
        assert "PNG picture, 640 × 480 pixels" in picture(pilot)
        await press(pilot, "s")
        assert view(pilot) == "SaveDialog"
        await press(pilot, "enter")
        saved = tmp_path / "thing-2.png"
        assert saved.read_bytes() == expected(stock, "SELECT thing FROM things WHERE id = 2")[0][0]
        assert stat.S_IMODE(saved.stat().st_mode) == 0o600
        await press(pilot, "escape", "down", "enter")
        assert "2026-03-26 10:00:00Z as Unix seconds" in picture(pilot)
        await press(pilot, "escape", "down", "enter")
        large = screen(pilot)
        assert isinstance(large, CellScreen)
        assert large.piece is not None
        assert "of 100,000,000" in picture(pilot)
        await press(pilot, "n")
        await press(pilot, "n")
        assert large.piece.first == 2 << 20
        await press(pilot, "p", "v")
        assert large.piece.first == 1 << 20
        assert "no text" in picture(pilot)


async def test_a_table_is_exported_as_a_job_and_nothing_is_replaced(
    stock: Path, open_bench: Open, tmp_path: Path
) -> None:
    async with open_bench() as (pilot, _):
        await go(pilot, "w", "id < 100")
        await press(pilot, "e")
        assert view(pilot) == "ExportDialog"
        assert "goods.csv" in picture(pilot)
        await press(pilot, "enter")
        rows = list(csv.reader(io.StringIO((tmp_path / "goods.csv").read_text(), newline="")))
        assert rows[1:] == [
            [str(value) for value in row] for row in expected(stock, "SELECT * FROM goods LIMIT 49")
        ]
        assert any("Exported 49 rows" in message for message in toasts(pilot))
        console = pilot.app
        assert isinstance(console, Console)
        (job,) = console.jobs.all
        assert job.command.startswith(f"sqlrecover export {stock} goods -where 'id < 100' -o ")
        await press(pilot, "e", "enter")
        assert console.jobs.all[-1].state == "failed", "the file is there"
        await go(pilot, "s", "select kind, count(*) as n from goods group by 1")
        await press(pilot, "e", "tab", "enter")
        answer = json.loads((tmp_path / "the-answer.json").read_text())
        assert answer[0] == {
            "kind": "kind 0",
            "n": expected(stock, "SELECT count(*) FROM goods WHERE kind='kind 0'")[0][0],
        }


async def test_sql_is_completed_remembered_planned_and_limited(open_bench: Open) -> None:
    async with open_bench() as (pilot, bench):
        await press(pilot, "s")
        await type_text(pilot, "select count(*) from goo")
        await press(pilot, "tab")
        assert bench.line.field.value == "select count(*) from goods"
        await press(pilot, "enter", "E")
        assert "SCAN goods" in picture(pilot)
        await press(pilot, "escape")
        assert load(state_folder()) == ["select count(*) from goods"]
        await press(pilot, "s", "ctrl+u")
        await type_text(pilot, "select colum")
        await press(pilot, "tab")
        assert bench.line.field.value == "select column_"
        await press(pilot, "tab")
        assert bench.line.field.value == "select column_0"
        await press(pilot, "home", "ctrl+k", "up", "enter")
        assert under_cursor(bench) == (ROWS,)
        await press(pilot, "s", "home", "ctrl+k")
        await type_text(pilot, "select 1; delete from goods")
        await press(pilot, "enter")
        assert "one statement at a time" in picture(pilot)
        await press(pilot, "T")
        assert "sql 1 min" in picture(pilot)
    async with open_bench() as (pilot, bench):
        await press(pilot, "s", "up", "up")
        assert bench.line.field.value == "select count(*) from goods", "another session remembers"


async def test_hostile_names_go_through_every_part(open_bench: Open, tmp_path: Path) -> None:
    path, name = tmp_path / "hostile.db", '[/]"\x1b[2J\u202e[b'
    quoted = name.replace('"', '""')
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f'CREATE TABLE "{quoted}"("{quoted}" TEXT DEFAULT \'[/x]\', other)')
        connection.execute(f'CREATE INDEX "i{quoted}" ON "{quoted}"("{quoted}")')
        connection.execute(f'INSERT INTO "{quoted}" VALUES (?, ?)', (json.dumps({name: name}), name))
        connection.commit()
    async with open_bench(path, SMALL) as (pilot, bench):
        for keys in (
            ["i"],
            ["escape", "o"],
            ["down", "down", "down", "enter"],
            ["enter"],
            ["tab"],
            ["escape", "e"],
        ):
            await press(pilot, *keys)
            shown = picture(pilot).replace("\n", "")
            assert not offending(shown), keys
        await press(pilot, "enter")
        assert len(os.listdir(tmp_path)) >= 2, "the file has a name that is no surprise"
        await press(pilot, "s")
        await type_text(pilot, "select [/")
        await press(pilot, "tab", "enter")
        assert not offending(picture(pilot).replace("\n", ""))
        assert bench.pane.problem.error is not None
