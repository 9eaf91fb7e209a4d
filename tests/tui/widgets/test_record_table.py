"""One table for everything: any size, cursor by key, hostile cells, keyboard and mouse."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from textual.app import App, ComposeResult

from sqlite_recovery_tui.tui.widgets.record_table import RecordTable
from sqlite_recovery_tui.tui.widgets.rows import Cell, Column, ListSource, MadeSource, Row, Source
from tests.tui.hostile import HOSTILE, offending

COLUMNS = (Column("name", "name", least=6), Column("note", "note", grow=True, drop=1))


class Tables(App[None]):
    """One table and a record of what it said."""

    def __init__(self, source: Source, columns: Sequence[Column] = COLUMNS, cursor: str = "row") -> None:
        super().__init__()
        self.table = RecordTable(columns, source, cursor=cursor, empty="nothing here")  # type: ignore[arg-type]
        self.said: list[object] = []

    def compose(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        self.table.focus()

    def on_record_table_activated(self, message: RecordTable.Activated) -> None:
        self.said.append(("activated", message.table.current_key))

    def on_record_table_header_clicked(self, message: RecordTable.HeaderClicked) -> None:
        self.said.append(("header", message.column))

    def on_record_table_wanted(self, message: RecordTable.Wanted) -> None:
        self.said.append(("wanted", message.first, message.last))


def shown(table: RecordTable) -> list[str]:
    return [table.render_line(y).text for y in range(table.size.height)]


def numbers(count: int) -> MadeSource:
    return MadeSource(range(count), lambda i: Row(i, (f"row {i}", Cell("note", "muted"))))


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
async def test_a_million_rows_cost_what_a_screenful_costs(size: tuple[int, int]) -> None:
    made = 0

    def make(i: int) -> Row:
        nonlocal made
        made += 1
        return Row(i, (f"row {i}", ""))

    app = Tables(MadeSource(range(1_000_000), make))
    async with app.run_test(size=size) as pilot:
        await pilot.press("end")
        assert "row 999999" in shown(app.table)[-1]
        assert made < 2_000


async def test_keys_move_by_row_page_and_end() -> None:
    app = Tables(numbers(500))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("j", "j", "k")
        assert app.table.cursor == 1
        await pilot.press("pagedown", "ctrl+d")
        assert app.table.cursor == 1 + 2 * app.table.page
        await pilot.press("G")
        assert app.table.cursor == 499
        await pilot.press("home")
        assert app.table.cursor == 0


async def test_the_cursor_stays_on_its_row_when_rows_come_and_go() -> None:
    rows = [Row(name, (name, "")) for name in "abcdef"]
    app = Tables(ListSource(rows))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("down", "down")
        assert app.table.current_key == "c"
        app.table.reload(ListSource([Row("new", ("new", "")), *rows]))
        assert app.table.current_key == "c"
        app.table.reload(ListSource(rows[:2]))
        assert app.table.current_key == "b"


async def test_an_empty_table_says_so() -> None:
    app = Tables(ListSource())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("down", "up", "end")
        assert any("nothing here" in line for line in shown(app.table))
        assert app.table.current is None


async def test_clicking_moves_and_clicking_again_opens() -> None:
    app = Tables(numbers(50))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.click(RecordTable, offset=(4, 4))
        assert app.table.cursor == 3
        assert app.said == []
        await pilot.click(RecordTable, offset=(4, 4))
        assert ("activated", 3) in app.said
        await pilot.click(RecordTable, offset=(4, 0))
        assert ("header", "name") in app.said


async def test_a_header_shows_what_it_is_sorted_by() -> None:
    app = Tables(numbers(5))
    async with app.run_test(size=(80, 24)):
        app.table.sort = ("name", True)
        app.table.redraw()
        assert "name ▼" in shown(app.table)[0]


async def test_rows_that_are_not_loaded_are_asked_for() -> None:
    class Later(MadeSource):
        def row(self, index: int) -> Row | None:
            return None if index >= 10 else super().row(index)

    app = Tables(Later(range(1000), lambda i: Row(i, (str(i), ""))))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert ("wanted", 10, 22) in app.said
        await pilot.press("end")
        await pilot.pause()
        assert ("wanted", 977, 999) in app.said


async def test_a_narrow_line_drops_columns_instead_of_cutting_the_first() -> None:
    app = Tables(numbers(5), (Column("name", "name", least=6), Column("x", "x", least=30, drop=1)))
    async with app.run_test(size=(30, 10)):
        assert shown(app.table)[0].split() == ["name"]


@pytest.mark.parametrize("cursor", ["row", "cell"])
async def test_hostile_cells_and_titles_are_only_text(cursor: str) -> None:
    columns = [Column(str(i), title, most=20) for i, title in enumerate(HOSTILE)]
    rows = [Row(text[:50], tuple(HOSTILE)) for text in HOSTILE] + [Row("wide", tuple(HOSTILE), wide=True)]
    app = Tables(ListSource(rows), columns, cursor)
    async with app.run_test(size=(200, 50), tooltips=True, notifications=True) as pilot:
        await pilot.press("end", *["right"] * 20)
        for line in shown(app.table):
            assert not offending(line)


async def test_a_cell_cursor_walks_sideways_and_the_view_follows() -> None:
    columns = [Column(str(i), f"column {i}", width=12) for i in range(12)]
    app = Tables(ListSource([Row(0, tuple(f"v{i}" for i in range(12)))]), columns, "cell")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*["right"] * 11)
        assert app.table.column == 11
        assert "v11" in shown(app.table)[1]
        await pilot.press(*["h"] * 11)
        assert "v0" in shown(app.table)[1]


async def test_columns_widen_for_what_scrolls_into_view() -> None:
    app = Tables(
        MadeSource(range(5000), lambda i: Row(i, ("a long name" * (i > 4000), ""))),
        (Column("name", "name"), Column("note", "note")),
    )
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("end")
        assert "a long name" in shown(app.table)[-1]


async def test_a_header_shows_that_there_is_more_to_either_side() -> None:
    columns = [Column(f"c{i}", f"column {i}", width=20) for i in range(10)]
    app = Tables(ListSource([Row(1, tuple("x" * 10))]), columns, cursor="cell")
    async with app.run_test(size=(80, 10)) as pilot:
        assert (shown(app.table)[0][0], shown(app.table)[0][-1]) == (" ", "›")
        await pilot.press(*["right"] * 5)
        assert (shown(app.table)[0][0], shown(app.table)[0][-1]) == ("‹", "›")
        await pilot.press(*["right"] * 9)
        assert (shown(app.table)[0][0], shown(app.table)[0][-1]) == ("‹", " ")


@pytest.mark.parametrize("cursor", ["row", "cell"])
async def test_no_cell_breaks_the_grid(cursor: str) -> None:
    rows = [Row(number, (value[:400], "beside")) for number, value in enumerate(HOSTILE)]
    columns = (Column("a", "a", width=20), Column("b", "b", width=8))
    app = Tables(ListSource(rows), columns, cursor=cursor)
    async with app.run_test(size=(40, 24)):
        for line in app.table.render_line(0), *(app.table.render_line(y + 1) for y in range(len(rows))):
            assert line.cell_length == app.table.size.width
        for y in range(len(rows)):
            assert app.table.render_line(y + 1).crop(24, 30).text == "beside"


async def test_cells_of_a_megabyte_cost_what_is_seen_of_them() -> None:
    columns = tuple(Column(key, key, least=8, most=400) for key in "ab")
    taken = []
    for length in (400, 1_000_000):
        big = "界" * length
        rows = [Row(number, (big, big)) for number in range(1_000)]
        app = Tables(ListSource(rows), columns, cursor="cell")
        async with app.run_test(size=(120, 40)) as pilot:
            before = time.process_time()
            await pilot.press("pagedown", "pagedown", "right", "end")
            taken.append(time.process_time() - before)
    assert taken[1] < 20 * taken[0]
