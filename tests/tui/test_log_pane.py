"""The log is at hand on every screen: it follows, is filtered by words and level, and can be copied."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from sqlite_recovery_tui.config import Settings
from sqlite_recovery_tui.tui.logbook import KEPT_LINES, LogBook
from sqlite_recovery_tui.tui.widgets.log_pane import LogPane
from tests.tui.support import make_console, opened, picture, press, type_text, view


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    made = logging.getLogger("tests.log_pane")
    made.propagate = False
    made.setLevel(logging.INFO)
    yield made
    made.handlers.clear()


async def test_the_log_is_followed_filtered_and_copied(settings: Settings, logger: logging.Logger) -> None:
    console = make_console(settings)
    logger.addHandler(console.book)
    async with opened(console, (100, 40)) as pilot:
        for number in range(100):
            logger.info("listing part %d", number)
        await press(pilot, "ctrl+l")
        assert "listing part 99" in picture(pilot)
        assert "everything: 100 of 100" in picture(pilot)
        logger.warning("a slow answer [/] \x1b[2J")
        pilot.app.screen.query_one(LogPane).follow()
        await pilot.pause()
        assert "a slow answer [/] \\x1b[2J" in picture(pilot)

        await press(pilot, "v")
        assert "warnings and errors: 1 of 101" in picture(pilot)
        assert "listing part" not in picture(pilot)
        await press(pilot, "y")
        assert console.clipboard.endswith("WARNING a slow answer [/] \\x1b[2J")

        await press(pilot, "v", "v", "slash")
        await type_text(pilot, "part 42")
        assert "everything with “part 42”: 1 of 101" in picture(pilot)
        await press(pilot, "enter", "Y")
        assert console.clipboard.endswith("INFO listing part 42")
        await press(pilot, "enter")
        assert view(pilot) == "TextDialog"
        await press(pilot, "escape", "escape")
        assert "everything: 101 of 101" in picture(pilot)


async def test_the_screen_keeps_its_keys_and_its_rows_while_the_log_is_shown(
    settings: Settings, logger: logging.Logger
) -> None:
    console = make_console(settings)
    logger.addHandler(console.book)
    async with opened(console, (100, 40)) as pilot:
        logger.error("one")
        await press(pilot, "ctrl+l")
        assert "back to the screen" in picture(pilot).splitlines()[-1]
        await press(pilot, "escape", "down", "enter")
        assert view(pilot) == "replica"
        assert "offsite" in picture(pilot).splitlines()[0]
        await press(pilot, "escape", "ctrl+l")
        assert not pilot.app.screen.query(LogPane)
        await press(pilot, "enter")
        assert view(pilot) == "replica", "the focus is where it was"


async def test_a_cursor_that_left_the_end_stays_where_it_is(
    settings: Settings, logger: logging.Logger
) -> None:
    console = make_console(settings)
    logger.addHandler(console.book)
    async with opened(console) as pilot:
        for number in range(50):
            logger.info("line %d", number)
        await press(pilot, "ctrl+l", "home")
        logger.info("the newest")
        pane = pilot.app.screen.query_one(LogPane)
        pane.follow()
        await pilot.pause()
        assert pane.lines.cursor == 0
        assert "the newest" not in picture(pilot)


def test_the_book_is_bounded_and_only_holds_safe_text() -> None:
    book = LogBook()
    for number in range(KEPT_LINES + 10):
        book.emit(logging.LogRecord("x", logging.INFO, "", 0, "%d \x1b \u202e", (number,), None))
    assert len(book.notes) == KEPT_LINES
    assert book.notes[-1].words == f"{KEPT_LINES + 9} \\x1b \\u202e"
