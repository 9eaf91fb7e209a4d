"""The hexadecimal view: any size, any width, a cursor that never leaves the bytes."""

from __future__ import annotations

import mmap
import time
from pathlib import Path

import pytest
from textual.app import App, ComposeResult

from sqlite_recovery_tui.tui.widgets.hex_view import HexView, Region

MESSAGE = b"SQLite format 3\0" + bytes(range(256))


class Shown(App[None]):
    """An application with nothing but the view."""

    def __init__(self, data: bytes | memoryview) -> None:
        super().__init__()
        self.data = data
        self.moved: list[int] = []

    def compose(self) -> ComposeResult:
        yield HexView()

    def on_mount(self) -> None:
        self.view.show(self.data, regions=(Region(0, 16, "magic", "accent"), Region(20, 24, "field")))
        self.view.focus()

    def on_hex_view_moved(self, message: HexView.Moved) -> None:
        self.moved.append(message.offset)

    @property
    def view(self) -> HexView:
        return self.query_one(HexView)

    def line(self, y: int) -> str:
        return self.view.render_line(y).text


@pytest.mark.parametrize(("width", "columns"), [(30, 4), (50, 8), (80, 16), (160, 32)])
async def test_a_line_takes_as_many_bytes_as_fit(width: int, columns: int) -> None:
    app = Shown(MESSAGE)
    async with app.run_test(size=(width, 10)) as pilot:
        await pilot.pause()
        assert app.view.columns == columns
        assert app.line(0).startswith(" 0000  53 51 4c 69")
        assert app.line(1).startswith(f" {columns:04x}")
        assert len(app.line(0)) <= width
        assert all(len(app.line(y)) == app.view.scrollable_content_region.width for y in range(12))


async def test_keys_move_the_cursor_and_never_beyond_the_bytes() -> None:
    app = Shown(MESSAGE)
    async with app.run_test(size=(80, 10)) as pilot:
        await pilot.press("right", "down", "left", "up", "up")
        assert app.view.cursor == 0
        await pilot.press("left")
        assert app.view.cursor == 0
        await pilot.press("j", "l", "G")
        assert app.view.cursor == len(MESSAGE) - 1
        assert app.view.scroll_offset.y == app.view.lines - app.view.page
        await pilot.press("down", "right", "pagedown")
        assert app.view.cursor == len(MESSAGE) - 1
        await pilot.press("home")
        assert app.view.cursor == app.view.scroll_offset.y == 0
        assert app.moved[-1] == 0


async def test_a_click_chooses_a_byte_on_either_side() -> None:
    app = Shown(MESSAGE)
    async with app.run_test(size=(80, 10)) as pilot:
        await pilot.pause()
        hexadecimal = app.line(1).index("00 01")
        await pilot.click(HexView, offset=(hexadecimal + 3, 1))
        assert app.view.cursor == 17
        await pilot.click(HexView, offset=(app.line(0).index("SQLite") + 2, 0))
        assert app.view.cursor == 2


async def test_regions_tell_what_a_byte_belongs_to() -> None:
    app = Shown(MESSAGE)
    async with app.run_test(size=(80, 10)) as pilot:
        await pilot.pause()
        found = [app.view.region_at(offset) for offset in (0, 15, 16, 20, 23, 24)]
        assert [region.title if region else None for region in found] == [
            "magic", "magic", None, "field", "field", None,
        ]  # fmt: skip


async def test_no_bytes_are_said_to_be_none() -> None:
    app = Shown(b"")
    async with app.run_test(size=(80, 10)) as pilot:
        await pilot.press("down", "G", "right")
        assert "no bytes" in app.line(1)
        assert app.view.cursor == 0


async def test_a_gigabyte_costs_what_a_screenful_costs(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        data = memoryview(mapped)
        app = Shown(data)
        began = time.process_time()
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("G", "pageup", "home", "pagedown")
            assert app.view.cursor == app.view.page * app.view.columns
            assert time.process_time() - began < 5
            app.view.data = app.data = b""
        data.release()
