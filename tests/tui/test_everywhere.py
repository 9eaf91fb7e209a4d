"""What works wherever one is: copying, notices, help, palette, the way back, scrolling without a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.demo import DemoIncident
from sqlite_recovery_tui.tui.text import width
from sqlite_recovery_tui.tui.widgets.chrome import Frame, TopBar
from tests.tui.support import (
    LARGE,
    make_console,
    opened,
    picture,
    press,
    toasts,
    type_text,
    view,
)


async def test_where_there_are_several_things_to_copy_a_menu_asks(
    settings: Settings, incident: DemoIncident
) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "enter", "y")
        assert view(pilot) == "CopyMenu"
        shown = picture(pilot)
        for what in ("position", "object", "place", "command"):
            assert what in shown
        await press(pilot, "y")
        assert console.clipboard.startswith("00000"), "the first is the position"
        await press(pilot, "y", "j", "j", "enter")
        assert console.clipboard == incident.replicas[0].as_uri()
        await press(pilot, "y", "end", "enter")
        assert console.clipboard.startswith("sqlrecover restore -config ")
        await press(pilot, "y", "escape")
        assert console.clipboard.startswith("sqlrecover restore -config ")


async def test_a_single_thing_is_copied_at_once(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        await press(pilot, "end", "R", "y")
        assert console.clipboard.startswith("sqlrecover restore -config ")


async def test_the_same_notice_is_shown_once_and_only_a_few_at_a_time(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console) as pilot:
        for _ in range(5):
            await press(pilot, "J")
        assert toasts(pilot) == ["No restore has been started yet"]
        for number in range(9):
            console.say(f"notice {number}")
            await pilot.pause()
        assert toasts(pilot) == ["notice 5", "notice 6", "notice 7", "notice 8"]


async def test_help_tells_keys_of_all_kinds_and_why_some_do_not_work_now(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console, LARGE) as pilot:
        await press(pilot, "question_mark")
        await type_text(pilot, "session")
        assert "Go to the jobs of this session" in picture(pilot)
        assert "not now: No restore has been started yet" in picture(pilot)
        await press(pilot, "escape", "question_mark")
        await type_text(pilot, "ctrl+home")
        assert "To the first row." in picture(pilot)
        assert "in a shell: sqlrecover replicas -config" in picture(pilot)


async def test_the_palette_also_finds_what_belongs_to_other_views(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console, LARGE) as pilot:
        await press(pilot, "colon")
        await type_text(pilot, "read-only SQL")
        await pilot.pause(0.3)
        assert "not here: a key of the view “workbench”" in picture(pilot)
        await press(pilot, "escape", "escape", "colon")
        await type_text(pilot, "jobs of this session")
        await pilot.pause(0.3)
        await press(pilot, "enter")
        await press(pilot, "enter") if view(pilot) == "CommandPalette" else None
        assert view(pilot) == "jobs"


async def test_a_screen_that_is_one_long_sheet_scrolls_by_every_key(settings: Settings) -> None:
    console = make_console(settings)
    async with opened(console, (80, 12)) as pilot:
        await press(pilot, "R")
        sheet = console.screen.query_one("#sheet")
        assert sheet.max_scroll_y > 0
        for key in ("j", "down", "pagedown", "end"):
            await press(pilot, key)
        assert sheet.scroll_y == sheet.max_scroll_y
        await press(pilot, "k")
        assert sheet.scroll_y == sheet.max_scroll_y - 1
        await press(pilot, "home")
        assert sheet.scroll_y == 0


CRUMBS = ("production-litestream.yml", "orders.db s3-eu-central-1", "snapshot 00000012", "page 4711")


@pytest.mark.parametrize("cells", [60, 80, 100, 120, 200])
async def test_breadcrumbs_shorten_from_the_left_and_keep_the_last(cells: int) -> None:
    console = make_console(None)
    async with opened(console, (cells, 24)) as pilot:
        bar = console.screen.query_one(TopBar)
        bar.show(Frame(CRUMBS, "", "14:03:12Z", lock="⊘ read-only"))
        await pilot.pause()
        shown = bar.render().plain
        assert width(shown) == cells
        assert "page 4711" in shown
        assert "⊘ read-only" in shown
        assert ("production-litestream.yml" in shown) == (cells >= 200)
        if cells == 100:
            assert "snap…00012" in shown, "what leads here is cut in its middle before it is left out"


def test_wide_characters_in_crumbs_fit_too(tmp_path: Path) -> None:
    from sqlite_recovery_tui.tui.text import middle

    assert width(middle("表格データ한국어表格データ", 10)) <= 10
